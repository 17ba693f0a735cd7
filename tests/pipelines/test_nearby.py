"""What a task reads of a bucket is a copy on its machine, and what it writes is in the bucket once it is kept."""

from pathlib import Path
from typing import Any

import pytest
from botocore.retries.standard import ExponentialBackoff

from headgate.errors import JobFault
from headgate.pipelines.child import Errand, answer
from headgate.pipelines.fetched import LocalKept
from headgate.pipelines.inspector import HEAD_BYTES
from headgate.pipelines.nearby import Nearby
from headgate.storage.object_store import StoreUnavailable
from headgate.storage.own_objects import OwnObjects
from tests.buckets import SECRET, Store
from tests.faulty_store import Trouble, faulty_way
from tests.pipelines.intake import unheard


@pytest.fixture
def nearby(tmp_path: Path) -> Nearby:
    return Nearby(tmp_path, unheard)


def at(bucket: Store, key: str, **changed: Any) -> dict[str, Any]:
    return {**bucket.location(key).to_json(), **changed}


def test_files_of_this_machine_are_read_and_written_where_they_are(nearby: Nearby, tmp_path: Path) -> None:
    said = {"path": str(tmp_path / "object")}
    assert nearby.file(said) == nearby.written(said) == tmp_path / "object"
    assert nearby.head(said, 1) == (tmp_path / "object", True)
    assert nearby.kept(said) == LocalKept(tmp_path / "object")
    nearby.keep(nearby.written(said))
    assert list(tmp_path.iterdir()) == []


def test_an_object_of_a_bucket_is_copied_whole_or_its_head(nearby: Nearby, own_bucket: Store) -> None:
    own_bucket.put("main/files/a", b"0123456789")
    said = at(own_bucket, "main/files/a")
    assert nearby.file(said).read_bytes() == b"0123456789"
    head, is_whole = nearby.head(said, 4)
    assert (head.read_bytes(), is_whole) == (b"0123", False)
    assert nearby.head(said, 10)[1]
    with pytest.raises(FileNotFoundError):
        nearby.file(at(own_bucket, "main/files/b"))


def test_what_is_written_is_in_the_bucket_once_it_is_kept(nearby: Nearby, own_bucket: Store) -> None:
    path = nearby.written(at(own_bucket, "main/errors/job_1.parquet"))
    path.write_bytes(b"errors")
    assert own_bucket.keys() == []
    nearby.keep(path)
    assert own_bucket.contents() == {"main/errors/job_1.parquet": b"errors"}
    path.unlink()
    nearby.keep(path)
    assert own_bucket.keys() == []


def test_a_folder_appears_once_and_as_a_whole(nearby: Nearby, own_bucket: Store, tmp_path: Path) -> None:
    kept = nearby.kept(at(own_bucket, "main/fetched/job_1"))
    assert kept.find() is None
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        (folder / "files").mkdir(parents=True)
        (folder / "files" / "a").write_text(folder.name)
    (second / "files" / "b").touch()
    assert kept.keep(first) == first
    # The other attempt reads what the faster one has kept, and leaves nothing of its own.
    for found in (kept.keep(second), kept.find()):
        assert found is not None
        assert [path.read_text() for path in found.rglob("*") if path.is_file()] == ["first"]
    assert len(own_bucket.keys()) == 2


def test_an_upload_that_breaks_off_leaves_a_folder_that_is_not_there(
    nearby: Nearby, own_bucket: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.0)
    (tmp_path / "fetched").mkdir()
    (tmp_path / "fetched" / "content").write_text("x")
    with faulty_way(own_bucket.url) as way:
        way.troubles.append(Trouble("PUT", "/kept", "refuse", times=100))
        kept = nearby.kept(at(own_bucket, "main/fetched/job_1", endpoint_url=way.url))
        with pytest.raises(StoreUnavailable):
            kept.keep(tmp_path / "fetched")
        assert kept.find() is None


def test_only_the_head_of_a_large_text_is_fetched_to_look_into_it(own_bucket: Store, tmp_path: Path) -> None:
    rows = HEAD_BYTES // 8 + 1000
    own_bucket.put("main/files/a", b"id,name\n" + b"1234,ab\n" * rows)
    own_bucket.put("main/files/b", b'[{"id": 1}' + b" " * HEAD_BYTES + b"]")
    with faulty_way(own_bucket.url) as way:
        for name, columns in (("a.csv", ["id", "name"]), ("b.json", ["id"])):
            said = at(own_bucket, f"main/files/{name[0]}", endpoint_url=way.url)
            task = {
                "task": "inspect",
                "object": said,
                "name": name,
                "format": None,
                "dialect": None,
                "rows": 2,
            }
            done = answer(Errand({**task, "scratch": str(tmp_path / name)}, unsent))["result"]
            assert [column["name"] for column in done["columns"]] == columns
            assert done["has_more"] is (name == "a.csv")
        ranges = [headers.get("range") for method, path, headers in way.calls if method == "GET"]
    assert ranges == [f"bytes=0-{HEAD_BYTES}", f"bytes=0-{HEAD_BYTES}", None]


def test_a_task_whose_store_is_gone_fails_in_a_way_that_passes(own_bucket: Store, tmp_path: Path) -> None:
    said = at(own_bucket, "main/files/a", endpoint_url="http://127.0.0.1:9")
    task = {"task": "inspect", "object": said, "name": "a.csv", "format": None, "dialect": None, "rows": 2}
    failure = answer(Errand({**task, "scratch": str(tmp_path / "scratch")}, unsent))["failure"]
    assert (failure["code"], failure["retryable"]) == ("STORE_UNAVAILABLE", True)
    assert SECRET not in str(failure)
    assert "127.0.0.1" not in str(failure)


def test_a_fault_of_the_watch_is_not_taken_for_one_of_the_store(own_bucket: Store, tmp_path: Path) -> None:
    own_bucket.put("main/files/a", b"x")

    def stop(count: int) -> None:
        raise JobFault("STOPPED", "", "SYSTEM")

    with pytest.raises(JobFault, match="STOPPED"):
        OwnObjects(own_bucket.location("main/files/a")).download(tmp_path / "a", heed=stop)


def unsent(message: dict[str, Any]) -> None:
    """Nobody waits for progress."""
