"""A dataset's versions are complete or absent, and stay readable, in a folder and in a bucket."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable

from headgate.storage import commits, datasets
from headgate.storage.columns import Column
from headgate.storage.commits import DatasetConflict
from headgate.storage.datasets import Part, Snapshot, WriteMode
from headgate.storage.tablefolders import LocalFolder, TableFolder, table_folder
from tests.buckets import new_bucket, s3_server, set_keys

Commit = Callable[..., Snapshot]


@pytest.fixture(scope="module")
def s3_url() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture(params=["local", "bucket"])
def folder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TableFolder]:
    """The folder of a table that has no commit yet."""
    if request.param == "local":
        (tmp_path / "dataset").mkdir()
        yield LocalFolder(tmp_path / "dataset")
        return
    set_keys(monkeypatch)
    with new_bucket(request.getfixturevalue("s3_url")) as store:
        yield table_folder(store.location("datasets/dataset_1"))


@pytest.fixture
def commit(folder: TableFolder) -> Commit:
    """Write rows as one part, and commit them for a job of that name."""

    def run(
        job: str,
        rows: dict[str, Any],
        mode: WriteMode = WriteMode.APPEND,
        *,
        base: Snapshot | type[Any] | None = Any,
        columns: list[Column] | None = None,
        order: int = 0,
    ) -> Snapshot:
        frame = pl.DataFrame(rows)
        part = write(folder, f"{job}.parquet", frame, order)
        known = columns or [Column(name, dtype) for name, dtype in frame.schema.items()]
        before = datasets.latest(folder) if base is Any else base
        assert before is None or isinstance(before, Snapshot)
        return commits.commit(
            folder, job=job, mode=mode, base=before, columns=known, parts=[part], note={"job": job}
        )

    return run


def write(folder: TableFolder, name: str, frame: pl.DataFrame, order: int = 0) -> Part:
    with TemporaryDirectory() as scratch:
        path = folder.desk(Path(scratch)) / name
        path.parent.mkdir(exist_ok=True)
        frame.write_parquet(path)
        byte_size = path.stat().st_size
        folder.take(path.parent, [name], lambda: None)
    return Part(name, frame.height, byte_size, order)


def rows(folder: TableFolder, version: Snapshot) -> list[dict[str, Any]]:
    return datasets.scan(folder, version).collect().to_dicts()


def test_a_folder_without_a_commit_is_no_dataset(folder: TableFolder) -> None:
    write(folder, "stray.parquet", pl.DataFrame({"a": [1]}))
    assert datasets.latest(folder) is None
    assert datasets.committed_by(folder, "job_1") is None


def test_a_version_knows_its_rows_columns_and_forms(folder: TableFolder, commit: Commit) -> None:
    columns = [Column("a", pl.Int64()), Column("when", pl.Datetime("us"), "%Y-%m-%d %H:%M:%S")]
    version = commit("job_1", {"a": [1, 2], "when": [None, None]}, columns=columns)
    assert (version.version, version.row_count, version.columns) == (0, 2, tuple(columns))
    assert version.byte_size == len(folder.read("job_1.parquet"))
    assert datasets.latest(folder) == datasets.snapshot(folder, 0) == version


def test_parts_come_in_their_order_and_rows_are_counted_over_all(folder: TableFolder, commit: Commit) -> None:
    commit("job_b", {"a": [3]}, order=3)
    commit("job_c", {"a": [1, 2]}, order=1)
    version = commit("job_a", {"a": [4]}, order=4)
    assert [part.name for part in version.parts] == ["job_c.parquet", "job_b.parquet", "job_a.parquet"]
    found = datasets.scan(folder, version, row_index="row").collect()
    assert found.rows() == [(0, 1), (1, 2), (2, 3), (3, 4)]
    behind = datasets.scan(folder, version, begin=2, row_index="row").collect()
    assert behind.rows() == [(2, 3), (3, 4)]


def test_a_new_column_is_null_in_old_rows_and_any_type_may_come_later(
    folder: TableFolder, commit: Commit
) -> None:
    commit("job_1", {"a": [1]})
    before = datasets.latest(folder)
    assert before is not None
    added = [
        Column("when", pl.Datetime("us")),
        Column("at", pl.Datetime("us", "UTC")),
        Column("n", pl.Decimal(38, 2)),
    ]
    columns = [*before.columns, *added]
    version = commit("job_2", {"a": [2]}, columns=columns)
    assert [column.dtype for column in version.columns] == [column.dtype for column in columns]
    assert rows(folder, version) == [{"a": value, "when": None, "at": None, "n": None} for value in (1, 2)]
    assert rows(folder, datasets.snapshot(folder, 0)) == [{"a": 1}]


def test_a_replaced_version_stays_readable(folder: TableFolder, commit: Commit) -> None:
    first = commit("job_1", {"a": [1]})
    second = commit("job_2", {"b": ["x"]}, WriteMode.REPLACE)
    assert rows(folder, second) == [{"b": "x"}]
    assert rows(folder, datasets.snapshot(folder, first.version)) == [{"a": 1}]


@pytest.mark.parametrize("folder", ["local"], indirect=True)
@pytest.mark.parametrize("mode", list(WriteMode))
@pytest.mark.parametrize(
    "dtype",
    [pl.Datetime("us"), pl.Datetime("us", "UTC"), pl.List(pl.Datetime("us")), pl.Decimal(38, 2), pl.Binary()],
)
def test_a_column_of_any_type_may_come_in_any_way(
    folder: TableFolder, commit: Commit, mode: WriteMode, dtype: pl.DataType
) -> None:
    before = commit("job_1", {"a": [1]})
    columns = [*before.columns, Column("new", dtype)]
    frame = {"a": pl.Series([2]), "new": pl.Series([None], dtype=dtype)}
    for job in ("job_2", "job_3"):
        version = commit(job, frame, mode, columns=columns)
        assert version.columns == tuple(columns)
        assert rows(folder, version)[-1] == {"a": 2, "new": None}


def test_a_job_commits_once_and_its_note_is_found(folder: TableFolder, commit: Commit) -> None:
    first = commit("job_1", {"a": [1]})
    later = commit("job_2", {"a": [2]})
    assert commit("job_1", {"a": [9]}) == first
    assert datasets.latest(folder) == later
    committed = datasets.committed_by(folder, "job_1")
    assert committed is not None
    assert (committed.snapshot, committed.note) == (first, {"job": "job_1"})


def test_a_jobs_commit_is_found_while_others_commit(folder: TableFolder, commit: Commit) -> None:
    commit("job_0", {"a": [0]})
    count = 40 if isinstance(folder, LocalFolder) else 8

    def run(number: int) -> bool:
        version = commit(f"job_{number}", {"a": [number]})
        return f"job_{number}.parquet" in {part.name for part in version.parts}

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(run, range(1, count)))
    latest = datasets.latest(folder)
    assert latest is not None
    assert sorted(row["a"] for row in rows(folder, latest)) == list(range(count))


@pytest.mark.parametrize("mode", [WriteMode.REPLACE, WriteMode.UPSERT])
def test_what_was_made_for_another_version_is_refused(
    folder: TableFolder, commit: Commit, mode: WriteMode
) -> None:
    base = commit("job_1", {"a": [1]})
    commit("job_2", {"a": [2]})
    with pytest.raises(DatasetConflict):
        commit("job_3", {"a": [3]}, mode, base=base)
    with pytest.raises(DatasetConflict):
        commit("job_4", {"a": [4]}, base=None)
    latest = datasets.latest(folder)
    assert latest is not None
    assert rows(folder, latest) == [{"a": 1}, {"a": 2}]


def test_an_append_is_refused_where_the_columns_have_changed(folder: TableFolder, commit: Commit) -> None:
    base = commit("job_1", {"a": [1]})
    commit("job_2", {"a": [2], "b": [2]})
    with pytest.raises(DatasetConflict):
        commit("job_3", {"a": [3], "b": ["x"]}, base=base)


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.UPSERT])
def test_what_partitions_a_dataset_is_not_changed_by_the_way(
    folder: TableFolder, commit: Commit, mode: WriteMode
) -> None:
    base = commit("job_1", {"a": [1], "b": [1]})
    part = replace(write(folder, "job_2.parquet", pl.DataFrame({"a": [2], "b": [1]})), partition=("2",))
    other: dict[str, Any] = {"columns": base.columns, "parts": [part], "partition_by": ["a"], "note": {}}
    with pytest.raises(ValueError, match="can't change"):
        commits.commit(folder, job="job_2", mode=mode, base=base, **other)
    assert datasets.latest(folder) == base
    commit("job_3", {"a": [3], "b": [1]})
    with pytest.raises(DatasetConflict):
        commits.commit(folder, job="job_2", mode=WriteMode.REPLACE, base=base, **other)


def test_parts_that_are_gone_are_not_committed(folder: TableFolder) -> None:
    with pytest.raises(DatasetConflict):
        commits.commit(
            folder,
            job="job_1",
            mode=WriteMode.APPEND,
            base=None,
            columns=[Column("a", pl.Int64())],
            parts=[Part("gone.parquet", 1, 100)],
            note={},
        )
    assert datasets.latest(folder) is None


def test_a_fault_that_is_no_conflict_is_not_called_one(folder: TableFolder, commit: Commit) -> None:
    with pytest.raises(Exception, match="Duplicate field") as failed:
        commit("job_1", {"a": [1], "A": [2]})
    assert not isinstance(failed.value, DatasetConflict)


def test_versions_stay_readable_behind_checkpoints(folder: TableFolder, commit: Commit) -> None:
    for number in range(4):
        commit(f"job_{number}", {"a": [number]}, order=number)
    table = DeltaTable(folder.uri, storage_options=folder.delta_options())
    table.create_checkpoint()
    table.cleanup_metadata()
    assert table.metadata().configuration["delta.enableExpiredLogCleanup"] == "false"
    for version in range(4):
        found = datasets.scan(folder, datasets.snapshot(folder, version)).collect()
        assert found["a"].to_list() == list(range(version + 1))
    committed = datasets.committed_by(folder, "job_2")
    assert committed is not None
    assert committed.snapshot.version == 2


def test_another_reader_of_delta_lake_opens_every_version(folder: TableFolder, commit: Commit) -> None:
    commit("one", {"id": [1, 2], "name": ["a", None]})
    commit("two", {"id": [3], "name": ["c"]}, order=1)
    commit("three", {"id": [9.5]}, WriteMode.REPLACE)
    options = {name: value for name, value in (folder.delta_options() or {}).items() if "retr" not in name}
    old, newest = (pl.read_delta(folder.uri, version=n, storage_options=options) for n in (1, None))
    assert sorted(old.rows()) == [(1, "a"), (2, None), (3, "c")]
    assert newest.rows() == [(9.5,)]
