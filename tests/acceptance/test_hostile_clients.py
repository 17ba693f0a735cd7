"""Whatever is sent: a 4xx or an orderly close, the server goes on, and its log tells of no bug."""

import asyncio
import base64
import json
import os
import struct
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.processes import Headgate

pytestmark = pytest.mark.xdist_group("unmetered")

QUERY = b'{"query": "{ __typename }"}'
GOOD = b'{"data":{"__typename":"Query"}'
PATHS = ("/graphql", "/healthz", "/readyz", "/metrics", "/downloads/errors/x.csv")
MULTIPART = "multipart/form-data; boundary=x"
KEY = base64.b64encode(bytes(16)).decode()


def request(
    *headers: str, line: str = "POST /graphql HTTP/1.1", body: bytes = QUERY, length: str | None = ""
) -> bytes:
    """Spell a request out; `length` of None leaves that header to the others."""
    lines = [line, "Host: x", "Connection: close", *headers]
    if length is not None:
        lines.append(f"Content-Length: {length or len(body)}")
    if not any(each.lower().startswith("content-type") for each in headers):
        lines.append("Content-Type: application/json")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


HEADS: dict[str, bytes] = {
    "nothing but an end": b"\r\n\r\n\r\nx\r\n\r\n",
    "no words": b"\x00" * 100 + b"\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an unknown version": request(line="POST /graphql HTTP/9.9"),
    "no version": b"POST /graphql\r\nHost: x\r\n\r\n",
    "an unknown method": request(line="BREW /graphql HTTP/1.1"),
    "a method in lower case": request(line="post /graphql HTTP/1.1"),
    "CONNECT": request(line="CONNECT elsewhere:80 HTTP/1.1"),
    "CONNECT to a path": request(line="CONNECT /graphql HTTP/1.1"),
    "TRACE": request(line="TRACE /graphql HTTP/1.1"),
    "OPTIONS for all": request(line="OPTIONS * HTTP/1.1"),
    "an authority for a path": request(line="POST elsewhere:80 HTTP/1.1"),
    "an unknown path of another host": request(line="POST http://elsewhere/x HTTP/1.1"),
    "a space in the path": request(line="POST /graphql x HTTP/1.1"),
    "a NUL in the path": request(line="POST /graph\0ql HTTP/1.1"),
    "bytes in the path": request(line="POST /\xff\xfe HTTP/1.1"),
    "a NUL in a header": request("X: a\0b"),
    "a name with a space": request("X : a"),
    "no name": request(": a"),
    "no colon": request("x"),
    "a folded header": request("X: a\r\n b"),
    "a bare carriage return": request("X: a\rb"),
    "bare line feeds": request().replace(b"\r\n", b"\n"),
    "both lengths": request("Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "both lengths, the other way round": request(
        "Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n", length=None
    ),
    "two lengths": request("Content-Length: 3"),
    "two equal lengths": request(f"Content-Length: {len(QUERY)}"),
    "a list of lengths": request(length=f"{len(QUERY)}, {len(QUERY)}"),
    "a negative length": request(length="-1"),
    "a length with a sign": request(length=f"+{len(QUERY)}"),
    "a length in hexadecimal": request(length="0x1b"),
    "a length in words": request(length="many"),
    "a length beyond 64 bits": request(length="9" * 30),
    "a length that is too small": request(length="5"),
    "a length of nothing": request(length="0"),
    "an unknown transfer encoding": request("Transfer-Encoding: x", length=None),
    "chunked, and then something": request("Transfer-Encoding: chunked, x", length=None),
    "chunked twice": request("Transfer-Encoding: chunked, chunked", length=None),
    "chunked in disguise": request("Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n", length=None),
    "chunks without a size": request("Transfer-Encoding: chunked", body=b"\r\nhello\r\n", length=None),
    "chunks of no number": request("Transfer-Encoding: chunked", body=b"zz\r\nhello\r\n", length=None),
    "chunks of a negative size": request("Transfer-Encoding: chunked", body=b"-1\r\nhello\r\n", length=None),
    "chunks beyond 64 bits": request("Transfer-Encoding: chunked", body=b"f" * 20 + b"\r\nhello\r\n", length=None),
    "a chunk that is longer than its size": request(
        "Transfer-Encoding: chunked", body=b"2\r\nhello\r\n0\r\n\r\n", length=None
    ),
    "100,000 headers": request(*["a: b"] * 100_000),
    "a header of 1 MiB": request("X: " + "x" * 1024**2),
    "a path of 1 MiB": request(line=f"POST /{'x' * 1024**2} HTTP/1.1"),
    "a query of 1 MiB": request(line=f"GET /graphql?query={'x' * 1024**2} HTTP/1.1"),
    "a body that is packed": request("Content-Encoding: gzip"),
    "a body that is packed in an unknown way": request("Content-Encoding: x, identity"),
    "JSON in UTF-16": request("Content-Type: application/json; charset=utf-16"),
    "JSON in an unknown charset": request("Content-Type: application/json;charset=x"),
    "plain text": request("Content-Type: text/plain"),
    "a form": request("Content-Type: application/x-www-form-urlencoded", body=b"query={__typename}"),
    "no media type": request("Content-Type:"),
    "a media type of bytes": request("Content-Type: \xff\xfe"),
    "a media type of 50 KiB": request("Content-Type: " + "x/" * 25_000),
    "a form without a boundary": request("Content-Type: multipart/form-data"),
    "a form that other sites can send": request(f"Content-Type: {MULTIPART}", body=b"--x--\r\n"),
    "a handshake without a key": request("Upgrade: websocket", line="GET /graphql HTTP/1.1").replace(
        b"Connection: close", b"Connection: Upgrade"
    ),
}  # fmt: skip

