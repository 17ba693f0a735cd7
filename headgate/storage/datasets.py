"""Datasets at rest: Delta Lake tables whose every commit is a version that stays readable.

A commit carries the job's id as its Delta application transaction, so that the same job never commits twice.
"""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

import polars as pl
from deltalake import CommitProperties, DeltaTable, Field, Schema, TableFeatures, Transaction
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

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
CONFIGURATION = {
    # By default versions older than 30 days can't be read any more.
    "delta.enableExpiredLogCleanup": "false",
    # Whoever opens the table reads all commits since a checkpoint, each with requests of its own from a bucket.
    "delta.checkpointInterval": "10",
}
APPEND_RETRIES = 15
"""Appends don't hinder each other; a first version, a replacement or an upsert is made for one version and no other."""


class WriteMode(StrEnum):
    """How rows go into a dataset."""

    APPEND = "APPEND"
    REPLACE = "REPLACE"
    UPSERT = "UPSERT"


class DatasetConflict(Exception):
    """Another commit came between; read the dataset again and try once more."""


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
    for version in range(table.version(), -1, -1):
        info = commit_info(folder, version)
        if info.get(JOB_KEY) == job:
            return Committed(snapshot(folder, version), json.loads(info[NOTE_KEY]))
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


def commit(
    folder: TableFolder,
    *,
    job: str,
    mode: WriteMode,
    base: Snapshot | None,
    columns: Sequence[Column],
    parts: Sequence[Part],
    removed: Sequence[Part] = (),
    partition_by: Sequence[str] = (),
    note: Mapping[str, Any],
    alone: bool = False,
) -> Snapshot:
    """Add parts that already lie in the dataset's folder, and take removed ones away, as one version.

    `base` is the version that the parts were made for, and `note` JSON that `committed_by` gives back. Only a first
    version and one that replaces all rows may be partitioned by other columns than `base`.
    Raises DatasetConflict, and commits nothing, where a commit since then would make the outcome another one, as any
    commit does where it is to be `alone`; where an earlier attempt of the job has committed, that one stands. Raises
    JobFault (STORE_UNFIT) where commits aren't safe.
    """
    if (done := committed_by(folder, job)) is not None:
        return done.snapshot
    folder.require_safe_commits()
    if not folder.has_all([part.name for part in parts]):
        raise DatasetConflict("Files of this commit were removed.")
    properties = CommitProperties(
        custom_metadata={
            JOB_KEY: job,
            NOTE_KEY: json.dumps(note),
            CHANGE_KEY: json.dumps(_change(mode, base, parts, removed)),
        },
        max_commit_retries=0 if alone or mode is not WriteMode.APPEND or base is None else APPEND_RETRIES,
        app_transactions=[Transaction(job, 1, int(time.time() * 1000))],
    )
    actions: list[AddAction | RemoveAction] = [
        *(_add(part, partition_by) for part in parts),
        *map(_remove, removed),
    ]
    try:
        _commit(folder, mode, base, delta_schema(columns), actions, partition_by, properties)
    except DeltaError as error:
        if newest_version(folder) == (base.version if base else None):
            raise
        raise DatasetConflict(str(error)) from error
    done = committed_by(folder, job)
    assert done is not None
    return done.snapshot


def _change(
    mode: WriteMode, base: Snapshot | None, parts: Sequence[Part], removed: Sequence[Part]
) -> dict[str, Any]:
    """How many rows come and go; those of a rewritten part, which stays at its place, do neither."""
    places = {part.order for part in removed}
    stay = sum(part.rows for part in parts if part.order in places)
    gone = sum(part.rows for part in removed) - stay
    if mode is WriteMode.REPLACE and base is not None:
        gone = base.row_count
    return {"mode": mode.value, "added": sum(part.rows for part in parts) - stay, "removed": gone}


def newest_version(folder: TableFolder) -> int | None:
    """The number of the newest version; None where nothing was committed yet."""
    table = _table(folder)
    return table.version() if table is not None else None


def _commit(
    folder: TableFolder,
    mode: WriteMode,
    base: Snapshot | None,
    schema: Schema,
    actions: list[AddAction | RemoveAction],
    partition_by: Sequence[str],
    properties: CommitProperties,
) -> None:
    if base is None or base.partition_by != tuple(partition_by):
        if base is not None and mode is not WriteMode.REPLACE:
            raise ValueError(f"{mode} can't change what partitions the dataset")
        _create(folder, base, schema, actions, partition_by, properties)
        return
    table = open_table(folder, base.version)
    replaced = mode is WriteMode.REPLACE
    strict = CommitProperties(max_commit_retries=properties.max_commit_retries)
    if _with_moments(table, schema, strict) if replaced else _with_columns(table, schema, strict):
        table = open_table(folder, table.version())
    kind = "overwrite" if replaced else "append"
    table.create_write_transaction(actions, kind, schema, commit_properties=properties)


def _create(
    folder: TableFolder,
    base: Snapshot | None,
    schema: Schema,
    actions: Sequence[AddAction | RemoveAction],
    partition_by: Sequence[str],
    properties: CommitProperties,
) -> None:
    """Make the table, or make it anew in place of another version: nothing else changes what partitions it."""
    if base is not None and newest_version(folder) != base.version:
        raise DatasetConflict("The dataset has another version by now.")
    create_table_with_add_actions(
        folder.uri,
        schema,
        [action for action in actions if isinstance(action, AddAction)],
        mode="error" if base is None else "overwrite",
        partition_by=list(partition_by),
        configuration=CONFIGURATION,
        storage_options=folder.delta_options(),
        commit_properties=properties,
    )


def _with_columns(table: DeltaTable, schema: Schema, properties: CommitProperties) -> bool:
    """Add columns that the table lacks: old rows have null there. Answers whether it has changed."""
    known = {field.name for field in table.schema().fields}
    added = [field for field in schema.fields if field.name not in known]
    if added:
        table.alter.add_columns(added, commit_properties=properties)
    return bool(added)


def _with_moments(table: DeltaTable, schema: Schema, properties: CommitProperties) -> bool:
    """Add the feature that moments without a zone need; replaced by them without it, none could read the table.

    Answers whether it has changed.
    """
    if "timestamp_ntz" not in schema.to_json() or "timestampNtz" in (table.protocol().writer_features or ()):
        return False
    feature = TableFeatures.TimestampWithoutTimezone
    table.alter.add_feature(feature, allow_protocol_versions_increase=True, commit_properties=properties)
    return True


def _add(part: Part, partition_by: Sequence[str]) -> AddAction:
    stats = json.dumps({"numRecords": part.rows})
    values = dict(zip(partition_by, part.partition, strict=True))
    return AddAction(part.name, part.byte_size, values, part.order, True, stats)


def _remove(part: Part) -> RemoveAction:
    return RemoveAction(part.name, True, int(time.time() * 1000))


def delta_schema(columns: Iterable[Column]) -> Schema:
    """The columns as Delta Lake says them."""
    return Schema([_field(column) for column in columns])


def _field(column: Column) -> Field:
    field = Schema.from_arrow(pl.Schema({column.name: column.dtype})).fields[0]
    metadata = {FORM_KEY: column.form} if column.form else None
    return Field(column.name, field.type, nullable=True, metadata=metadata)


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
