"""The parts of a multipart/form-data body, read one after the other while the body arrives."""

from collections import deque
from collections.abc import AsyncIterable
from enum import Enum, auto
from typing import NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from headgate.server.responses import Refusal, malformed

MAX_BOUNDARY_BYTES = 70
MAX_NAME_CHARS = 255


class Part(NamedTuple):
    """The headers of a part; `file_name` is harmless as text: printable and at most 255 characters."""

    name: str
    file_name: str


class Mark(Enum):
    """Where something ends."""

    PART = auto()
    BODY = auto()


Event = Part | bytes | Mark


class Parts:
    """Pulls parts from a body; every method raises Refusal as soon as the body breaks the format."""

    def __init__(self, body: AsyncIterable[bytes], content_type: str) -> None:
        self._chunks = aiter(body)
        self._parser = _PushParser(_boundary(content_type))
        self._events: deque[Event] = deque()

    async def begin(self, name: str) -> Part:
        """Read the headers of the next part, which must have this name."""
        part = await self._next()
        if not isinstance(part, Part) or part.name != name:
            raise malformed(f"The next part must be `{name}`: the order is operations, map, file.")
        return part

    async def data(self) -> bytes | None:
        """Read some bytes of the part; None at its end."""
        event = await self._next()
        return event if isinstance(event, bytes) else None

    async def text(self, name: str, *, max_bytes: int) -> bytes:
        """Read the next part whole."""
        await self.begin(name)
        text = bytearray()
        while (data := await self.data()) is not None:
            text += data
            if len(text) > max_bytes:
                raise Refusal(413, "BODY_TOO_LARGE", "The fields of the multipart body are too large.")
        return bytes(text)

    async def end(self) -> None:
        """Make sure that no part is left."""
        if await self._next() is not Mark.BODY:
            raise malformed("There are more parts than `map` names.")

    async def drain(self, *, max_bytes: int) -> None:
        """Read on to the end of the body, or until more than so many bytes have gone by."""
        drained_bytes = 0
        while drained_bytes <= max_bytes and (event := await self._next()) is not Mark.BODY:
            drained_bytes += len(event) if isinstance(event, bytes) else 0

    async def _next(self) -> Event:
        while not self._events:
            chunk = await anext(self._chunks, None)
            if chunk is None:
                raise malformed("The multipart body ends too early.")
            self._events.extend(self._parser.feed(chunk))
        return self._events.popleft()


class _PushParser:
    """Collects what the parser calls back with, as events."""

    def __init__(self, boundary: bytes) -> None:
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_headers,
                "on_header_field": self._add_to_name,
                "on_header_value": self._add_to_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": lambda data, start, end: self._events.append(data[start:end]),
                "on_part_end": lambda: self._events.append(Mark.PART),
                "on_end": lambda: self._events.append(Mark.BODY),
            },
        )
        self._events: list[Event] = []
        self._begin_headers()

    def feed(self, chunk: bytes) -> list[Event]:
        """Parse one chunk of any size."""
        self._events = []
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise malformed(f"The multipart body is malformed: {error}.") from error
        return self._events

    def _begin_headers(self) -> None:
        self._headers: dict[bytes, bytes] = {}
        self._name = self._value = b""

    def _add_to_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _end_headers(self) -> None:
        kind, options = parse_options_header(self._headers.get(b"content-disposition"))
        if kind != b"form-data" or b"name" not in options:
            raise malformed("A part of the multipart body has no name.")
        name = options[b"name"].decode(errors="replace")
        self._events.append(Part(name, _file_name(options.get(b"filename", b""))))


def _boundary(content_type: str) -> bytes:
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= MAX_BOUNDARY_BYTES:
        raise malformed(f"The content type needs a boundary of 1 to {MAX_BOUNDARY_BYTES} characters.")
    return boundary


def _file_name(raw: bytes) -> str:
    text = raw.decode(errors="replace")
    return "".join(filter(str.isprintable, text))[:MAX_NAME_CHARS] or "upload"
