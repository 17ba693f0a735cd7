"""Whatever comes between what, a dataset's rows, their order and its old versions are right."""

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from deltalake.exceptions import DeltaError
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.jobs.children import ENGINE
from headgate.pipelines.compaction import compact
from headgate.pipelines.sinks import writing
from headgate.pipelines.sinks.writing import Target, next_order, write_rows
from headgate.storage import commits, compaction, datasets
from headgate.storage.bucketfolders import BucketFolder
from headgate.storage.columns import Column
from headgate.storage.commits import DatasetConflict
from headgate.storage.compaction import small_run, uncommitted
from headgate.storage.datasets import COMPACTION, Part, Snapshot, WriteMode
from headgate.storage.ids import new_id
from headgate.storage.locations import LocalLocation
from headgate.storage.logs import cut_log
from headgate.storage.restoring import restore, restored_versions
from headgate.storage.tablefolders import LocalFolder, TableFolder
from headgate.storage.versions import newest_until, versions

COLUMNS = [Column("id", pl.Int64()), Column("value", pl.Int64())]
Rows = list[tuple[int, int]]


@pytest.fixture(autouse=True)
def two_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "FEWEST_PARTS", 2)


def unheard(stage: str, **figures: Any) -> None:
    """Nobody watches."""


@dataclass
class Table:
    """A dataset, and what its rows are to be at each version."""

    folder: TableFolder
    scratch: Path
    rows: dict[int, Rows] = field(default_factory=dict)
    begun: tuple[int, list[str]] | None = None
    numbers: Iterator[int] = field(default_factory=count)

    @property
    def now(self) -> Rows:
        return self.rows[max(self.rows)] if self.rows else []

    def write(self, mode: WriteMode, new: Rows) -> None:
        before = datasets.latest(self.folder)
        job = f"job_{next(self.numbers):03}"
        keys = ["id"] if mode is WriteMode.UPSERT else []
        target = Target(self.folder, mode, keys, job, 1, self.scratch)
        frame = pl.LazyFrame(new, schema={"id": pl.Int64, "value": pl.Int64}, orient="row")
        parts = write_rows(frame, target.desk, target.stem, next_order(before))
        merged = writing.merge(target, before, parts, unheard)
        self.folder.take(target.desk, [part.name for part in merged.added], lambda: None)
        made = writing.commit(target, COLUMNS, merged, before, {})
        self.rows[made.version] = self._expected(mode, new)

    def _expected(self, mode: WriteMode, new: Rows) -> Rows:
        ids = {id for id, _ in new}
        match mode:
            case WriteMode.APPEND:
                return self.now + new
            case WriteMode.UPSERT:
                return [row for row in self.now if row[0] not in ids] + new
        return new

    def bring_back(self, share: float) -> None:
        if self.rows:
            version = sorted(self.rows)[int(share * len(self.rows))]
            restored = self.rows[version]
            self.rows[restore(self.folder, version).version] = restored

    def begin(self) -> None:
        """Choose what to put together; it is done at some later time."""
        version = datasets.latest(self.folder)
        if version is not None and (run := small_run(version, lambda part: True)):
            self.begun = version.version, [part.name for part in run]

    def end(self) -> None:
        if self.begun is not None:
            made = compact(self.folder, *self.begun, new_id(COMPACTION), self.scratch)
            self.begun = None
            if made is not None:
                self.rows[made.version] = self.now

    def check(self) -> None:
        newest = datasets.latest(self.folder)
        assert newest is not None
        assert newest.version == max(self.rows)
        told = versions(self.folder, newest.version, newest.version + 1)
        row_count = 0
        for each in reversed(told):
            row_count += each.change.rows_added - each.change.rows_removed
            version = datasets.snapshot(self.folder, each.change.version)
            assert row_count == version.row_count
            if (rows := self.rows.get(version.version)) is not None:
                assert datasets.scan(self.folder, version).collect().rows() == rows


NEW = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 99)), min_size=1, max_size=4, unique_by=lambda row: row[0]
)
STEPS: st.SearchStrategy[Callable[[Table], None]] = st.one_of(
    st.tuples(st.sampled_from([WriteMode.APPEND, WriteMode.APPEND, *WriteMode]), NEW).map(
        lambda told: lambda table: table.write(*told)
    ),
    st.floats(0, 0.999).map(lambda share: lambda table: table.bring_back(share)),
    st.just(Table.begin),
    st.just(Table.end),
)


