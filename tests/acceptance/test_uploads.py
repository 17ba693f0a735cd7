"""Clients of tus as they are send files to a real server, and go on where it was when it was killed."""

import asyncio
import hashlib
import os
import sqlite3
import subprocess
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from tusclient.client import TusClient

from tests.acceptance.node import needs_node
from tests.acceptance.processes import Client, Headgate, MakeClient, MakeHeadgate
from tests.buckets import Store

pytestmark = pytest.mark.thorough

MIB = 1 << 20
TUS = {"tus-resumable": "1.0.0"}
START = """
mutation ($input: StartUploadInput!) {
  startUpload(input: $input) { file { id status } url partSize parts { number url } replayed errors { code path } }
}
"""
COMPLETE = """
mutation ($id: ID!) { completeUpload(input: {id: $id}) { file { status sha256 byteSize } errors { code path } } }
"""
ABORT = "mutation ($id: ID!) { abortUpload(id: $id) { deletedId errors { code } } }"
FILE = "query ($id: ID!) { file(id: $id) { status sha256 byteSize name format } }"


@dataclass(frozen=True)
class Sent:
    """A file that is to be sent."""

    path: Path
    content: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def written(path: Path, content: bytes) -> Sent:
    path.write_bytes(content)
    return Sent(path, content)


@pytest.fixture
def large(tmp_path: Path) -> Sent:
    """A file of about 24 MiB."""
    lines = b"".join(b"%d,%s\n" % (n, b"x" * 120) for n in range(200_000))
    return written(tmp_path / "people.csv", b"id,name\n" + lines)


@pytest.fixture(params=["folder", "bucket"])
def headgate(request: pytest.FixtureRequest, make_headgate: MakeHeadgate) -> Headgate:
    """A server that keeps files in a folder, or in a bucket."""
    if request.param == "folder":
        return make_headgate().start()
    bucket: Store = request.getfixturevalue("own_bucket")
    return make_headgate(store_url=f"s3://{bucket.bucket}/main", s3_endpoint_url=bucket.url).start()


def id_of(url: str | None) -> str:
    assert url is not None
    return url.partition("?")[0].rpartition("/")[2]


def received(headgate: Headgate, file_id: str) -> int:
    """How much of an upload counts, looked up past the server: a request would end the one that writes."""
    with closing(sqlite3.connect(headgate.home / "headgate.db")) as connection:
        found = connection.execute("SELECT received FROM uploads WHERE file_id = ?", [file_id]).fetchone()
    return int(found[0])


async def send_until_killed(url: str, content: bytes, killed: asyncio.Event) -> None:
    """Send most of a file in one request, which doesn't end before the server is killed."""

    async def body() -> AsyncIterator[bytes]:
        for start in range(0, 20 * MIB, MIB):
            yield content[start : start + MIB]
        await killed.wait()
        yield b"late"

    headers = {**TUS, "upload-offset": "0", "content-type": "application/offset+octet-stream"}
    async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
        with suppress(httpx.TransportError):
            await http.patch(url, content=body(), headers=headers)