MULTIPART_BODIES: dict[str, tuple[str, str]] = {
    "no map": ('{"query": "{ __typename }"}', ""),
    "a map of null": ('{"query": "{ __typename }"}', "null"),
    "a map of an array": ('{"query": "{ __typename }"}', "[]"),
    "a map of a number": ('{"query": "{ __typename }"}', "1"),
    "a path that is no text": ('{"query": "{ __typename }", "variables": {"a": null}}', '{"0": [1]}'),
    "a path to nowhere": ('{"query": "{ __typename }", "variables": {}}', '{"0": ["variables.a.b.c"]}'),
    "a path into a text": ('{"query": "{ __typename }", "variables": {"a": "x"}}', '{"0": ["variables.a.0"]}'),
    "a path out of the variables": ('{"query": "{ __typename }"}', '{"0": ["query"]}'),
    "a path with a huge index": (
        '{"query": "{ __typename }", "variables": {"a": [null]}}',
        '{"0": ["variables.a.' + "9" * 5000 + '"]}',
    ),
    "a negative index": ('{"query": "{ __typename }", "variables": {"a": [null]}}', '{"0": ["variables.a.-1"]}'),
    "a path of dots": ('{"query": "{ __typename }", "variables": {"a": null}}', '{"0": ["variables....."]}'),
    "a path of attributes": (
        '{"query": "{ __typename }", "variables": {"a": null}}',
        '{"0": ["variables.__class__.__init__"]}',
    ),
    "operations of null": ("null", '{"0": ["variables.a"]}'),
    "a batch": ('[{"query": "{ __typename }"}]', '{"0": ["0.variables.a"]}'),
}  # fmt: skip

TOKENS: dict[str, list[str]] = {
    "nothing": [],
    "an empty header": ["Authorization: "],
    "no token": ["Authorization: Bearer"],
    "another scheme": ["Authorization: Basic eDp4"],
    "garbage": ["Authorization: Bearer x"],
    "dots": ["Authorization: Bearer ..."],
    "bytes": ["Authorization: Bearer \xff\xfe\x80"],
    "tabs": ["Authorization: Bearer\t\tx\ty"],
    "60 KiB": ["Authorization: Bearer " + "x" * 60_000],
    "60 KiB of dots": ["Authorization: Bearer " + "." * 60_000],
    "no signature": ["Authorization: Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."],
    "a head that is no object": ["Authorization: Bearer W10.W10.W10"],
    "a head of deep JSON": [
        "Authorization: Bearer " + base64.urlsafe_b64encode(b"[" * 20_000).decode() + ".e30.x"
    ],
    "a key id of deep JSON": ["Authorization: Bearer eyJhbGciOiJIUzI1NiIsImtpZCI6e319.e30.x"],
    "an API key of nobody": ["Authorization: Bearer hg_01h455vb4pex5vsknk084sn02q_" + "x" * 43],
    "a malformed API key": ["Authorization: Bearer hg_"],
    "an API key of bytes": ["Authorization: Bearer hg_\xff_\xff"],
    "two headers": ["Authorization: Bearer x", "Authorization: Bearer y"],
}