@settings(max_examples=30)
@given(steps=st.lists(STEPS, min_size=1, max_size=12))
def test_any_order_of_changes_leaves_rows_order_and_versions_right(
    steps: list[Callable[[Table], None]],
) -> None:
    with TemporaryDirectory() as home:
        table = Table(LocalFolder(Path(home) / "table"), Path(home) / "scratch")
        (Path(home) / "table").mkdir()
        table.write(WriteMode.APPEND, [(0, 0)])
        table.write(WriteMode.APPEND, [(1, 1)])
        for step in steps:
            step(table)
        table.check()


@pytest.fixture(params=["local", "bucket"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> TableFolder:
    """The folder of a table, on each kind of store."""
    if request.param == "local":
        (tmp_path / "table").mkdir()
        return LocalFolder(tmp_path / "table")
    return BucketFolder(request.getfixturevalue("own_bucket").location("datasets/table"))


@pytest.fixture
def table(folder: TableFolder, tmp_path: Path) -> Table:
    return Table(folder, tmp_path / "scratch")


def append(table: Table, *ids: int) -> None:
    for id in ids:
        table.write(WriteMode.APPEND, [(id, id)])


def test_small_parts_become_one_while_rows_are_added(table: Table) -> None:
    append(table, 0, 1, 2)
    table.begin()
    append(table, 3)
    table.end()
    newest = datasets.latest(table.folder)
    assert newest is not None
    assert len(newest.parts) == 2
    assert newest.parts[0].name.startswith(COMPACTION)
    table.write(WriteMode.UPSERT, [(1, 9)])
    assert table.now == [(0, 0), (2, 2), (3, 3), (1, 9)]
    table.check()


def test_what_a_replacement_has_removed_is_put_together_no_more(table: Table) -> None:
    append(table, 0, 1, 2)
    table.begin()
    table.write(WriteMode.REPLACE, [(7, 7)])
    table.end()
    newest = datasets.latest(table.folder)
    assert newest is not None
    assert [part.name for part in newest.parts] == ["job_003-1-000000.parquet"]
    assert not table.folder.names(COMPACTION)
    table.check()


def test_an_upsert_of_rows_that_were_put_together_meanwhile_begins_anew(table: Table) -> None:
    append(table, 0, 1, 2)
    before = datasets.latest(table.folder)
    assert before is not None
    table.begin()
    table.end()
    with pytest.raises(DatasetConflict):
        commits.commit(
            table.folder,
            job="late",
            mode=WriteMode.UPSERT,
            base=before,
            columns=COLUMNS,
            parts=[],
            removed=before.parts[:1],
            note={},
        )
    table.check()


def test_restoring_is_noticed_once_for_each_time_and_nothing_comes_of_the_second(table: Table) -> None:
    append(table, 0)
    table.write(WriteMode.REPLACE, [(5, 5)])
    assert [restored(table, version) for version in (0, 0, 1)] == [2, 2, 3]
    assert restored_versions(table.folder) == [2, 3]


def test_the_log_is_cut_off_before_the_checkpoint_that_the_oldest_version_begins_at(table: Table) -> None:
    append(table, *range(20))
    first = 19  # the last of the checkpoints, which come every tenth version
    assert cut_log(table.folder, 8) == 0
    assert cut_log(table.folder, 19) == len([*range(first), "an earlier checkpoint"])
    assert cut_log(table.folder, 19) == 0
    datasets.snapshot.cache_clear()
    append(table, 90)
    assert restored(table, first) == 21
    for version, height in ((first, 20), (20, 21), (21, 20)):
        assert (
            datasets.scan(table.folder, datasets.snapshot(table.folder, version)).collect().height == height
        )
    assert newest_until(table.folder, 0, 21, datetime.now(UTC)) == 21
    assert [each.change.version for each in versions(table.folder, 21, 3)] == [21, 20, first]
    assert datasets.committed_by(table.folder, "job_020") is not None
    with pytest.raises(DeltaError, match="has left"):
        datasets.committed_by(table.folder, "job_003")


def restored(table: Table, version: int) -> int:
    """Bring a version back as the server does, in a process of the engine; answers the newest one's number."""
    with engine({"task": "restore", "folder": place(table.folder), "version": version}) as process:
        assert process.stdout is not None
        return int(json.loads(process.stdout.readline())["result"]["version"]["version"])


@contextmanager
def engine(task: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    """Start a process of the engine that does one task."""
    pipe = subprocess.PIPE
    with subprocess.Popen([*ENGINE], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(task) + "\n")
        process.stdin.flush()
        try:
            yield process
        finally:
            process.kill()


def place(folder: TableFolder) -> dict[str, Any]:
    if isinstance(folder, BucketFolder):
        return folder.location.to_json()
    return LocalLocation(Path(folder.uri)).to_json()


def test_what_is_killed_while_it_puts_files_together_leaves_the_dataset_as_it_is(table: Table) -> None:
    many = [(number, number) for number in range(100_000)]
    for _ in range(3):
        table.write(WriteMode.APPEND, many)
    table.begin()
    assert table.begun is not None
    version, names = table.begun
    id = new_id(COMPACTION)
    task = {"task": "compact", "folder": place(table.folder), "version": version, "names": names, "id": id}
    with engine({**task, "scratch": str(table.scratch / "killed")}) as process:
        while not table.folder.names(id) and process.poll() is None:
            pass
    made = datasets.committed_by(table.folder, id)
    if made is not None:
        table.rows[made.snapshot.version] = table.now
    else:
        assert uncommitted(table.folder, [id]) == {id}
        table.end()
    table.check()
    append(table, 1)
    table.check()


def test_what_is_killed_while_it_brings_a_version_back_does_that_or_nothing(table: Table) -> None:
    append(table, 0)
    table.write(WriteMode.REPLACE, [(5, 5)])
    with engine({"task": "restore", "folder": place(table.folder), "version": 0}) as process:
        assert process.stdout is not None
        log = table.folder
        while len(_commits(log)) == 2 and process.poll() is None:
            pass
    newest = datasets.latest(table.folder)
    assert newest is not None
    assert newest.version in (1, 2)
    assert restored(table, 0) == 2
    table.rows[2] = table.rows[0]
    table.check()


def _commits(folder: TableFolder) -> list[int]:
    return [number for number in range(4) if datasets.actions_of(folder, number)]


def test_only_compactions_that_committed_are_known(table: Table) -> None:
    append(table, 0, 1)
    table.begin()
    table.end()
    [made] = table.folder.names(COMPACTION)
    id = made.partition("-")[0]
    assert uncommitted(table.folder, [id, "compaction_x"]) == {"compaction_x"}


def part(order: int, *, name: str = "job", byte_size: int = 1, partition: str = "a") -> Part:
    return Part(f"{name}{order}", 1, byte_size, order, (partition,))


def run(*parts: Part, taken: Callable[[Part], bool] = lambda part: True) -> list[int]:
    return [each.order for each in small_run(Snapshot(0, parts, ()), taken)]


def test_parts_are_put_together_only_where_they_stand_side_by_side() -> None:
    assert run(part(1), part(2)) == [1, 2]
    assert run(part(1)) == []
    assert run(part(1), part(2, byte_size=compaction.SMALL_BYTES), part(3)) == []
    assert run(part(1), part(2), part(3, byte_size=compaction.SMALL_BYTES), part(4)) == [1, 2]
    assert run(part(1), part(2), part(3), taken=lambda part: part.order != 1) == [2, 3]
    assert run(part(1), part(2, partition="b"), part(3), part(4)) == [3, 4]
    # Parts of one order go together or not: their names tell their order.
    assert run(part(1), part(2, name="x"), part(2, name="y", byte_size=compaction.SMALL_BYTES), part(3)) == []
    assert run(part(1), part(2, name="x"), part(2, name="y", partition="b"), part(3), part(4)) == [3, 4]


def test_so_much_is_put_together_at_once_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "MOST_BYTES", 3)
    assert run(*map(part, range(9))) == [0, 1, 2]
