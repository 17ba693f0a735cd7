"""One request and its answer: to allowed addresses alone, bounded in bytes and in time."""

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx

from headgate import __version__
from headgate.errors import JobFault
from headgate.pipelines.endpoints.retrying import Passing
from headgate.pipelines.endpoints.turns import Turns
from headgate.pipelines.outgoing import AllowedNetwork, Network, timed_out, unreachable
from headgate.pipelines.readers.json import parse

CONNECT_TIMEOUT_S = 10.0
MAX_CONNECTIONS = 100
MAX_ANSWER_BYTES = 64 << 20
UNPACKED_AT_ONCE = 1 << 20
PACKED = {"": None, "identity": None, "gzip": 31, "x-gzip": 31, "deflate": 47}
"""The window bits with which zlib unpacks a content encoding."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to ask a server for."""

    method: str
    url: httpx.URL
    headers: Sequence[tuple[str, str]] = ()
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answers; `url` is where it came from, without what authenticates."""

    status: int
    headers: httpx.Headers
    content: bytes
    url: str

    def json(self) -> Any:
        """The content as JSON. Raises JobFault (INVALID_ANSWER)."""
        try:
            return parse(self.content.strip().removeprefix(b"\xef\xbb\xbf"))
        except ValueError:
            raise invalid("The answer is no JSON.") from None

    @property
    def text(self) -> str:
        """The content as text; what is none in its encoding is replaced."""
        return httpx.Response(self.status, headers=_type_of(self.headers), content=self.content).text


def _type_of(headers: httpx.Headers) -> dict[str, str]:
    """What tells the encoding of a text; the content is unpacked by now."""
    return {"content-type": headers.get("content-type", "")}


def invalid(why: str) -> JobFault:
    """The fault of an answer that makes no sense."""
    return JobFault("INVALID_ANSWER", why, "DEPENDENCY")


class Transport:
    """Keeps connections, for calls one after the other and at once."""

    def __init__(self, networks: Sequence[Network], turns: Turns, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._pool = httpcore.ConnectionPool(
            # Certificates that the operator names with SSL_CERT_FILE count: an allowed network may have its own.
            httpx.create_ssl_context(),
            max_connections=MAX_CONNECTIONS,
            network_backend=AllowedNetwork(networks, turns),
        )

    def close(self) -> None:
        """Hang up."""
        self._pool.close()

    def send(self, request: Request, timeout_s: float) -> Answer:
        """Ask once; answers whatever the status is.

        Raises Passing where no answer came, and JobFault: URL_NOT_ALLOWED, URL_TOO_LARGE, INVALID_ANSWER.
        """
        headers = [
            ("Host", request.url.netloc.decode("ascii")),
            ("User-Agent", f"headgate/{__version__}"),
            ("Accept-Encoding", "identity"),
            *request.headers,
        ]
        url = request.url
        with (
            _told(),
            self._pool.stream(
                request.method,
                httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=[(name.encode("ascii"), value.encode("latin-1")) for name, value in headers],
                content=request.content,
                extensions={"timeout": _timeouts(timeout_s)},
            ) as response,
        ):
            came = httpx.Headers(response.headers)
            content = b"".join(self._bounded(_unpacked(response.iter_stream(), came)))
        return Answer(response.status, came, content, str(url))

    def _bounded(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Pieces, as long as they are no more than may be taken."""
        taken = 0
        for piece in pieces:
            taken += len(piece)
            if taken > self._max_bytes:
                message = f"The answer is larger than the {self._max_bytes:,} bytes that are taken."
                raise JobFault("URL_TOO_LARGE", message, "DATA", details={"maxBytes": self._max_bytes})
            yield piece


def _timeouts(timeout_s: float) -> dict[str, float]:
    silence = dict.fromkeys(("read", "write", "pool"), timeout_s)
    return {"connect": min(CONNECT_TIMEOUT_S, timeout_s), **silence}


@contextmanager
def _told() -> Iterator[None]:
    """Say in our words what goes wrong on the way, and whether the server may have done what it was asked for."""
    try:
        yield
    except JobFault as fault:
        if fault.code == "URL_UNREACHABLE" and fault.retryable:
            # These come up before there is a connection.
            raise Passing(fault, undone=True) from fault
        if fault.code == "URL_TIMED_OUT":
            raise Passing(fault, undone=False) from fault
        raise
    except httpcore.TimeoutException as error:
        raise Passing(timed_out(), undone=False) from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        broken = unreachable("The server of the URL broke off, or doesn't speak HTTP.")
        raise Passing(broken, undone=False) from error


def _unpacked(pieces: Iterator[bytes], headers: httpx.Headers) -> Iterator[bytes]:
    """What servers pack although they are asked not to; no more at a time than a few times what came."""
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in PACKED:
        raise invalid("The answer comes in a foreign encoding.")
    bits = PACKED[encoding]
    return pieces if bits is None else _inflated(pieces, bits)


def _inflated(pieces: Iterator[bytes], bits: int) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(bits)
    try:
        for piece in pieces:
            rest = piece
            while rest:
                yield unpacker.decompress(rest, UNPACKED_AT_ONCE)
                rest = unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error:
        raise invalid("The answer can't be unpacked.") from None
    if not unpacker.eof:
        raise invalid("The answer can't be unpacked: its end is missing.")
