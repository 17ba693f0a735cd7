"""A server that is called over HTTP: shown who is calling, and followed to where it redirects."""

from dataclasses import replace

import httpx

from headgate.pipelines.endpoints.called import CalledEndpoint
from headgate.pipelines.endpoints.credentials import credentials_of
from headgate.pipelines.endpoints.namedvalues import pairs
from headgate.pipelines.endpoints.retrying import Passing
from headgate.pipelines.endpoints.transport import Answer, Request, Transport
from headgate.pipelines.outgoing import MAX_REDIRECTS, not_allowed, redirected

UNAUTHORIZED = 401
PORTS = {"http": 80, "https": 443}
SHARED = ("accept", "content-type")
"""The headers that a server of another origin may see."""


class WebService:
    """The server of an endpoint. Neither its credentials nor its headers go to servers of another origin."""

    def __init__(self, model: CalledEndpoint, transport: Transport) -> None:
        self.url = model.url
        self._model, self._transport = model, transport
        self._origin = _origin(httpx.URL(model.url))
        self._credentials = credentials_of(model, self._ask)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()

    def exchange(self, request: Request) -> Answer:
        """Ask once, and once more with new credentials where they are refused; answers whatever the status is.

        Raises Passing where it may answer later, and JobFault.
        """
        signed, answer = self._followed(request)
        if answer.status == UNAUTHORIZED and self._credentials.renew(signed):
            _, answer = self._followed(request)
        return answer

    def _followed(self, request: Request) -> tuple[Request, Answer]:
        """The answer that redirects lead to, and the request it is for, as it was sent."""
        for _ in range(MAX_REDIRECTS + 1):
            sent = self._signed(request)
            answer = self._transport.send(sent, self._model.timeout_seconds)
            following = _following(request, answer)
            if following is None:
                return sent, replace(answer, url=str(request.url))
            request = following
        raise not_allowed(f"The URL redirects more than {MAX_REDIRECTS} times.")

    def _signed(self, request: Request) -> Request:
        if _origin(request.url) != self._origin:
            shared = [(name, value) for name, value in request.headers if name.lower() in SHARED]
            return replace(request, headers=shared)
        given = {name.lower() for name, _ in request.headers}
        own = [(name, value) for name, value in pairs(self._model.headers) if name.lower() not in given]
        return self._credentials.sign(replace(request, headers=[*own, *request.headers]))

    def _ask(self, request: Request) -> Answer:
        """Ask the server of tokens; whatever goes wrong there, the endpoint itself has done nothing."""
        try:
            return self._transport.send(request, self._model.timeout_seconds)
        except Passing as trouble:
            raise Passing(trouble.fault, undone=True) from trouble


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or PORTS.get(url.scheme)


def _following(request: Request, answer: Answer) -> Request | None:
    """What to ask for next, where the answer leads elsewhere; nothing that was sent is lost by it."""
    location = answer.headers.get("location")
    is_reading = request.method in ("GET", "HEAD")
    if location is None or answer.status not in (303, 307, 308, *((301, 302) if is_reading else ())):
        return None
    there = redirected(request.url, location)
    if answer.status == 303 and not is_reading:
        return replace(request, method="GET", url=there, content=None)
    if request.content and _origin(there) != _origin(request.url):
        raise not_allowed("The URL redirects what was sent to another server.")
    return replace(request, url=there)
