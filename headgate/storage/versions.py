"""The versions of a dataset, as the log of its table tells of them."""

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from headgate.storage import datasets
from headgate.storage.columns import Column
from headgate.storage.datasets import CHANGE_KEY, JOB_KEY, WriteMode
from headgate.storage.ids import is_id
from headgate.storage.tablefolders import TableFolder

MAX_CACHED_CHANGES = 4_096
READ_AT_ONCE = 16
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Change:
    """What the commit of one version did, and when; `job` is None where no job made it.

    A commit that changed columns alone, or put files together, adds and removes no rows.
    """

    version: int
    mode: WriteMode
    job: str | None
    rows_added: int
    rows_removed: int
    at: datetime
    changes_columns: bool


@dataclass(frozen=True, slots=True)
class Version:
    """One version: what its commit did, and the columns that it has."""

    change: Change
    columns: Sequence[Column]


def versions(folder: TableFolder, newest: int, count: int) -> list[Version]:
    """So many versions from one of them on downwards; all must be there. Only their commits are read."""
    changes = read_changes(folder, range(newest, newest - count, -1))
    return list(_with_columns(folder, changes))


def read_changes(folder: TableFolder, numbers: Sequence[int]) -> list[Change]:
    """Read what these commits did, several at a time."""
    if len(numbers) == 1:
        return [change(folder, numbers[0])]
    with ThreadPoolExecutor(READ_AT_ONCE) as threads:
        return list(threads.map(lambda number: change(folder, number), numbers))


def _with_columns(folder: TableFolder, changes: Sequence[Change]) -> Iterator[Version]:
    """Versions have the columns of the next one, unless that has changed them."""
    columns: Sequence[Column] | None = None
    for each in changes:
        if columns is None:
            columns = datasets.snapshot(folder, each.version).columns
        yield Version(each, columns)
        if each.changes_columns:
            columns = None


@lru_cache(maxsize=MAX_CACHED_CHANGES)
def change(folder: TableFolder, version: int) -> Change:
    """What the commit of a version did, which never changes again."""
    actions = datasets.actions_of(folder, version)
    info: dict[str, Any] = next((each["commitInfo"] for each in actions if "commitInfo" in each), {})
    said = json.loads(info[CHANGE_KEY]) if CHANGE_KEY in info else _counted(folder, version, actions)
    job = info.get(JOB_KEY)
    return Change(
        version,
        WriteMode(said["mode"]),
        None if job is None or is_id(job, datasets.COMPACTION) else job,
        said["added"],
        said["removed"],
        EPOCH + timedelta(milliseconds=info.get("timestamp", 0)),
        any("metaData" in each for each in actions),
    )


def newest_until(folder: TableFolder, oldest: int, newest: int, moment: datetime) -> int:
    """The newest version, from the oldest to the newest given, that was there at a moment; the oldest where none was.

    Only as many commits are read as it takes to halve the way to it.
    """
    while oldest < newest:
        middle = (oldest + newest + 1) // 2
        if change(folder, middle).at <= moment:
            oldest = middle
        else:
            newest = middle - 1
    return oldest


def _counted(folder: TableFolder, version: int, actions: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What a commit did that doesn't say so itself."""
    changed = [
        action[kind]
        for action in actions
        for kind in ("add", "remove")
        if kind in action and action[kind]["dataChange"]
    ]
    added = sum(json.loads(each["stats"])["numRecords"] for each in changed if each.get("stats"))
    if len(changed) == sum("add" in action for action in actions):
        return {"mode": WriteMode.APPEND, "added": added, "removed": 0}
    before, after = (datasets.snapshot(folder, number).row_count for number in (version - 1, version))
    return {"mode": WriteMode.REPLACE, "added": added, "removed": before + added - after}
