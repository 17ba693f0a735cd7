"""A bucket that fails, or is no fit store for tables: nothing is lost, committed twice, or waited for."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake.exceptions import DeltaError
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

from headgate.errors import JobFault
from headgate.storage import bucketfolders, commits, datasets
from headgate.storage.bucketfaults import telling_faults
from headgate.storage.bucketfolders import BucketFolder
from headgate.storage.columns import Column
from headgate.storage.datasets import Part, Snapshot, WriteMode
from headgate.storage.locations import BucketLocation
from headgate.storage.object_store import StoreFull, StoreUnavailable
from tests.buckets import Store, new_bucket, s3_server, set_keys

COLUMNS = [Column("a", pl.Int64())]
VERSION = Snapshot(0, (Part("a.parquet", 1, 100),), tuple(COLUMNS))
Answer = tuple[int, bytes]


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    set_keys(monkeypatch)
    monkeypatch.setattr(bucketfolders, "RETRIES", 0)


class Failing:
    """A server that gives one answer to all; without one it closes the connection."""

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.asked: list[str] = []
        failing = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                failing.asked.append(f"{self.command} {self.headers.get('If-None-Match')}")
                if failing.answer is None:
                    self.close_connection = True
                    return
                status, body = failing.answer
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_DELETE = do_HEAD = _answer  # noqa: N815

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def folder(self) -> BucketFolder:
        url = f"http://127.0.0.1:{self.server.server_port}"
        return BucketFolder(BucketLocation("bucket", "datasets/dataset_1", "us-east-1", url))


@pytest.fixture
def failing() -> Iterator[Failing]:
    server = Failing()
    yield server
    server.server.shutdown()
    server.server.server_close()


def operations(folder: BucketFolder, desk: Path) -> list[Callable[[], Any]]:
    def send() -> None:
        (desk / "b.parquet").write_bytes(b"content")
        folder.take(desk, ["b.parquet"], lambda: None)

    return [
        lambda: datasets.latest(folder),
        lambda: datasets.snapshot(folder, 0),
        lambda: datasets.committed_by(folder, "job_1"),
        lambda: datasets.scan(folder, VERSION).collect(),
        lambda: folder.names("job_1-"),
        lambda: folder.read("_delta_log/0.json"),
        send,
        lambda: folder.remove(["a.parquet"]),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        (403, b"<Error><Code>InvalidAccessKeyId</Code></Error>"),
        (404, b"<Error><Code>NoSuchBucket</Code></Error>"),
        (500, b""),
        (503, b"<Error><Code>SlowDown</Code></Error>"),
        None,
    ],
    ids=["denied", "no bucket", "error", "busy", "broken"],
)
def test_a_store_that_fails_is_told_as_one_that_cannot_be_used(
    failing: Failing, tmp_path: Path, answer: Answer | None
) -> None:
    failing.answer = answer
    for work in operations(failing.folder, tmp_path):
        with pytest.raises(StoreUnavailable) as told, telling_faults():
            work()
        assert str(failing.server.server_port) not in str(told.value)
    assert (tmp_path / "b.parquet").read_bytes() == b"content"


def test_an_error_that_no_store_is_the_cause_of_stays_as_it_is() -> None:
    for error in (OSError(5, "Input/output error"), ValueError("x"), FileNotFoundError("a.parquet")):
        with pytest.raises(type(error)) as raised, telling_faults():
            raise error
        assert raised.value is error


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), DeltaError("sync: Disk quota exceeded (os error 122)")]
)
def test_a_disk_without_room_is_told_as_that(error: Exception) -> None:
    with pytest.raises(StoreFull), telling_faults():
        raise error


@pytest.mark.parametrize("answer", [(200, b""), (501, b"<Error><Code>NotImplemented</Code></Error>")])
def test_nothing_is_committed_to_a_store_that_may_lose_commits(failing: Failing, answer: Answer) -> None:
    failing.answer = answer
    for _ in range(2):
        with pytest.raises(JobFault) as told:
            failing.folder.require_safe_commits()
        assert (told.value.code, told.value.category) == ("STORE_UNFIT", "CONFIG")
    assert failing.asked[-1].startswith("DELETE")


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture
def store(s3_url: str) -> Iterator[Store]:
    with new_bucket(s3_url) as made:
        yield made


@pytest.fixture
def folder(store: Store) -> BucketFolder:
    return BucketFolder(store.location("datasets/dataset_1"))


def put(folder: BucketFolder, desk: Path, name: str) -> Part:
    pl.DataFrame({"a": [1]}).write_parquet(desk / name)
    byte_size = (desk / name).stat().st_size
    folder.take(desk, [name], lambda: None)
    return Part(name, 1, byte_size)


@pytest.mark.parametrize("mode", list(WriteMode))
def test_a_commit_whose_answer_is_lost_takes_place_once(
    folder: BucketFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: WriteMode
) -> None:
    """The store has the commit and says that it failed: the client asks again, and is told that there is one."""
    monkeypatch.setattr(bucketfolders, "RETRIES", 2)
    options: dict[str, Any] = {"mode": mode, "columns": COLUMNS, "note": {}}
    part = put(folder, tmp_path, "job_1-1.parquet")
    base = commits.commit(folder, job="job_1", base=None, parts=[part], **options)
    answered, lost = DomainDispatcherApplication.__call__, list[str]()

    def losing(self: Any, environ: Any, start: Any) -> Any:
        answer = answered(self, environ, start if lost or not is_commit(environ) else lambda *_: None)
        if not lost and is_commit(environ):
            lost.append(environ["PATH_INFO"])
            start("500 Internal Server Error", [("Content-Length", "0")])
            return [b""]
        return answer

    monkeypatch.setattr(DomainDispatcherApplication, "__call__", losing)
    part = put(folder, tmp_path, "job_2-1.parquet")
    try:
        commits.commit(folder, job="job_2", base=base, parts=[part], **options)
    except commits.DatasetConflict:
        assert datasets.committed_by(folder, "job_2") is not None
    assert len(lost) == 1
    latest = datasets.latest(folder)
    assert latest is not None
    assert latest.version == 1
    assert [part.name for part in latest.parts].count("job_2-1.parquet") == 1


def is_commit(environ: Any) -> bool:
    return environ["REQUEST_METHOD"] == "PUT" and "/_delta_log/" in environ["PATH_INFO"]


def test_files_are_listed_page_by_page_and_removed(
    folder: BucketFolder, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucketfolders, "PAGE_OBJECTS", 2)
    names = {f"job_1-1-{number}.parquet" for number in range(5)}
    for key in [*names, "job_1-2-0.parquet", "job_1-1-x/y.parquet", "_delta_log/job_1-1-.json"]:
        store.put(f"datasets/dataset_1/{key}", b"")
    store.put("datasets/dataset_10/job_1-1-9.parquet", b"")
    assert set(folder.names("job_1-1-")) == names
    assert folder.has_all(names)
    assert not folder.has_all([*names, "job_1-1-9.parquet"])
    folder.remove([*names, "absent"])
    assert folder.names("job_1-1-") == set()
    assert len(store.keys()) == 4


def test_a_stop_ends_the_sending_of_files(folder: BucketFolder, store: Store, tmp_path: Path) -> None:
    names = [f"{number}.parquet" for number in range(20)]
    for name in names:
        (tmp_path / name).write_bytes(b"x")

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        folder.take(tmp_path, names, stop)
    assert 0 < len(store.keys()) < len(names)
