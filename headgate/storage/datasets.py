"""Datasets at rest: Delta Lake tables whose every commit is a version that stays readable."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

import polars as pl
from deltalake import DeltaTable, Schema
from deltalake.exceptions import DeltaError, TableNotFoundError

from headgate.storage.columns import Column
from headgate.storage.partitions import partition_text
from headgate.storage.tablefolders import TableFolder

FORM_KEY = "headgate.form"
JOB_KEY = "headgate.job"
NOTE_KEY = "headgate.note"
CHANGE_KEY = "headgate.change"
COMPACTION = "compaction"
"""What the ids begin with of those commits that put files together."""
MAX_CACHED_SNAPSHOTS = 64


class WriteMode(StrEnum):
    """How rows go into a dataset."""

    APPEND = "APPEND"
    REPLACE = "REPLACE"
    UPSERT = "UPSERT"


@dataclass(frozen=True, slots=True)
class Part:
    """A Parquet file in the dataset's folder; `order` places it among the others of a version.

    `partition` has a value for each column that the dataset is partitioned by, as the log spells it: all rows of the
    file have it.
    """

    name: str
    rows: int
    byte_size: int
    order: int = 0
    partition: tuple[str | None, ...] = ()


def maker_of(name: str) -> str:
    """The id, of a job or a compaction, that begins the name of a part: `<id>-<attempt>-….parquet`."""
    return name.partition("-")[0]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version: its files in commit order, its columns, and those of them by which it is partitioned."""

    version: int
    parts: tuple[Part, ...]
    columns: tuple[Column, ...]
    partition_by: tuple[str, ...] = ()

    @property
    def row_count(self) -> int:
        return sum(part.rows for part in self.parts)

    @property
    def byte_size(self) -> int:
        return sum(part.byte_size for part in self.parts)

    def to_json(self) -> dict[str, Any]:
        """What the row of the dataset says of it: version, row_count, byte_size and columns."""
        return {
            "version": self.version,
            "row_count": self.row_count,
            "byte_size": self.byte_size,
            "columns": [column.to_json() for column in self.columns],
        }


def open_table(folder: TableFolder, version: int | None = None) -> DeltaTable:
    """The table at one version, by default at its newest. Raises TableNotFoundError."""
    return DeltaTable(folder.uri, version=version, storage_options=folder.delta_options())


def _table(folder: TableFolder) -> DeltaTable | None:
    """The table as it is now; None where nothing was committed yet."""
    try:
        return open_table(folder)
    except TableNotFoundError:
        return None


def latest(folder: TableFolder) -> Snapshot | None:
    """The newest version; None where nothing was committed yet."""
    table = _table(folder)
    return _snapshot_of(table) if table is not None else None


@lru_cache(maxsize=MAX_CACHED_SNAPSHOTS)
def snapshot(folder: TableFolder, version: int) -> Snapshot:
    """One version, which never changes again."""
    return _snapshot_of(open_table(folder, version))


@dataclass(frozen=True, slots=True)
class Committed:
    """The version that a job made, and the note that it left with the commit."""

    snapshot: Snapshot
    note: dict[str, Any]


def committed_by(folder: TableFolder, job: str) -> Committed | None:
    """What a job committed; None where it hasn't."""
    table = _table(folder)
    if table is None or table.transaction_version(job) is None:
        return None
    version = table.version()
    while info := commit_info(folder, version):
        if info.get(JOB_KEY) == job:
            return Committed(snapshot(folder, version), json.loads(info[NOTE_KEY]))
        version -= 1
    raise DeltaError(f"The commit of {job} has left the table's history.")


def actions_of(folder: TableFolder, version: int) -> list[dict[str, Any]]:
    """What a commit did, as the log says it; `DeltaTable.history` takes one commit for another while others come in.

    Nothing where the log has it no more.
    """
    try:
        log = folder.read(f"_delta_log/{version:020}.json")
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in log.splitlines()]


def commit_info(folder: TableFolder, version: int) -> dict[str, Any]:
    """What a commit says about itself."""
    said = (action["commitInfo"] for action in actions_of(folder, version) if "commitInfo" in action)
    return dict(next(said, {}))


def newest_version(folder: TableFolder) -> int | None:
    """The number of the newest version; None where nothing was committed yet."""
    table = _table(folder)
    return table.version() if table is not None else None


def _snapshot_of(table: DeltaTable) -> Snapshot:
    actions = pl.DataFrame(table.get_add_actions(flatten=True))
    partition_by = tuple(table.metadata().partition_columns)
    values = [f"partition.{name}" for name in partition_by]
    parts = (
        Part(path, rows, byte_size, _milliseconds(moment), tuple(map(partition_text, partition)))
        for path, rows, byte_size, moment, *partition in actions.select(
            "path", "num_records", "size_bytes", "modification_time", *values
        ).iter_rows()
    )
    ordered = sorted(parts, key=lambda part: (part.order, part.name))
    return Snapshot(table.version(), tuple(ordered), tuple(_columns(table.schema())), partition_by)


def _milliseconds(moment: object) -> int:
    return moment if isinstance(moment, int) else int(moment.timestamp() * 1000)  # type: ignore[attr-defined]


def _columns(schema: Schema) -> Iterable[Column]:
    dtypes = pl.Schema(schema.to_arrow())
    for field in schema.fields:
        yield Column(field.name, dtypes[field.name], field.metadata.get(FORM_KEY))


def scan(
    folder: TableFolder,
    version: Snapshot,
    *,
    begin: int = 0,
    end: int | None = None,
    row_index: str | None = None,
) -> pl.LazyFrame:
    """The rows of a version in commit order; `row_index` counts over the whole version.

    Parts without any row from position `begin` on, and before `end`, are left out.
    """
    schema = {column.name: column.dtype for column in version.columns}
    parts, offset = _parts_between(version.parts, begin, end)
    if not parts:
        empty = pl.LazyFrame(schema=schema)
        return empty.with_row_index(row_index) if row_index else empty
    return pl.scan_parquet(
        [f"{folder.uri}/{part.name}" for part in parts],
        schema=schema,
        missing_columns="insert",
        glob=False,
        row_index_name=row_index,
        row_index_offset=offset,
        **folder.scan_options(),
    )


def _parts_between(parts: Sequence[Part], begin: int, end: int | None) -> tuple[list[Part], int]:
    """The parts that have rows from one position on and before another, and the position of the first of these."""
    chosen: list[Part] = []
    offset = position = 0
    for part in parts:
        behind = position + part.rows
        if behind > begin and (end is None or position < end):
            offset = offset if chosen else position
            chosen.append(part)
        position = behind
    return chosen, offset
