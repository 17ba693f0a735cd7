"""Sends tus requests to the application itself: chunk by chunk, and broken off where a test says so."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import orjson
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message

TUS = {"tus-resumable": "1.0.0"}
BYTES: dict[str, Any] = {"content-type": "application/offset+octet-stream"}


@dataclass
class Answer:
    """What came back; the status is 0 where nothing did."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def code(self) -> str:
        code: str = orjson.loads(self.body)["errors"][0]["extensions"]["code"]
        return code

    @property
    def offset(self) -> int:
        return int(self.headers["upload-offset"])


class TusClient:
    """Asks with these headers."""

    def __init__(self, app: ASGIApp, **headers: str) -> None:
        self._app = app
        self._headers = {**TUS, **headers}

    async def ask(
        self,
        method: str,
        url: str,
        chunks: Iterable[bytes | asyncio.Event] = (),
        *,
        lost: bool = False,
        without: str = "",
        **headers: Any,
    ) -> Answer:
        """Send a request, whose client is lost after these chunks or ends it well; an event is waited for."""
        parts = urlsplit(url)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in {**self._headers, **named}.items() if name != without}
        scope = {
            "type": "http",
            "method": method,
            "path": parts.path,
            "query_string": parts.query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
            "server": ("headgate", 80),
            "client": ("127.0.0.1", 1),
            "scheme": "http",
            "http_version": "1.1",
        }
        messages, answer = _messages(list(chunks), lost), Answer()

        async def receive() -> Message:
            return await anext(messages)

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer.status = message["status"]
                answer.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                answer.body += message.get("body", b"")

        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            assert lost
        return answer

    async def create(self, content_bytes: int | None, **headers: Any) -> Answer:
        """Begin an upload."""
        length: dict[str, Any] = (
            {"upload-defer-length": "1"} if content_bytes is None else {"upload-length": str(content_bytes)}
        )
        return await self.ask("POST", "/uploads", **length, **headers)

    async def patch(self, url: str, at: int, *chunks: bytes | asyncio.Event, **options: Any) -> Answer:
        """Send bytes from a place on."""
        return await self.ask("PATCH", url, chunks, **{**BYTES, "upload-offset": str(at), **options})


async def _messages(chunks: list[bytes | asyncio.Event], lost: bool) -> AsyncIterator[Message]:
    for chunk in chunks:
        if isinstance(chunk, asyncio.Event):
            await chunk.wait()
        else:
            yield {"type": "http.request", "body": chunk, "more_body": True}
    if not lost:
        yield {"type": "http.request", "body": b"", "more_body": False}
    while True:
        yield {"type": "http.disconnect"}
