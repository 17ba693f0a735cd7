"""Commits versions of datasets: parts that lie in the folder become rows, all at once or none.

A commit carries the job's id as its Delta application transaction, so that the same job never commits twice.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl
from deltalake import CommitProperties, DeltaTable, Field, Schema, TableFeatures, Transaction
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from headgate.storage.columns import Column
from headgate.storage.datasets import (
    CHANGE_KEY,
    FORM_KEY,
    JOB_KEY,
    NOTE_KEY,
    Part,
    Snapshot,
    WriteMode,
    committed_by,
    newest_version,
    open_table,
)
from headgate.storage.tablefolders import TableFolder

CONFIGURATION = {
    # By default versions older than 30 days can't be read any more.
    "delta.enableExpiredLogCleanup": "false",
    # Whoever opens the table reads all commits since a checkpoint, each with requests of its own from a bucket.
    "delta.checkpointInterval": "10",
}
APPEND_RETRIES = 15
"""Appends don't hinder each other; a first version, a replacement or an upsert is made for one version and no other."""


class DatasetConflict(Exception):
    """Another commit came between; read the dataset again and try once more."""


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
    actions = exchange(parts, removed, partition_by)
    with made_for(folder, base):
        _commit(folder, mode, base, delta_schema(columns), actions, partition_by, properties)
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


@contextmanager
def made_for(folder: TableFolder, base: Snapshot | None) -> Iterator[None]:
    """Commit what was made for one version, the newest: raises DatasetConflict where that fails for another's sake."""
    try:
        yield
    except DeltaError as error:
        if newest_version(folder) == (base.version if base else None):
            raise
        raise DatasetConflict(str(error)) from error


def exchange(
    added: Iterable[Part],
    removed: Iterable[Part],
    partition_by: Sequence[str],
    *,
    changes_data: bool = True,
) -> list[AddAction | RemoveAction]:
    """The actions of a commit that adds parts and takes others away; without `changes_data` the rows are the same."""
    return [
        *(_add(part, partition_by, changes_data) for part in added),
        *(RemoveAction(part.name, changes_data, int(time.time() * 1000)) for part in removed),
    ]


def _add(part: Part, partition_by: Sequence[str], changes_data: bool) -> AddAction:
    stats = json.dumps({"numRecords": part.rows})
    values = dict(zip(partition_by, part.partition, strict=True))
    return AddAction(part.name, part.byte_size, values, part.order, changes_data, stats)


def delta_schema(columns: Iterable[Column]) -> Schema:
    """The columns as Delta Lake says them."""
    return Schema([_field(column) for column in columns])


def _field(column: Column) -> Field:
    field = Schema.from_arrow(pl.Schema({column.name: column.dtype})).fields[0]
    metadata = {FORM_KEY: column.form} if column.form else None
    return Field(column.name, field.type, nullable=True, metadata=metadata)
