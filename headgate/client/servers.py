"""Which server is asked, by whom and how patiently."""

import os
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self
from urllib.parse import urlsplit

import httpx

URL_VARIABLE, TOKEN_VARIABLE = "HEADGATE_URL", "HEADGATE_TOKEN"
DEFAULT_URL = "http://127.0.0.1:8000"
CONNECT_S = 10.0
RETRY_FOR_S = 60.0
FIRST_RETRY_FOR_S = 5.0
"""A server that has never answered is tried for no longer by itself: its address may be wrong."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server's address and a token for it.

    An answer is waited for `timeout_s`, and asked for again `retry_for_s`, or `first_retry_for_s` before the first one.
    """

    url: str
    token: str | None
    timeout_s: float
    retry_for_s: float = RETRY_FOR_S
    first_retry_for_s: float = FIRST_RETRY_FOR_S

    @classmethod
    def named(
        cls, url: str | None, token: str | None, *, timeout_s: float, retry_for_s: float | None
    ) -> Self:
        """Fill what is None in from the environment. Raises ValueError for what is no URL."""
        url = url or os.environ.get(URL_VARIABLE) or DEFAULT_URL
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no URL of a server, such as {DEFAULT_URL}.")
        token = (token or os.environ.get(TOKEN_VARIABLE) or "").strip() or None
        retrying = () if retry_for_s is None else (retry_for_s, retry_for_s)
        return cls(url.rstrip("/"), token, timeout_s, *retrying)

    @property
    def headers(self) -> dict[str, str]:
        """What each request carries."""
        return {"authorization": f"Bearer {self.token}"} if self.token else {}

    @property
    def timeout(self) -> httpx.Timeout:
        """How long each part of a request may take."""
        return httpx.Timeout(self.timeout_s, connect=min(self.timeout_s, CONNECT_S))

    @property
    def trust_env(self) -> bool:
        """Whether proxies of the environment are used: for all but this machine itself, which none can reach."""
        return not _is_loopback(urlsplit(self.url).hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
