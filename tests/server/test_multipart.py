"""GraphQL multipart requests."""

import asyncio
import hashlib
import json
import resource
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.answers import without_cost

MIB = 1024**2
MAX_UPLOAD_BYTES = 96 * MIB
MAX_BODY_BYTES = 64 * 1024
MUTATION = "mutation($f: Upload!, $keep: Boolean) { upload(file: $f, keep: $keep) }"
PREFLIGHT = {"GraphQL-Require-Preflight": "1"}
BOUNDARY = "boundary"


def operations(query: str = MUTATION, **variables: object) -> str:
    return json.dumps({"query": query, "variables": {"f": None, **variables}})


def part(name: str, content: str | bytes, *, file_name: str | None = None) -> bytes:
    disposition = f'form-data; name="{name}"'
    if file_name is not None:
        disposition += f'; filename="{file_name}"'
    content = content.encode() if isinstance(content, str) else content
    return f"--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + content + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()
OPERATIONS = part("operations", operations())
MAP = part("map", '{"0": ["variables.f"]}')
FILE = part("0", b"a,b\r\n1,2\r\n", file_name="x.csv")


async def post(toy: Any, body: bytes | AsyncIterator[bytes], **headers: str) -> httpx.Response:
    content_type = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    response: httpx.Response = await toy.client.post(
        "/graphql", content=body, headers={**content_type, **PREFLIGHT, **headers}, timeout=60
    )
    return response


def upload_of(response: httpx.Response) -> Any:
    assert response.status_code == 200
    return response.json()["data"]["upload"]


def code_of(response: httpx.Response) -> Any:
    return response.json()["errors"][0]["extensions"]["code"]


async def test_a_file_is_stored_while_it_is_hashed(toy: Any) -> None:
    content = b"a,b\r\n--boundar\r\n1,2\r\n"
    body = OPERATIONS + MAP + part("0", content, file_name="campaigns.csv") + END

    upload = upload_of(await post(toy, body))

    assert upload["name"] == "campaigns.csv"
    assert upload["byteSize"] == upload["headSize"] == len(content)
    assert upload["sha256"] == hashlib.sha256(content).hexdigest()
    assert [path.read_bytes() for path in toy.stored] == [content]
    assert upload["key"].startswith("files/file_")
    assert toy.stored[0].relative_to(toy.store).as_posix() == upload["key"]


@pytest.mark.parametrize("chunk_bytes", [1, 7, 1000])
async def test_a_body_may_arrive_in_pieces_of_any_size(toy: Any, chunk_bytes: int) -> None:
    body = OPERATIONS + MAP + FILE + END

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), chunk_bytes):
            yield body[start : start + chunk_bytes]

    assert upload_of(await post(toy, pieces()))["byteSize"] == 10


async def test_a_client_library_can_upload(toy: Any) -> None:
    response = await toy.client.post(
        "/graphql",
        data={"operations": operations(), "map": '{"0": ["variables.f"]}'},
        files={"0": ("é.csv", b"a\n1\n", "text/csv")},
        headers=PREFLIGHT,
    )

    assert upload_of(response)["name"] == "é.csv"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("../../etc/cron.d/x", "../../etc/cron.d/x"),
        ("a\0b\x07.csv", "ab.csv"),
        ("x" * 300, "x" * 255),
        ("", "upload"),
    ],
)
async def test_a_file_name_is_only_text(toy: Any, sent: str, kept: str) -> None:
    upload = upload_of(await post(toy, OPERATIONS + MAP + part("0", b"x", file_name=sent) + END))

    assert upload["name"] == kept
    assert toy.stored[0].relative_to(toy.store).as_posix() == upload["key"]


async def test_an_empty_file_is_a_file(toy: Any) -> None:
    upload = upload_of(await post(toy, OPERATIONS + MAP + part("0", b"", file_name="x") + END))

    assert (upload["byteSize"], upload["tooLarge"]) == (0, False)


async def test_a_file_may_sit_inside_a_list(toy: Any) -> None:
    query = "mutation($files: [Upload!]!) { uploadList(files: $files) }"
    body = part("operations", operations(query, files=[None]))
    body += part("map", '{"0": ["variables.files.0"]}') + FILE + END

    assert without_cost((await post(toy, body)).json()) == {"data": {"uploadList": ["x.csv"]}}


async def test_a_request_may_carry_no_file(toy: Any) -> None:
    body = part("operations", '{"query": "{ hello }"}') + part("map", "{}") + END

    assert without_cost((await post(toy, body)).json()) == {"data": {"hello": "hello"}}