def run_node(folder: Path, sent: Sent, headgate: Headgate, **environment: str) -> str:
    """Let tus-js-client send a file; answers the path of its upload."""
    given = {
        **os.environ,
        "FILE": str(sent.path),
        "UPLOADS_URL": f"{headgate.url}/uploads",
        "TOKEN": headgate.token(),
        "CHUNK_BYTES": str(5 * MIB),
        **environment,
    }
    done = subprocess.run(
        ["node", "upload.js"], cwd=folder, env=given, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return "/uploads/" + id_of(done.stdout.strip())


async def begin(client: Client, sent: Sent, **known: Any) -> Any:
    wanted = {"name": sent.path.name, "byteSize": len(sent.content), **known}
    answer = (await client.data(START, input=wanted))["startUpload"]
    assert answer["errors"] == []
    return answer


@needs_node
async def test_clients_go_on_where_a_killed_server_was(
    headgate: Headgate, make_client: MakeClient, large: Sent, node_folder: Path
) -> None:
    client = await make_client(headgate)
    begun = await begin(client, large, sha256=large.sha256)
    file_id = begun["file"]["id"]
    killed = asyncio.Event()
    sending = asyncio.create_task(send_until_killed(headgate.url + begun["url"], large.content, killed))
    other = await asyncio.to_thread(run_node, node_folder, large, headgate, BEGIN_ONLY_BYTES="1")
    async with asyncio.timeout(30):
        while not received(headgate, file_id):  # noqa: ASYNC110, nobody tells
            await asyncio.sleep(0.02)
    headgate.kill()
    killed.set()
    await sending
    had = {each: received(headgate, each) for each in (file_id, id_of(other))}
    assert 0 < had[file_id] <= 20 * MIB
    assert had[id_of(other)] >= 5 * MIB
    headgate.start()
    client = await make_client(headgate)

    tus = TusClient(f"{headgate.url}/uploads")
    uploader = await asyncio.to_thread(
        tus.uploader, file_stream=BytesIO(large.content), url=headgate.url + begun["url"]
    )
    assert uploader.offset == had[file_id]
    await asyncio.to_thread(uploader.upload)
    await asyncio.to_thread(run_node, node_folder, large, headgate, RESUME_URL=headgate.url + other)

    for each in had:
        file = (await client.data(FILE, id=each))["file"]
        assert file == {
            "status": "READY",
            "sha256": large.sha256,
            "byteSize": len(large.content),
            "name": "people.csv",
            "format": "CSV",
        }
    assert (await client.data(COMPLETE, id=file_id))["completeUpload"]["file"]["sha256"] == large.sha256


async def test_a_python_client_sends_a_file_with_checksums(
    shared_headgate: Headgate, client: Client, tmp_path: Path
) -> None:
    sent = written(tmp_path / "people.csv", b"id,name\n1,Ann\n" * 400)
    tus = TusClient(f"{client.url}/uploads", headers={"Authorization": f"Bearer {client.token}"})
    uploader = tus.uploader(
        file_stream=BytesIO(sent.content),
        chunk_size=1_000,
        metadata={"filename": "q.csv"},
        upload_checksum=True,
    )
    await asyncio.to_thread(uploader.upload)
    file = (await client.data(FILE, id=id_of(uploader.url)))["file"]
    assert (file["status"], file["name"]) == ("READY", "q.csv")
    assert file["sha256"] == sent.sha256


async def test_an_upload_is_begun_once_for_a_key_and_given_up(client: Client, tmp_path: Path) -> None:
    sent = written(tmp_path / "people.csv", b"id\n1\n")
    first, again = [await begin(client, sent, idempotencyKey=f"key of {tmp_path}") for _ in range(2)]
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert first["file"] == again["file"]
    assert first["file"]["status"] == "RECEIVING"
    [error] = (await client.data(COMPLETE, id=first["file"]["id"]))["completeUpload"]["errors"]
    assert error == {"code": "UPLOAD_INCOMPLETE", "path": ["input", "id"]}

    assert (await client.data(ABORT, id=first["file"]["id"]))["abortUpload"]["errors"] == []

    assert (await client.data(FILE, id=first["file"]["id"]))["file"]["status"] == "EXPIRED"
    assert (await client.http.head(first["url"], headers=TUS)).status_code == 410
    for wrong, path_of_error in (
        ({"direct": True}, ["input", "direct"]),
        ({"byteSize": -1}, ["input", "byteSize"]),
        ({"byteSize": 2**40}, ["input", "byteSize"]),
        ({"sha256": "x"}, ["input", "sha256"]),
    ):
        wanted = {"name": "a", "byteSize": 5, **wrong}
        [refused] = (await client.data(START, input=wanted))["startUpload"]["errors"]
        assert refused["path"] == path_of_error
    for unknown in ("x", "file_01h455vb4pex5vsknk084sn02q"):
        assert (await client.data(COMPLETE, id=unknown))["completeUpload"]["errors"][0]["path"] == [
            "input",
            "id",
        ]
        assert (await client.data(ABORT, id=unknown))["abortUpload"]["deletedId"] is None
