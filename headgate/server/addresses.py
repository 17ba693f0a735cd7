"""Where a request comes from: the peer of its connection, or what proxies that are trusted say of it."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from headgate.domain.addresses import Address, read_address

Network = IPv4Network | IPv6Network

SOCKET_SCHEMES = {"http": "ws", "https": "wss"}
IS_TRUSTED = "headgate.is_trusted"
"""Where the scope of a request tells whether what came with it is a trusted proxy's word."""


class TrustedProxies:
    """Believes X-Forwarded-For and X-Forwarded-Proto where the peer of a connection is in one of `networks`.

    The client is the rightmost address that is in none of them: what stands left of it was written by the client.
    From all other peers the headers mean nothing.
    """

    def __init__(self, app: ASGIApp, *, networks: Sequence[Network]) -> None:
        self._app = app
        self._networks = networks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._networks and scope["type"] != "lifespan":
            peer = read_address(address_of(scope) or "")
            if self._is_trusted(peer):
                scope = self._as_told(scope)
        await self._app(scope, receive, send)

    def _as_told(self, scope: Scope) -> Scope:
        headers = Headers(scope=scope)
        told: dict[str, object] = {IS_TRUSTED: True}
        if (client := self._client(headers.getlist("x-forwarded-for"))) is not None:
            told["client"] = (str(client), 0)
        scheme = _entries(headers.getlist("x-forwarded-proto"))[-1].lower()
        if scheme in SOCKET_SCHEMES:
            told["scheme"] = SOCKET_SCHEMES[scheme] if scope["type"] == "websocket" else scheme
        return {**scope, **told}

    def _client(self, forwarded: Sequence[str]) -> Address | None:
        """Read from right to left as long as trusted proxies have written it; None where nothing can be read."""
        client = None
        for entry in reversed(_entries(forwarded)):
            address = read_address(_without_port(entry))
            if address is None:
                return client
            client = address
            if not self._is_trusted(client):
                return client
        return client

    def _is_trusted(self, address: Address | None) -> bool:
        return address is not None and any(address in network for network in self._networks)


def address_of(scope: Scope) -> str | None:
    """Tell where a request comes from; None where it came through a socket of this machine that has no address."""
    client = scope.get("client")
    return client[0] if client else None


def _entries(values: Sequence[str]) -> list[str]:
    return [entry.strip() for entry in ",".join(values).split(",")]


def _without_port(entry: str) -> str:
    """Take what some proxies add off an address: `192.0.2.1:4711`, `[2001:db8::1]:4711`."""
    if entry.startswith("["):
        return entry[1:].partition("]")[0]
    return entry.partition(":")[0] if entry.count(":") == 1 else entry