@pytest.mark.parametrize(
    "query",
    [
        "mutation($f: Upload!) { upload(file: $f, keep: false) }",
        "mutation($f: Upload!) { uploadAndFail(file: $f) }",
        "mutation($f: Upload!) { nothing(file: $f) }",
        "mutation($f: Upload!) { upload(file: $f",
        "subscription($f: Upload!) { count }",
        "mutation($f: Int!) { bump }",
        "",
    ],
)
async def test_a_file_that_nobody_claims_is_deleted(toy: Any, query: str) -> None:
    response = await post(toy, part("operations", operations(query)) + MAP + FILE + END)

    assert response.status_code < 500
    assert toy.stored == []


async def test_a_multipart_request_needs_the_preflight_header(toy: Any) -> None:
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    body = OPERATIONS + MAP + FILE + END
    response = await toy.client.post("/graphql", content=body, headers=headers)

    assert response.status_code == 400
    assert code_of(response) == "PREFLIGHT_REQUIRED"
    assert toy.stored == []


MALFORMED_BODIES: dict[str, bytes] = {
    "nothing": b"",
    "text": b"hello",
    "JSON": b'{"query": "{ hello }"}',
    "only the end": END,
    "another boundary": (OPERATIONS + MAP + FILE + END).replace(b"--boundary", b"--other"),
    "no operations": MAP + FILE + END,
    "the map first": MAP + OPERATIONS + FILE + END,
    "the file first": FILE + OPERATIONS + MAP + END,
    "the file before the map": OPERATIONS + FILE + MAP + END,
    "no map": OPERATIONS + FILE + END,
    "no file": OPERATIONS + MAP + END,
    "the file under another name": OPERATIONS + MAP + part("1", b"x", file_name="x") + END,
    "a part too many": OPERATIONS + MAP + FILE + part("1", b"x") + END,
    "the file twice": OPERATIONS + MAP + FILE + FILE + END,
    "a file that no map names": OPERATIONS + part("map", "{}") + FILE + END,
    "operations empty": part("operations", "") + MAP + FILE + END,
    "operations not JSON": part("operations", "{") + MAP + FILE + END,
    "operations null": part("operations", "null") + MAP + FILE + END,
    "operations a batch": part("operations", f"[{operations()}]") + MAP + FILE + END,
    "operations without variables": part("operations", '{"query": "{ hello }"}') + MAP + FILE + END,
    "operations whose variables are text": part("operations", '{"variables": "f"}') + MAP + FILE + END,
    "operations 5,000 deep": part("operations", "[" * 5000) + MAP + FILE + END,
    "operations in broken UTF-8": part("operations", b'{"query": "\xff"}') + MAP + FILE + END,
    "query missing": part("operations", '{"variables": {"f": null}}') + MAP + FILE + END,
    "a variable that is not null": part("operations", operations(f=1)) + MAP + FILE + END,
    "map empty": OPERATIONS + part("map", "") + FILE + END,
    "map null": OPERATIONS + part("map", "null") + FILE + END,
    "map an array": OPERATIONS + part("map", '["variables.f"]') + FILE + END,
    "map text": OPERATIONS + part("map", '"0"') + FILE + END,
    "paths text": OPERATIONS + part("map", '{"0": "variables.f"}') + FILE + END,
    "paths null": OPERATIONS + part("map", '{"0": null}') + FILE + END,
    "paths empty": OPERATIONS + part("map", '{"0": []}') + FILE + END,
    "a path that is a number": OPERATIONS + part("map", '{"0": [0]}') + FILE + END,
    "a path that is empty": OPERATIONS + part("map", '{"0": [""]}') + FILE + END,
    "a path outside the variables": OPERATIONS + part("map", '{"0": ["query"]}') + FILE + END,
    "a path to no variable": OPERATIONS + part("map", '{"0": ["variables.g"]}') + FILE + END,
    "a path through null": OPERATIONS + part("map", '{"0": ["variables.f.g"]}') + FILE + END,
    "a path with empty steps": OPERATIONS + part("map", '{"0": ["variables...f"]}') + FILE + END,
    "a path of a batch": OPERATIONS + part("map", '{"0": ["0.variables.f"]}') + FILE + END,
    "a path of 5,000 digits": OPERATIONS + part("map", f'{{"0": ["variables.{"1" * 5000}"]}}') + FILE + END,
    "an index that is negative": part("operations", operations(g=[None]))
    + part("map", '{"0": ["variables.g.-1"]}')
    + FILE
    + END,
    "an index of 5,000 digits": part("operations", operations(g=[None]))
    + part("map", f'{{"0": ["variables.g.{"1" * 5000}"]}}')
    + FILE
    + END,
    "two files": OPERATIONS
    + part("map", '{"0": ["variables.f"], "1": ["variables.f"]}')
    + FILE
    + part("1", b"x", file_name="y")
    + END,
    "a part without headers": f"--{BOUNDARY}\r\n\r\nx\r\n".encode() + END,
    "a part without a name": f"--{BOUNDARY}\r\nContent-Disposition: form-data\r\n\r\nx\r\n".encode() + END,
    "a header without a colon": f"--{BOUNDARY}\r\nhello\r\n\r\nx\r\n".encode() + END,
    "a header that is endless": f"--{BOUNDARY}\r\nX: {'y' * 10_000}\r\n\r\nx\r\n".encode() + END,
    "headers without end": f"--{BOUNDARY}\r\n".encode() + b"X: y\r\n" * 1000,
    "bare newlines": (OPERATIONS + MAP + FILE + END).replace(b"\r\n", b"\n"),
    "an end in the first headers": f"--{BOUNDARY}\r\nContent-Dispo".encode(),
    "an end in operations": OPERATIONS[:-20],
    "an end after the map": OPERATIONS + MAP,
    "an end in the file": OPERATIONS + MAP + FILE[:-6],
    "an end after the file": OPERATIONS + MAP + FILE,
    "an end in the last boundary": OPERATIONS + MAP + FILE + END[:-4],
}