TRAVERSALS = (
    "/..%2f..%2f..%2fetc%2fpasswd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/../../etc/passwd",
    "/..%5c..%5cetc%5cpasswd",
    "/%00",
    "/x%00.csv",
    "/%ff%fe",
    "/%",
    "/%zz",
    "//",
    "/./.",
    "/;x=y",
    "/" + "a/" * 5_000,
    "/" + "x" * 10_000,
)
FRAMES: dict[str, bytes] = {
    "without a mask": b"\x81\x02hi",
    "an unknown opcode": b"\x83\x80\x00\x00\x00\x00",
    "a reserved bit": b"\xc1\x80\x00\x00\x00\x00",
    "a fragment of nothing": b"\x80\x80\x00\x00\x00\x00",
    "a ping in pieces": b"\x09\x80\x00\x00\x00\x00",
    "a ping of 126 bytes": b"\x89\xfe\x00\x7e\x00\x00\x00\x00" + bytes(126),
    "a text that begins twice": b"\x01\x81\x00\x00\x00\x00a\x01\x81\x00\x00\x00\x00b",
    "text that is no UTF-8": b"\x81\x82\x00\x00\x00\x00\xff\xfe",
    "text that is no UTF-8, in pieces": b"\x01\x81\x00\x00\x00\x00\xff\x80\x81\x00\x00\x00\x00\xfe",
    "half of a character at the end": b"\x81\x81\x00\x00\x00\x00\xc3",
    "a length beyond all limits": b"\x81\xff" + struct.pack("!Q", 2**62) + bytes(4),
    "a length of 64 bits with a sign": b"\x81\xff" + b"\xff" * 8 + bytes(4),
    "a length that is too long for itself": b"\x81\xfe\x00\x02\x00\x00\x00\x00hi",
    "a close of one byte": b"\x88\x81\x00\x00\x00\x00\x03",
    "a close with a code of nobody": b"\x88\x82\x00\x00\x00\x00" + struct.pack("!H", 999),
    "a close with broken words": b"\x88\x84\x00\x00\x00\x00" + struct.pack("!H", 1000) + b"\xff\xfe",
    "HTTP": b"GET / HTTP/1.1\r\n\r\n",
    "binary": b"\x82\x82\x00\x00\x00\x00{}",
}
HANDSHAKES: dict[str, list[str]] = {
    "no subprotocol": [],
    "the legacy subprotocol": ["Sec-WebSocket-Protocol: graphql-ws"],
    "an unknown subprotocol": ["Sec-WebSocket-Protocol: x"],
    "a broken subprotocol": ["Sec-WebSocket-Protocol: ,;,"],
    "10,000 subprotocols": ["Sec-WebSocket-Protocol: " + ",".join(["x"] * 10_000)],
    "a broken extension": ["Sec-WebSocket-Extensions: ;;=,"],
    "another origin": ["Origin: https://elsewhere.example", "Sec-WebSocket-Protocol: graphql-transport-ws"],
    "an origin that is none": ["Origin: \xff", "Sec-WebSocket-Protocol: graphql-transport-ws"],
}


@pytest.fixture(autouse=True)
async def server_is_well_afterwards(unmetered_headgate: Headgate) -> AsyncIterator[None]:
    log = unmetered_headgate.home / "serve.log"
    before = log.stat().st_size
    yield
    assert GOOD in await answer(unmetered_headgate, request(authorized(unmetered_headgate)))
    said = tail(log, before)
    assert "Traceback" not in said
    assert "request.failed" not in said
    assert '"level": "error"' not in said


def tail(log: Path, start: int) -> str:
    with log.open() as file:
        file.seek(start, os.SEEK_SET)
        return file.read()


def authorized(headgate: Headgate) -> str:
    return f"Authorization: Bearer {headgate.token()}"


