"""Which URLs may be fetched, and a network that dials allowed addresses alone.

What counts is the address that is dialled, not how the URL spells it: a name is resolved once, every address that it
has is checked, and one of these is dialled. Names that change their address meanwhile gain nothing by it.
"""

import socket
import time
from collections.abc import Callable, Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from ssl import SSLCertVerificationError, SSLContext
from typing import Any

import httpcore
import httpx

from headgate.errors import JobFault, UserFault

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL_LENGTH = 2_000
MAX_REDIRECTS = 5
SCHEMES = ("http", "https")
GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that IPv6 has given out: local, multicast and reserved addresses lie outside."""
NAT64 = IPv6Network("64:ff9b::/96")
TRANSLATED = IPv6Network("::ffff:0:0:0/96")
SPECIAL = tuple(ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "3fff::/20"))
"""What `is_global` of some versions of Python takes for public: protocols' own addresses, relays, documentation."""
SLICE_S = 0.5
"""How long to wait for bytes before whoever watches is asked again whether to go on."""


def check_url(url: str, path: tuple[str, ...] = ()) -> None:
    """Say whether a URL can be one to fetch, which needs no network; `path` leads to it in the input.

    Raises UserFault INVALID_URL.
    """
    try:
        read_url(url)
    except ValueError as error:
        raise UserFault("INVALID_URL", str(error), path) from None


def read_url(url: str) -> httpx.URL:
    """Read a URL that somebody gives. Raises ValueError, with words for them."""
    if len(url) > MAX_URL_LENGTH:
        raise ValueError(f"A URL has at most {MAX_URL_LENGTH:,} characters.")
    if not url.isprintable() or " " in url:
        raise ValueError("A URL holds no blanks and no control characters.")
    return parse_url(url)


def parse_url(url: str) -> httpx.URL:
    """Read an absolute URL that may be fetched. Raises ValueError, with words for whoever gave it."""
    try:
        parts = httpx.URL(url)
        host = parts.host
    except (httpx.InvalidURL, ValueError):
        raise ValueError("This is not a URL.") from None
    if parts.scheme not in SCHEMES or not host:
        raise ValueError("A URL begins with http:// or https:// and a host.")
    if parts.userinfo:
        raise ValueError("A URL may not hold a user name or a password.")
    if "%" in host or (parts.port is not None and not 0 < parts.port <= 65535):
        raise ValueError("The host or the port of the URL is not one.")
    return parts


def redirected(url: httpx.URL, location: str) -> httpx.URL:
    """Where a server redirects to. Raises JobFault URL_NOT_ALLOWED."""
    try:
        there = parse_url(str(url.join(location)))
    except (httpx.InvalidURL, ValueError):
        raise not_allowed("The URL redirects to one that can't be fetched.") from None
    if url.scheme == "https" and there.scheme == "http":
        raise not_allowed("The URL redirects from https to http.")
    return there


def is_allowed(address: Address, networks: Sequence[Network]) -> bool:
    """Whether an address is public or in one of `networks`; one that stands for another counts as that."""
    dialled = _meant(address)
    return _is_public(dialled) or any(dialled in network for network in networks)


def _meant(address: Address) -> Address:
    """The IPv4 address that an IPv6 address leads to, where its form says so."""
    if isinstance(address, IPv4Address):
        return address
    if address in NAT64 or address in TRANSLATED:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: Address) -> bool:
    if address.is_multicast or address.is_reserved or any(address in network for network in SPECIAL):
        return False
    return address.is_global and (address.version == 4 or address in GLOBAL_UNICAST)


def resolve(host: str, port: int) -> list[Address]:
    """Every address of a host, in the order in which the system dials them. Raises OSError where there is none."""
    found = socket.getaddrinfo(host.encode("ascii"), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(ip_address(end[0]) for *_, end in found))


class Patience:
    """How long all of a download may take; `heed` is called while it waits, and may raise what ends it."""

    def __init__(self, timeout_s: float, heed: Callable[[], None]) -> None:
        self._end = time.monotonic() + timeout_s
        self._heed = heed

    def left(self, most_s: float | None) -> float:
        """For how many seconds to wait now. Raises JobFault URL_TIMED_OUT where the time is over."""
        self._heed()
        left_s = self._end - time.monotonic()
        if left_s <= 0:
            raise timed_out()
        return left_s if most_s is None else min(left_s, most_s)


def timed_out() -> JobFault:
    """The fault of a server that takes too long."""
    return JobFault("URL_TIMED_OUT", "The server of the URL takes too long.", "DEPENDENCY", retryable=True)


def not_allowed(why: str) -> JobFault:
    """The fault of a URL that this server does not call."""
    return JobFault("URL_NOT_ALLOWED", why, "CONFIG")


def unreachable(why: str, retryable: bool = True) -> JobFault:
    """The fault of a server that gives no whole answer."""
    return JobFault("URL_UNREACHABLE", why, "DEPENDENCY", retryable)


class AllowedNetwork(httpcore.NetworkBackend):
    """Dials hosts whose every address is allowed, as long as the patience lasts."""

    def __init__(self, networks: Sequence[Network], patience: Patience) -> None:
        self._networks = networks
        self._patience = patience
        self._system = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Dial a host. Raises JobFault: URL_NOT_ALLOWED, URL_UNREACHABLE, URL_TIMED_OUT."""
        for address in self._addresses(host, port):
            try:
                wait_s = self._patience.left(timeout)
                dialled = self._system.connect_tcp(str(address), port, wait_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
            return PatientStream(dialled, self._patience)
        raise unreachable("The server of the URL can't be reached.")

    def _addresses(self, host: str, port: int) -> Sequence[Address]:
        try:
            addresses = resolve(host, port)
        except OSError:
            raise unreachable("The host of the URL has no address.") from None
        if not all(is_allowed(address, self._networks) for address in addresses):
            raise not_allowed(
                "The URL leads to an address that is not public. "
                "An operator can allow its network with HEADGATE_ALLOWED_NETWORKS."
            )
        return addresses


class PatientStream(httpcore.NetworkStream):
    """A connection whose every wait counts against the patience, so that no drip of bytes can stretch it."""

    def __init__(self, stream: httpcore.NetworkStream, patience: Patience) -> None:
        self._stream = stream
        self._patience = patience

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Receive what is there, up to so many bytes. Raises ReadTimeout after `timeout` seconds of silence."""
        began = time.monotonic()
        while True:
            wait_s = self._patience.left(SLICE_S if timeout is None else min(SLICE_S, timeout))
            try:
                return self._stream.read(max_bytes, wait_s)
            except httpcore.ReadTimeout:
                if timeout is not None and time.monotonic() - began >= timeout:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send bytes."""
        self._stream.write(buffer, self._patience.left(timeout))

    def close(self) -> None:
        """Hang up."""
        self._stream.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """Go on encrypted, with a server that proves to have the URL's name. Raises JobFault URL_UNREACHABLE."""
        wait_s = self._patience.left(timeout)
        try:
            encrypted = self._stream.start_tls(ssl_context, server_hostname, wait_s)
        except httpcore.ConnectError as error:
            if isinstance(error.__cause__, SSLCertVerificationError):
                raise unreachable("The certificate of the URL's server is not trusted.", False) from error
            raise unreachable("The server of the URL makes no encrypted connection.") from error
        return PatientStream(encrypted, self._patience)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore wants to know of a connection."""
        return self._stream.get_extra_info(info)
