"""How calls show who is calling."""

import threading
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import quote_plus, unquote_plus, urlencode

import httpx
from pydantic import SecretStr

from headgate.errors import JobFault
from headgate.pipelines.endpoints.called import CalledEndpoint
from headgate.pipelines.endpoints.druid import DruidEndpoint
from headgate.pipelines.endpoints.http import Auth, HttpEndpoint, KeyPlace
from headgate.pipelines.endpoints.retrying import PASSING, Passing, retry_after
from headgate.pipelines.endpoints.transport import Answer, Request, invalid

EARLY_S = 30.0
"""So long before it ends a token is no longer used."""
REFUSALS = (400, 401)
"""How a server answers that doesn't take a client's credentials the way they came."""

Ask = Callable[[Request], Answer]
"""Asks another server, and answers whatever it says. Raises JobFault where nothing came."""


class Credentials(Protocol):
    """Signs requests."""

    def sign(self, request: Request) -> Request:
        """The request, with what shows who is calling."""
        ...

    def renew(self, signed: Request) -> bool:
        """Whether another try may help after this signed request was refused with 401."""
        ...


@dataclass(frozen=True, slots=True)
class InHeader:
    """A header that never changes."""

    name: str
    value: SecretStr

    def sign(self, request: Request) -> Request:
        """The request with the header."""
        return _with(request, self.name, self.value.get_secret_value())

    def renew(self, signed: Request) -> bool:
        """There is no other."""
        return False


@dataclass(frozen=True, slots=True)
class InQuery:
    """A parameter that never changes."""

    name: str
    value: SecretStr

    def sign(self, request: Request) -> Request:
        """The request with the parameter; where a link brought it along, it takes its place."""
        given = [part for part in request.url.query.decode().split("&") if part and not self._is(part)]
        query = "&".join([*given, urlencode({self.name: self.value.get_secret_value()})])
        return replace(request, url=request.url.copy_with(query=query.encode()))

    def renew(self, signed: Request) -> bool:
        """There is no other."""
        return False

    def _is(self, part: str) -> bool:
        return unquote_plus(part.partition("=")[0]) == self.name


class Anonymous:
    """Shows nothing."""

    def sign(self, request: Request) -> Request:
        """The request as it is."""
        return request

    def renew(self, signed: Request) -> bool:
        """There is nothing to show."""
        return False


class ClientCredentials:
    """A token of OAuth 2, kept until shortly before its end, and got anew once where it is refused earlier."""

    def __init__(self, endpoint: HttpEndpoint, ask: Ask) -> None:
        self._endpoint, self._ask = endpoint, ask
        self._token = ""
        self._end = 0.0
        self._lock = threading.Lock()

    def sign(self, request: Request) -> Request:
        """The request with the token. Raises JobFault (AUTHENTICATION_FAILED) where there is none to be had."""
        with self._lock:
            if not self._token or time.monotonic() >= self._end:
                self._token, self._end = self._fetch()
            return _with(request, "Authorization", f"Bearer {self._token}")

    def renew(self, signed: Request) -> bool:
        """Forget the token with which this was signed, unless another thread did that before."""
        with self._lock:
            if ("Authorization", f"Bearer {self._token}") in signed.headers:
                self._token = ""
        return True

    def _fetch(self) -> tuple[str, float]:
        """A token, and when to get the next."""
        asked = time.monotonic()
        answer = self._ask(self._asking(in_header=True))
        if answer.status in REFUSALS:
            # Servers differ in where they look for the client's secret, and don't say.
            answer = self._ask(self._asking(in_header=False))
        if not 200 <= answer.status < 300:
            raise _refusal(answer)
        return self._read(answer, asked)

    @staticmethod
    def _read(answer: Answer, asked: float) -> tuple[str, float]:
        said = answer.json()
        token = said.get("access_token") if isinstance(said, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise invalid("The token server of the endpoint answers without a token.")
        lasts_s = said.get("expires_in")
        known = isinstance(lasts_s, int | float) and lasts_s > 0
        return token, asked + (max(lasts_s - EARLY_S, lasts_s / 2) if known else float("inf"))

    def _asking(self, *, in_header: bool) -> Request:
        endpoint = self._endpoint
        name, secret = _said(endpoint.client_id), _said(endpoint.client_secret)
        form = {"grant_type": "client_credentials"}
        form |= {"scope": endpoint.scope} if endpoint.scope else {}
        headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Accept", "application/json")]
        if in_header:
            headers.append(("Authorization", _basic(quote_plus(name), quote_plus(secret))))
        else:
            form |= {"client_id": name, "client_secret": secret}
        return Request("POST", httpx.URL(endpoint.token_url or ""), headers, urlencode(form).encode())


def _refusal(answer: Answer) -> Exception:
    message = f"The token server of the endpoint answers with status {answer.status}."
    retryable = answer.status >= 500 or answer.status in PASSING
    details = {"status": answer.status}
    fault = JobFault("AUTHENTICATION_FAILED", message, "DEPENDENCY", retryable, details)
    if answer.status in PASSING:
        return Passing(fault, undone=True, wait_s=retry_after(answer.headers))
    return fault


def credentials_of(endpoint: CalledEndpoint, ask: Ask) -> Credentials:
    """What shows who is calling an endpoint; `ask` is for those whose tokens come from another server."""
    match endpoint:
        case DruidEndpoint():
            return _plain(endpoint.token, endpoint.username, endpoint.password)
        case HttpEndpoint(method=Auth.BEARER):
            return _plain(endpoint.token, None, None)
        case HttpEndpoint(method=Auth.BASIC):
            return _plain(None, endpoint.username, endpoint.password)
        case HttpEndpoint(method=Auth.API_KEY, api_key=SecretStr() as key):
            kind = InQuery if endpoint.api_key_in is KeyPlace.QUERY else InHeader
            return kind(endpoint.key_name, key)
        case HttpEndpoint(method=Auth.OAUTH2):
            return ClientCredentials(endpoint, ask)
    return Anonymous()


def _plain(token: SecretStr | None, username: SecretStr | None, password: SecretStr | None) -> Credentials:
    if token is not None:
        return InHeader("Authorization", SecretStr(f"Bearer {_said(token)}"))
    if password is not None:
        return InHeader("Authorization", SecretStr(_basic(_said(username), _said(password))))
    return Anonymous()


def _basic(username: str, password: str) -> str:
    return f"Basic {b64encode(f'{username}:{password}'.encode()).decode()}"


def _said(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""


def _with(request: Request, name: str, value: str) -> Request:
    return replace(request, headers=[*request.headers, (name, value)])