async def answer(headgate: Headgate, sent: bytes) -> bytes:
    """Send bytes and read to the end, which must come; a connection that is reset has told what it had to."""
    address = httpx.URL(headgate.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    received = b""
    try:
        async with asyncio.timeout(10):
            writer.write(sent)
            while chunk := await reader.read(65536):
                received += chunk
    except ConnectionError:
        pass
    finally:
        writer.close()
    return received


def statuses(answered: bytes) -> list[int]:
    lines = [line for line in answered.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    return [int(line.split()[1]) for line in lines]


def assert_refused(answered: bytes) -> None:
    """Check that an answer, where there is one, is one refusal in the usual form."""
    found = statuses(answered)
    assert len(found) <= 1
    assert all(400 <= status < 500 for status in found), answered[:500]
    if found:
        head, _, body = answered.partition(b"\r\n\r\n")
        assert b"x-request-id: " in head
        assert json.loads(body)["errors"][0]["extensions"]["code"]


@pytest.mark.parametrize("name", HEADS)
async def test_a_malformed_request_is_refused(unmetered_headgate: Headgate, name: str) -> None:
    sent = HEADS[name].replace(b"Host: x\r\n", f"Host: x\r\n{authorized(unmetered_headgate)}\r\n".encode(), 1)

    assert_refused(await answer(unmetered_headgate, sent))


@pytest.mark.parametrize("name", MULTIPART_BODIES)
async def test_a_malformed_form_is_refused(unmetered_headgate: Headgate, name: str) -> None:
    operations, file_map = MULTIPART_BODIES[name]
    parts = {"operations": operations, "map": file_map, "0": "x"}
    texts = [
        f'--x\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{text}\r\n'
        for key, text in parts.items()
    ]
    body = ("".join(texts) + "--x--\r\n").encode()
    headers = (authorized(unmetered_headgate), "GraphQL-Require-Preflight: 1", f"Content-Type: {MULTIPART}")

    assert_refused(await answer(unmetered_headgate, request(*headers, body=body)))


@pytest.mark.parametrize("name", TOKENS)
async def test_a_token_that_is_none_is_refused(unmetered_headgate: Headgate, name: str) -> None:
    answered = await answer(unmetered_headgate, request(*TOKENS[name]))

    assert_refused(answered)
    assert statuses(answered) == [401]


async def test_two_tokens_are_none(unmetered_headgate: Headgate) -> None:
    own = authorized(unmetered_headgate)
    for headers in ([own, own], [own, "Authorization: Bearer x"], ["Authorization: Bearer x", own]):
        assert statuses(await answer(unmetered_headgate, request(*headers))) == [401]


@pytest.mark.parametrize("path", PATHS)
async def test_a_path_leads_nowhere_else(unmetered_headgate: Headgate, path: str) -> None:
    for traversal in TRAVERSALS:
        for base in (path, path.rpartition("/")[0]):
            line = f"GET {base}{traversal} HTTP/1.1"
            answered = await answer(
                unmetered_headgate, request(authorized(unmetered_headgate), line=line, body=b"")
            )
            assert_refused(answered)
            assert b"root:" not in answered


@pytest.mark.parametrize("path", PATHS)
async def test_a_query_string_breaks_nothing(unmetered_headgate: Headgate, path: str) -> None:
    for text in (
        "%00",
        "token=%ff%fe",
        "query=%zz",
        "query[]=x",
        "&=&&;",
        "token=" + "x" * 50_000,
        "a=b&" * 10_000,
    ):
        line = f"GET {path}?{text} HTTP/1.1"
        answered = await answer(
            unmetered_headgate, request(authorized(unmetered_headgate), line=line, body=b"")
        )
        assert all(status < 500 for status in statuses(answered))
        assert len(statuses(answered)) == 1


def handshake(*headers: str) -> bytes:
    lines = [
        "GET /graphql HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}", *headers,
    ]  # fmt: skip
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


@pytest.mark.parametrize("name", HANDSHAKES)
async def test_a_handshake_of_another_kind_opens_nothing(unmetered_headgate: Headgate, name: str) -> None:
    address = httpx.URL(unmetered_headgate.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        async with asyncio.timeout(10):
            writer.write(handshake(*HANDSHAKES[name]))
            head = await reader.readuntil(b"\r\n\r\n")
            rest = await reader.readexactly(4) if b" 101 " in head else await reader.read()
    finally:
        writer.close()

    if b" 101 " in head:
        assert (rest[0], struct.unpack("!H", rest[2:])) == (0x88, (4406,))
    else:
        assert_refused(head + rest)


@pytest.mark.parametrize("name", FRAMES)
async def test_a_malformed_frame_closes_the_socket(unmetered_headgate: Headgate, name: str) -> None:
    address = httpx.URL(unmetered_headgate.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    try:
        async with asyncio.timeout(10):
            writer.write(handshake("Sec-WebSocket-Protocol: graphql-transport-ws"))
            assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
            writer.write(FRAMES[name])
            frame = await reader.readexactly(4)
    finally:
        writer.close()

    code = struct.unpack("!H", frame[2:])[0]
    assert frame[0] == 0x88
    assert code in (1002, 1003, 1007, 1009, 4400)
