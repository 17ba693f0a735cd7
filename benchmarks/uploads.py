"""How fast a large file is taken, by tus and by multipart, against a bare application that hashes and writes it."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.session

from benchmarks.figures import Figure, Sizes, alternate
from benchmarks.memory import MIB, PROC, peak_bytes_of
from demo.server import HOST, Server, free_port, serving, wait_until_ready

MIN_RATIO = 0.5
MAX_GROWTH_BYTES = 64 * MIB
ROUNDS = 3
BLOCK = b"1,2,3,4,5,6,7,8\n" * (MIB // 16)
KEYS = {"AWS_ACCESS_KEY_ID": "benchmark", "AWS_SECRET_ACCESS_KEY": "benchmark"}
BUCKET = "benchmark"
UPLOAD = "mutation ($file: Upload!) { upload(file: $file) { file { id status } errors { code } } }"
DELETE = "mutation ($id: ID!) { deleteFile(id: $id) { errors { code } } }"
BOUNDARY = "benchmark"
TYPE = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Target:
    """Where files go: what is said of it, the server's settings, and what the bare application is told."""

    name: str
    settings: Mapping[str, str]
    bare: tuple[str, ...]


def measure_uploads(folder: Path, sizes: Sizes) -> list[Figure]:
    """Send the same bytes to a server and to the bare application in turn, over a folder and over a bucket."""
    few = replace(sizes, rounds=min(sizes.rounds, ROUNDS))
    written = folder / "bare-upload"
    written.mkdir()
    figures = _figures(folder / "uploads", few, Target("a folder", {}, (str(written),)))
    (written / "bare").unlink()
    with _bucket() as url:
        settings = {"HEADGATE_STORE_URL": f"s3://{BUCKET}/main", "HEADGATE_S3_ENDPOINT_URL": url}
        return figures + _figures(folder / "uploads-s3", few, Target("S3 (moto)", settings, (url, BUCKET)))


def _figures(home: Path, sizes: Sizes, target: Target) -> list[Figure]:
    count = sizes.upload_blocks
    with serving(home, target.settings) as server, _bare(target) as bare_url:
        # What is there after the first small file is no growth.
        _tus_s(server, 1)
        _multipart_s(server, 1)
        before = peak_bytes_of(server.process.pid) if PROC.is_dir() else 0
        tus_s, multipart_s, bare_s = alternate(
            sizes,
            (
                lambda: _tus_s(server, count),
                lambda: _multipart_s(server, count),
                lambda: _sent_s(bare_url, "POST", "/", count),
            ),
        )
        grown = peak_bytes_of(server.process.pid) - before if PROC.is_dir() else 0
    figures = [
        _figure(f"{name} upload of {count} MiB to {target.name}", count, ours_s, bare_s)
        for name, ours_s in (("tus", tus_s), ("multipart", multipart_s))
    ]
    if PROC.is_dir():
        name = f"Growth of the server's peak memory by these, {target.name}"
        asked = f"at most {MAX_GROWTH_BYTES // MIB} MiB"
        figures.append(Figure(name, f"{grown / MIB:.0f} MiB", asked, grown <= MAX_GROWTH_BYTES))
    return figures


def _figure(name: str, count: int, ours_s: float, bare_s: float) -> Figure:
    ratio = bare_s / ours_s
    measured = f"{count / ours_s:.0f} MiB/s / {count / bare_s:.0f} MiB/s = {ratio:.2f}"
    return Figure(f"{name}, against bare ASGI", measured, f"at least {MIN_RATIO:.1f}", ratio >= MIN_RATIO)


def _tus_s(server: Server, count: int) -> float:
    tus = {"Authorization": f"Bearer {server.token}", "Tus-Resumable": "1.0.0"}
    length = {"Upload-Length": str(count * len(BLOCK)), "Content-Length": "0"}
    begun = _asked(server.url, "POST", "/uploads", {**tus, **length})
    url = begun["location"]
    headers = {**tus, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    taken_s = _sent_s(server.url, "PATCH", url, count, headers)
    _delete(server, url.rpartition("/")[2])
    return taken_s


def _multipart_s(server: Server, count: int) -> float:
    operations = {"query": UPLOAD, "variables": {"file": None}}
    fields = {"operations": json.dumps(operations), "map": json.dumps({"0": ["variables.file"]})}
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n'
        for n, v in fields.items()
    ]
    file = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="0"; filename="a.csv"\r\n\r\n'
    headers = {
        "Authorization": f"Bearer {server.token}",
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        "GraphQL-Require-Preflight": "1",
    }
    answered: list[bytes] = []
    head, tail = "".join([*parts, file]).encode(), f"\r\n--{BOUNDARY}--\r\n".encode()
    taken_s = _sent_s(server.url, "POST", "/graphql", count, headers, head, tail, answered)
    file_id = json.loads(answered[0])["data"]["upload"]["file"]["id"]
    _delete(server, file_id)
    return taken_s


def _sent_s(
    url: str,
    method: str,
    path: str,
    count: int,
    headers: Mapping[str, str] | None = None,
    head: bytes = b"",
    tail: bytes = b"",
    answered: list[bytes] | None = None,
) -> float:
    """Send so many blocks between a head and a tail, and wait for the answer."""
    length = len(head) + count * len(BLOCK) + len(tail)

    def body() -> Iterator[bytes]:
        yield head
        for _ in range(count):
            yield BLOCK
        yield tail

    connection = HTTPConnection(urlsplit(url).netloc)
    started = time.perf_counter()
    connection.request(method, path, filter(None, body()), {**(headers or {}), "Content-Length": str(length)})
    response = connection.getresponse()
    content = response.read()
    taken_s = time.perf_counter() - started
    connection.close()
    assert response.status in (200, 204), content
    if answered is not None:
        answered.append(content)
    return taken_s


def _asked(
    url: str, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
) -> Mapping[str, Any]:
    connection = HTTPConnection(urlsplit(url).netloc)
    connection.request(method, path, body, dict(headers))
    response = connection.getresponse()
    response.read()
    connection.close()
    assert response.status in (200, 201, 204), response.status
    return {name.lower(): value for name, value in response.getheaders()}


def _delete(server: Server, file_id: str) -> None:
    body = json.dumps({"query": DELETE, "variables": {"id": file_id}}).encode()
    _asked(server.url, "POST", "/graphql", {**TYPE, "Authorization": f"Bearer {server.token}"}, body)


@contextmanager
def _bare(target: Target) -> Iterator[str]:
    port = free_port()
    with _process([sys.executable, "-m", "benchmarks.bare_upload", str(port), *target.bare]) as process:
        url = f"http://{HOST}:{port}"
        wait_until_ready(process, f"{url}/")
        yield url


@contextmanager
def _bucket() -> Iterator[str]:
    """A bucket of moto's server in a process of its own; its keys are in the environment meanwhile."""
    port, kept = free_port(), dict(os.environ)
    os.environ.update(KEYS)
    with ExitStack() as stack:
        stack.callback(os.environ.update, kept)
        stack.callback(os.environ.clear)
        command = [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(port)]
        process = stack.enter_context(_process(command))
        url = f"http://{HOST}:{port}"
        wait_until_ready(process, f"{url}/moto-api/")
        client = botocore.session.Session().create_client("s3", region_name="us-east-1", endpoint_url=url)
        client.create_bucket(Bucket=BUCKET)
        client.close()
        yield url


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
