"""Download a URL into a file: whole or not at all, bounded in bytes and time, from allowed addresses alone."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from email.message import Message
from email.utils import collapse_rfc2231_value
from pathlib import Path
from uuid import uuid4

import httpcore
import httpx

from headgate import __version__
from headgate.errors import JobFault
from headgate.pipelines.outgoing import (
    MAX_REDIRECTS,
    AllowedNetwork,
    Network,
    Patience,
    not_allowed,
    parse_url,
    redirected,
    timed_out,
    unreachable,
)
from headgate.pipelines.prepared import Watch

CONNECT_TIMEOUT_S = 10.0
SILENCE_TIMEOUT_S = 30.0
"""How long a server may send nothing."""
MAX_NAME_LENGTH = 255
UNNAMED = "download"
REDIRECTS = (301, 302, 303, 307, 308)
WHOLE = (200, 203)
"""The statuses that come with all of what a URL names."""
ENCODINGS = ("", "identity", "gzip", "x-gzip", "zstd")
"""How an answer may come: as it is, or as object stores keep many a file, packed in a way that readers unpack."""
PASSING = (408, 425, 429)
"""The statuses, besides those of the server's own faults, after which the same request may succeed later."""


class Progress:
    """How much of a download has come, for whoever watches."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.bytes_read = 0
        self.bytes_total: int | None = None

    def tell(self) -> None:
        """Say how much has come. Raises what the watch raises to end the task."""
        self._watch("fetching", bytes_read=self.bytes_read, bytes_total=self.bytes_total)


def fetch(
    url: str,
    target: Path,
    *,
    networks: Sequence[Network],
    max_bytes: int,
    timeout_s: float,
    watch: Watch,
) -> str:
    """Download what a URL names into `target`; answers the file name that the server gives, which is metadata only.

    `target` appears when all of it has been written and flushed. Addresses that are not public are called only in
    `networks`; `timeout_s` is for all of it, but for what the system takes to resolve a name. No proxy is used. What a
    server keeps packed with gzip or zstd stays so.

    Raises JobFault: URL_NOT_ALLOWED, URL_UNREACHABLE, URL_STATUS, URL_TOO_LARGE, URL_TIMED_OUT. None of their
    messages holds anything of the URL or of the answer's content.
    """
    progress = Progress(watch)
    network = AllowedNetwork(networks, Patience(timeout_s, progress.tell))
    with _told(), _answered(network, _allowed(url)) as (response, final):
        headers = _headers(response)
        _check(response.status, headers)
        _write(_body(response, headers, max_bytes, progress), target)
    return _name(headers.get("content-disposition", ""), final)


@contextmanager
def _told() -> Iterator[None]:
    """Say in our words what goes wrong on the way."""
    try:
        yield
    except httpcore.TimeoutException as error:
        raise timed_out() from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        raise unreachable("The server of the URL broke off, or doesn't speak HTTP.") from error


@contextmanager
def _answered(network: AllowedNetwork, url: httpx.URL) -> Iterator[tuple[httpcore.Response, httpx.URL]]:
    """The answer that redirects lead to, and its URL."""
    for _ in range(MAX_REDIRECTS + 1):
        with _asked(network, url) as response:
            location = _headers(response).get("location") if response.status in REDIRECTS else None
            if location is None:
                yield response, url
                return
        url = redirected(url, location)
    raise not_allowed(f"The URL redirects more than {MAX_REDIRECTS} times.")


@contextmanager
def _asked(network: AllowedNetwork, url: httpx.URL) -> Iterator[httpcore.Response]:
    headers: list[tuple[str | bytes, str | bytes]] = [
        ("Host", url.netloc),
        ("User-Agent", f"headgate/{__version__}"),
        ("Accept", "*/*"),
        # What is packed could unpack to any size, and `max_bytes` counts what comes.
        ("Accept-Encoding", "identity"),
    ]
    timeouts = {"connect": CONNECT_TIMEOUT_S, "read": SILENCE_TIMEOUT_S, "write": SILENCE_TIMEOUT_S}
    place = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    # Certificates that the operator names with SSL_CERT_FILE count: an allowed network may have its own authority.
    trusted = httpx.create_ssl_context() if url.scheme == "https" else None
    with (
        httpcore.ConnectionPool(trusted, network_backend=network) as pool,
        pool.stream("GET", place, headers=headers, extensions={"timeout": timeouts}) as response,
    ):
        yield response


def _allowed(url: str) -> httpx.URL:
    try:
        return parse_url(url)
    except ValueError as error:
        raise not_allowed(str(error)) from None


def _headers(response: httpcore.Response) -> Mapping[str, str]:
    """The headers, with names in lower case; UTF-8 where they are it, as names of files often are."""
    return {_text(name).lower(): _text(value) for name, value in response.headers}


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _check(status: int, headers: Mapping[str, str]) -> None:
    """Take whole answers only, which readers understand. Raises JobFault: URL_STATUS, URL_UNREACHABLE."""
    if status not in WHOLE:
        raise JobFault(
            "URL_STATUS",
            f"The server of the URL answers with status {status}.",
            "DEPENDENCY",
            retryable=status in PASSING or status >= 500,
            details={"status": status},
        )
    if headers.get("content-encoding", "").strip().lower() not in ENCODINGS:
        raise unreachable("The server of the URL sends its answer in a foreign encoding.", retryable=False)


def _body(
    response: httpcore.Response, headers: Mapping[str, str], max_bytes: int, progress: Progress
) -> Iterator[bytes]:
    """The bytes of an answer, piece by piece. Raises JobFault URL_TOO_LARGE before more than `max_bytes`."""
    if "transfer-encoding" not in headers and "content-length" in headers:
        progress.bytes_total = int(headers["content-length"])
    if (progress.bytes_total or 0) > max_bytes:
        raise _too_large(max_bytes)
    for piece in response.iter_stream():
        progress.bytes_read += len(piece)
        if progress.bytes_read > max_bytes:
            raise _too_large(max_bytes)
        progress.tell()
        yield piece


def _too_large(max_bytes: int) -> JobFault:
    message = f"What the URL names is larger than the {max_bytes:,} bytes that are taken."
    return JobFault("URL_TOO_LARGE", message, "DATA", details={"maxBytes": max_bytes})


def _write(pieces: Iterable[bytes], target: Path) -> None:
    """Write a file that appears when it is whole. Each try has its own, so that two at once don't mix."""
    unfinished = target.with_name(f"{target.name}.{uuid4().hex}.part")
    try:
        with unfinished.open("xb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)


def _name(disposition: str, url: httpx.URL) -> str:
    """The plain name that Content-Disposition gives, else the end of the URL's path."""
    names = (_plain(name) for name in (_given(disposition), url.path))
    return next(filter(None, names), UNNAMED)


def _given(disposition: str) -> str:
    """The file name in Content-Disposition: `filename*`, which has its encoding, before `filename`."""
    message = Message()
    message["Content-Disposition"] = disposition
    try:
        fields = message.get_params([], "Content-Disposition")
        # The library puts those with an encoding last.
        names = [collapse_rfc2231_value(value) for name, value in fields if name.lower() == "filename"]
    except ValueError:
        return ""
    return names[-1] if names else ""


def _plain(path: str) -> str:
    """The last part of a path, without what no screen can show; of a long one the end, which tells the format."""
    last = path.replace("\\", "/").rpartition("/")[2]
    return "".join(filter(str.isprintable, last)).strip(" .")[-MAX_NAME_LENGTH:]
