"""The source `object` fetches the files that a path means, all of them or those that are new."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.dialect import GivenDialect
from headgate.pipelines.endpoints.outside import Outside
from headgate.pipelines.orders import Stopped
from headgate.pipelines.prepared import Watch
from headgate.pipelines.sources import object as source
from headgate.pipelines.sources.object import ObjectSource, Seen
from headgate.pipelines.sources.source import Fetched, FetchedFile, Fetching
from headgate.storage.formats import FileFormat
from headgate.storage.places import StoredObject
from tests.buckets import Store
from tests.pipelines.intake import unheard

NOON = dt.datetime(2026, 1, 2, 12, tzinfo=dt.UTC)


class Jobs:
    """Jobs of one pipeline, each with a folder of its own; the state is kept as if each were committed."""

    def __init__(self, folder: Path, outside: Outside, **settings: Any) -> None:
        self.source = ObjectSource.model_validate(settings)
        self.folder, self.outside = folder, outside
        self.state: Any = None
        self.count = 0

    def run(self, *, max_bytes: int = 1 << 20, watch: Watch = unheard) -> dict[str, bytes]:
        """Fetch; answers the content of each file, by its name."""
        fetched = self.fetch(max_bytes, watch)
        self.state = fetched.state
        return {each.name: (self.job / each.name).read_bytes() for each in fetched.files}

    def fetch(self, max_bytes: int, watch: Watch) -> Fetched:
        self.count += 1
        self.job.mkdir()
        return self.source.fetch(Fetching(self.job, self.outside, max_bytes, watch, self.state))

    @property
    def job(self) -> Path:
        return self.folder / f"job-{self.count}"


def of_store(folder: Path, store: Store, **settings: Any) -> Jobs:
    return Jobs(folder, store.outside(), endpoint="store", **settings)


def code_of(jobs: Jobs, **options: Any) -> str:
    with pytest.raises(JobFault) as caught:
        jobs.run(**options)
    return caught.value.code


def test_files_are_fetched_in_the_order_of_their_names(tmp_path: Path, store: Store) -> None:
    for key in (
        "in/b.csv",
        "in/a.csv",
        "in/deep/c.csv",
        "in/_temporary/d.csv",
        "in/notes.txt",
        "other/e.csv",
    ):
        store.put(key, key)
    found = of_store(tmp_path, store, path="in/**/*.csv").run()
    assert found == {"00001-a.csv": b"in/a.csv", "00002-b.csv": b"in/b.csv", "00003-c.csv": b"in/deep/c.csv"}


def test_one_file_is_fetched_by_its_name(tmp_path: Path, store: Store) -> None:
    store.put("in/a.csv", "content")
    store.put("in/a.csv.bak", "old")
    assert of_store(tmp_path, store, path="/in/a.csv").run() == {"00001-a.csv": b"content"}


def test_files_without_content_are_left_out(tmp_path: Path, store: Store) -> None:
    store.put("in/", "")
    store.put("in/a.csv", "")
    store.put("in/b.csv", "content")
    assert of_store(tmp_path, store, path="in/").run() == {"00001-b.csv": b"content"}


def test_the_format_and_dialect_are_those_that_are_given(tmp_path: Path, store: Store) -> None:
    store.put("a.dat", "content")
    jobs = of_store(tmp_path, store, path="a.dat", format="CSV", dialect={"delimiter": ";"})
    (found,) = jobs.fetch(100, unheard).files
    assert found == FetchedFile("00001-a.dat", FileFormat.CSV, GivenDialect(delimiter=";"))


@pytest.mark.parametrize("path", ["nothing/*.csv", "nothing.csv"], ids=str)
def test_nothing_to_fetch_is_a_fault(tmp_path: Path, store: Store, path: str) -> None:
    assert code_of(of_store(tmp_path, store, path=path)) == "NOTHING_FOUND"


def test_more_bytes_than_are_taken_are_not_fetched(tmp_path: Path, store: Store) -> None:
    store.put("a.csv", "x" * 60)
    store.put("b.csv", "x" * 60)
    jobs = of_store(tmp_path, store, path="*.csv")
    assert code_of(jobs, max_bytes=119) == "OBJECT_TOO_LARGE"
    assert list(jobs.job.iterdir()) == []
    assert len(jobs.run(max_bytes=120)) == 2


def test_more_files_than_are_taken_are_not_fetched(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MAX_FILES", 1)
    store.put("a.csv", "x")
    store.put("b.csv", "x")
    assert code_of(of_store(tmp_path, store, path="*.csv")) == "TOO_MANY_OBJECTS"


def test_more_objects_than_are_looked_through_are_told(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "MAX_LISTED", 1)
    store.put("a.csv", "x")
    store.put("b.txt", "x")
    assert code_of(of_store(tmp_path, store, path="*.csv")) == "TOO_MANY_OBJECTS"


def test_a_job_that_is_stopped_fetches_no_more(tmp_path: Path, store: Store) -> None:
    store.put("a.csv", "x")

    def stop(stage: str, **figures: Any) -> None:
        if "bytes_read" in figures:
            raise Stopped

    jobs = of_store(tmp_path, store, path="a.csv")
    with pytest.raises(Stopped):
        jobs.run(watch=stop)
    assert list(jobs.job.iterdir()) == []


def test_only_what_is_new_or_changed_is_fetched_again(tmp_path: Path, store: Store) -> None:
    jobs = of_store(tmp_path, store, path="*.csv", incremental=True)
    assert jobs.run() == {}
    store.put("a.csv", "1")
    store.put("b.csv", "1")
    assert set(jobs.run()) == {"00001-a.csv", "00002-b.csv"}
    assert jobs.run() == {}
    store.put("a.csv", "2")
    store.put("c.csv", "1")
    assert jobs.run() == {"00001-a.csv": b"2", "00002-c.csv": b"1"}
    assert jobs.run() == {}


def test_what_is_too_much_for_one_job_is_left_for_the_next(tmp_path: Path, store: Store) -> None:
    jobs = of_store(tmp_path, store, path="*.csv", incremental=True)
    for name in ("a", "b", "c"):
        store.put(f"{name}.csv", name * 60)
    found = [jobs.run(max_bytes=150) for _ in range(3)]
    assert [len(each) for each in found] == [2, 1, 0]
    assert {content[:1] for each in found for content in each.values()} == {b"a", b"b", b"c"}


def test_a_new_file_that_is_too_large_by_itself_is_told(tmp_path: Path, store: Store) -> None:
    store.put("a.csv", "x" * 60)
    jobs = of_store(tmp_path, store, path="*.csv", incremental=True)
    assert code_of(jobs, max_bytes=59) == "OBJECT_TOO_LARGE"


def stored(key: str, hours: float, etag: str = "e") -> StoredObject:
    return StoredObject(key, 1, NOON + dt.timedelta(hours=hours), etag)


def test_what_appears_late_is_new() -> None:
    seen = Seen.after(None, [stored("a", 0)])
    assert seen.has(stored("a", 0))
    assert not seen.has(stored("late", -23))
    assert not seen.has(stored("a", 0, "other"))
    assert seen.has(stored("long ago", -24))


def test_no_more_is_kept_than_a_day_needs() -> None:
    seen = Seen.after(None, [stored("a", 0), stored("b", 20)])
    assert len(seen.recent) == 2
    later = Seen.from_json(Seen.after(seen, [stored("c", 30)]).to_json())
    assert len(later.recent) == 2
    assert all(later.has(each) for each in (stored("a", 0), stored("b", 20), stored("c", 30)))


def test_a_folder_of_this_machine_is_read_where_it_is_allowed(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    (allowed / "in").mkdir(parents=True)
    (allowed / "in" / "a.csv").write_text("content")
    for path in ("in/*.csv", f"{allowed}/**/*.csv", f"{allowed}/in/a.csv"):
        jobs = Jobs(tmp_path / path.replace("/", "-"), Outside(folders=[allowed]), path=path)
        jobs.folder.mkdir()
        assert jobs.run() == {"00001-a.csv": b"content"}


def test_no_folder_of_this_machine_is_read_unless_it_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("content")
    assert code_of(Jobs(tmp_path, Outside(), path=f"{tmp_path}/*.csv")) == "PATH_NOT_ALLOWED"


@pytest.mark.parametrize(
    "settings",
    [{}, {"path": ""}, {"path": "../a"}, {"path": "a", "format": "PNG"}, {"path": "a", "bucket": "b"}],
    ids=str,
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ObjectSource.model_validate(settings)


def test_the_example_fetches_what_is_there(tmp_path: Path, store: Store) -> None:
    store.put("exports/2026/orders.csv", "id\n1\n")
    jobs = Jobs(tmp_path, store.outside(), **ObjectSource.example)
    assert jobs.run() == {"00001-orders.csv": b"id\n1\n"}