@pytest.mark.parametrize("name", MALFORMED_BODIES)
async def test_a_malformed_body_is_refused_and_leaves_nothing(toy: Any, name: str) -> None:
    response = await post(toy, MALFORMED_BODIES[name])

    assert response.status_code == 400
    assert code_of(response) in {"BAD_REQUEST", "TOO_MANY_FILES"}
    assert toy.stored == []
    assert await toy.is_well()


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "x" * 71,
        "multipart/form-data; boundary*=utf-8''x",
        "multipart/form-data; boundary=other",
        'multipart/form-data; boundary="',
    ],
)
async def test_a_wrong_boundary_is_refused(toy: Any, content_type: str) -> None:
    response = await post(toy, OPERATIONS + MAP + FILE + END, **{"content-type": content_type})

    assert response.status_code == 400
    assert toy.stored == []


@pytest.mark.parametrize("name", ["operations", "map"])
async def test_fields_over_the_body_limit_are_refused(toy: Any, name: str) -> None:
    large = part(name, " " * (MAX_BODY_BYTES + 1))
    body = (large if name == "operations" else OPERATIONS + large) + FILE + END
    response = await post(toy, body)

    assert response.status_code == 413
    assert code_of(response) == "BODY_TOO_LARGE"
    assert toy.stored == []


async def file_of(size: int) -> AsyncIterator[bytes]:
    yield OPERATIONS + MAP + part("0", b"", file_name="large.bin")[:-2]
    block = bytes(MIB)
    for start in range(0, size, MIB):
        yield block[: size - start]
    yield b"\r\n" + END


async def test_a_file_at_the_limit_is_kept_and_memory_stays_small(toy: Any) -> None:
    upload_of(await post(toy, file_of(MIB)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    upload = upload_of(await post(toy, file_of(MAX_UPLOAD_BYTES)))

    grown_bytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert (upload["byteSize"], upload["tooLarge"]) == (MAX_UPLOAD_BYTES, False)
    assert upload["headSize"] == 64 * 1024
    assert toy.store.joinpath(upload["key"]).stat().st_size == MAX_UPLOAD_BYTES
    assert grown_bytes < 24 * MIB


@pytest.mark.parametrize("extra_bytes", [1, 100 * MIB])
async def test_a_file_over_the_limit_is_not_kept_and_the_resolver_learns_it(
    toy: Any, extra_bytes: int
) -> None:
    upload = upload_of(await post(toy, file_of(MAX_UPLOAD_BYTES + extra_bytes)))

    assert upload["tooLarge"]
    assert toy.stored == []
    assert await toy.is_well()


async def test_a_client_that_vanishes_leaves_nothing(toy: Any) -> None:
    address = httpx.URL(toy.url)
    _, writer = await asyncio.open_connection(address.host, address.port)
    lines = [
        "POST /graphql HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {toy.token}",
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}",
        "GraphQL-Require-Preflight: 1",
        "Content-Length: 100000000",
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode() + OPERATIONS + MAP + FILE[:-4] + bytes(2 * MIB))
    await writer.drain()
    async with asyncio.timeout(5):
        while not toy.stored:
            assert await toy.is_well()
        writer.transport.abort()
        while toy.stored:
            assert await toy.is_well()
