"""A store may answer whatever it likes: it leads nowhere else, takes no memory, and is told in our words."""

import socket
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from headgate.errors import JobFault
from headgate.pipelines.endpoints.bucket import open_bucket
from headgate.pipelines.endpoints.outside import Endpoint, Outside
from headgate.storage import buckets
from headgate.storage.buckets import Bucket
from headgate.storage.places import StoredObject
from tests.buckets import LOOPBACK
from tests.pipelines.websites import Answer, respond, serving

Ask = Callable[[Bucket, Path], object]
ENTRY = "<Key>a</Key><Size>1</Size><LastModified>2026-01-01T00:00:00Z</LastModified><ETag>e</ETag>"
FOUND = StoredObject("a", 5, datetime(2026, 1, 1, tzinfo=UTC), '"e"')
LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 20}">' for n in range(1, 8))


def listed(entries: str, more: str = "false") -> bytes:
    xml = f"<ListBucketResult><Name>b</Name><IsTruncated>{more}</IsTruncated>{entries}</ListBucketResult>"
    return respond(f'<?xml version="1.0"?>{xml}'.encode())


def endless(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.sendall(b'HTTP/1.1 200 OK\r\nETag: "e"\r\nTransfer-Encoding: chunked\r\n\r\n')
        while True:
            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def endless_headers(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(b"X-A: " + b"x" * 60_000 + b"\r\n")


def ask_list(bucket: Bucket, target: Path) -> object:
    return list(bucket.objects())


def ask_head(bucket: Bucket, target: Path) -> object:
    return bucket.head("a")


def ask_download(bucket: Bucket, target: Path) -> object:
    bucket.download(FOUND, target, max_bytes=1_000, heed=lambda count: None)
    return target.read_bytes()


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Ask, Answer], object]]:
    monkeypatch.setattr(buckets, "TRIES", 1)
    with serving() as site:

        def asked(ask: Ask, answer: Answer) -> object:
            site.answers = defaultdict(lambda: answer)
            endpoint = Endpoint("e", "S3", {"bucket": "bucket", "endpointUrl": site.url("")})
            with open_bucket(endpoint, Outside(networks=LOOPBACK)) as bucket:
                return ask(bucket, tmp_path / "target")

        yield asked


@pytest.mark.parametrize(
    ("way", "answer"),
    [
        (ask_list, endless),
        (ask_list, endless_headers),
        (ask_list, respond(b"<html>Welcome")),
        (ask_list, b"\x00\xff" * 100),
        (ask_list, respond(b"<a>" * 100_000)),
        (ask_list, respond(f'<!DOCTYPE b [<!ENTITY a0 "{"x" * 999}">{LAUGHS}]><b>&a7;</b>'.encode())),
        (ask_list, respond(b"<!DOCTYPE b [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><b>&a;</b>")),
        (ask_list, respond(b"x", "Content-Encoding: gzip")),
        (ask_list, listed("<Contents></Contents>")),
        (ask_list, listed(f"<Contents>{ENTRY.replace('2026', 'then')}</Contents>")),
        (ask_list, listed(f"<Contents>{ENTRY.replace('>1<', '>many<')}</Contents>")),
        (
            ask_list,
            listed(f"<NextContinuationToken>t</NextContinuationToken><Contents>{ENTRY}</Contents>", "true"),
        ),
        (ask_head, b'HTTP/1.1 200 OK\r\nETag: "e"\r\nConnection: close\r\n\r\n'),
        (ask_head, respond(b"", 'ETag: "e"', "Last-Modified: yesterday")),
        (ask_download, endless),
        (ask_download, b'HTTP/1.1 200 OK\r\nETag: "e"\r\nConnection: close\r\n\r\nabc'),
        (ask_download, respond(b"x" * 5_000, 'ETag: "e"', length=-5)),
        (ask_download, respond(b"x" * 5_000, 'ETag: "e"')),
        (ask_download, respond(b"x" * 5, 'ETag: "e"', length=900)),
    ],
)
def test_an_answer_that_makes_no_sense_is_told(
    ask: Callable[[Ask, Answer], object], tmp_path: Path, way: Ask, answer: Answer
) -> None:
    with pytest.raises(JobFault) as told:
        ask(way, answer)
    assert told.value.code in ("BUCKET_REFUSED", "BUCKET_UNREACHABLE", "OBJECT_TOO_LARGE")
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize(
    "answer",
    [
        respond(b"", "Location: http://127.0.0.2:{port}/x", status="302 Found"),
        respond(b"", "Location: http://127.0.0.2:{port}/x", status="307 Temporary Redirect"),
        respond(
            b"<Error><Code>PermanentRedirect</Code><Endpoint>127.0.0.2:{port}</Endpoint></Error>",
            "x-amz-bucket-region: 127.0.0.2:{port}/",
            status="301 Moved Permanently",
        ),
        respond(
            b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>127.0.0.2:{port}/</Region></Error>",
            status="400 Bad Request",
        ),
    ],
)
def test_no_answer_leads_elsewhere(ask: Callable[[Ask, Answer], object], answer: bytes) -> None:
    with socket.create_server(("127.0.0.2", 0)) as elsewhere:
        elsewhere.setblocking(False)
        port = str(elsewhere.getsockname()[1]).encode()
        with pytest.raises(JobFault):
            ask(ask_list, answer.replace(b"{port}", port))
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
