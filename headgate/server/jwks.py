"""The public keys of an outside issuer (RFC 7517), fetched when they are needed and remembered for minutes."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from headgate.server.body import decode_json
from headgate.server.responses import Refusal

ALGORITHMS = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384"),
    "OKP": ("EdDSA",),
}
"""The algorithms of each type of key; none of them is symmetric."""
MIN_RSA_BITS = 2048
MAX_KEYS = 100
KEEP_S = 600.0
REFRESH_S = 300.0
"""From this age on keys are fetched again in the background, so that requests needn't wait for that."""
FETCH_EVERY_S = 10.0
TIMEOUT_S = 5.0
MAX_BYTES = 1024**2
DISCOVERY_PATH = "/.well-known/openid-configuration"
# A compressed answer could be much larger than what is counted.
HEADERS = {"accept": "application/json", "accept-encoding": "identity"}

logger = structlog.get_logger(__name__)


class Unavailable(Exception):
    """Why the keys of an issuer can't be had."""


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """A public key, and the one algorithm that it is for."""

    key: Any
    algorithm: str


class IssuerKeys:
    """Finds keys of an issuer by id.

    `url` is where they are; None where the issuer's discovery document says that. One fetch runs at a time, at most
    every ten seconds, and takes five seconds at most. Keys stay as they are when one fails.
    """

    def __init__(self, issuer: str, url: str | None) -> None:
        self._issuer = issuer
        self._url = url
        self._keys: Mapping[str, IssuerKey] = {}
        self._fetched_at = self._tried_at = float("-inf")
        self._fetching: asyncio.Task[None] | None = None

    async def find(self, key_id: object) -> IssuerKey | None:
        """Find a key, which may take a fetch; None where the issuer has none of this id, or it can't be asked."""
        if not isinstance(key_id, str):
            return None
        age_s = monotonic() - self._fetched_at
        if key_id not in self._keys or age_s > KEEP_S:
            await self._refresh()
        elif age_s > REFRESH_S:
            self._begin()
        return self._keys.get(key_id)

    async def _refresh(self) -> None:
        if (fetching := self._begin()) is not None:
            # Others may wait for the same fetch, so that none of them may cancel it.
            await asyncio.shield(fetching)

    def _begin(self) -> asyncio.Task[None] | None:
        """The fetch that is running, or a new one; None where the last one is not long ago."""
        if self._fetching is not None and not self._fetching.done():
            return self._fetching
        if monotonic() - self._tried_at < FETCH_EVERY_S:
            return None
        self._tried_at = monotonic()
        self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            async with asyncio.timeout(TIMEOUT_S):
                self._keys = usable_keys(await self._fetch_set())
        except (httpx.HTTPError, httpx.InvalidURL, Unavailable, Refusal, TimeoutError) as error:
            reason = str(error) or type(error).__name__
            logger.warning("outside.keys_unavailable", issuer=self._issuer, reason=reason)
        else:
            self._fetched_at = monotonic()
            logger.info("outside.keys_fetched", issuer=self._issuer, keys=len(self._keys))

    async def _fetch_set(self) -> object:
        async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_S, headers=HEADERS) as client:
            if self._url is not None:
                return await _get(client, self._url)
            found = await _get(client, self._issuer.rstrip("/") + DISCOVERY_PATH)
            if not isinstance(found, dict) or found.get("issuer") != self._issuer:
                raise Unavailable("The discovery document is another issuer's.")
            return await _get(client, str(found.get("jwks_uri")))


def is_safe_url(url: str) -> bool:
    """Tell whether nobody on the way can change what is read from here: https, or this very machine."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host or "")))


def usable_keys(found: object) -> dict[str, IssuerKey]:
    """Make keys of a JWK set by their ids; leaves out what can't verify. Raises Unavailable for what is no set."""
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or len(keys) > MAX_KEYS:
        raise Unavailable(f"This is no JWK set of at most {MAX_KEYS} keys.")
    usable = {}
    for each in keys:
        if isinstance(each, dict) and (key := _usable(each)) is not None:
            usable[each["kid"]] = key
    return usable


def _usable(said: dict[str, Any]) -> IssuerKey | None:
    """The key that a JWK says: public, with an id, meant for signatures and strong enough; else None."""
    kind = said.get("kty")
    allowed = ALGORITHMS.get(kind, ()) if isinstance(kind, str) else ()
    if not isinstance(said.get("kid"), str) or "d" in said or not _is_meant(said):
        return None
    if said.get("alg", next(iter(allowed), None)) not in allowed:
        return None
    try:
        made = jwt.PyJWK(said)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return None
    is_weak = isinstance(made.key, RSAPublicKey) and made.key.key_size < MIN_RSA_BITS
    if made.algorithm_name not in allowed or is_weak:
        return None
    return IssuerKey(made.key, made.algorithm_name)


def _is_meant(said: dict[str, Any]) -> bool:
    """Whether a JWK is for verifying signatures, as far as it says what for."""
    operations = said.get("key_ops", ["verify"])
    return said.get("use", "sig") == "sig" and isinstance(operations, list) and "verify" in operations


async def _get(client: httpx.AsyncClient, url: str) -> object:
    """Read JSON; raises Unavailable for other answers and long ones, and what httpx and the parser raise."""
    if not is_safe_url(url):
        raise Unavailable("Keys are fetched over https only.")
    async with client.stream("GET", url) as response:
        if response.status_code != httpx.codes.OK:
            raise Unavailable(f"{url} answers with status {response.status_code}.")
        body = b""
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > MAX_BYTES:
                raise Unavailable(f"{url} answers with more than {MAX_BYTES} bytes.")
    return decode_json(body)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
