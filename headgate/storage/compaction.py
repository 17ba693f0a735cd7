"""Many small files of a dataset are made few large ones: its rows, their order and its partitions stay as they are."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from deltalake import CommitProperties, Transaction

from headgate.storage import commits, datasets
from headgate.storage.commits import APPEND_RETRIES, DatasetConflict
from headgate.storage.datasets import CHANGE_KEY, JOB_KEY, NOTE_KEY, Part, Snapshot, WriteMode
from headgate.storage.tablefolders import TableFolder

SMALL_BYTES = 32 << 20
"""A larger file is left as it is."""
FEWEST_PARTS = 8
MOST_BYTES = 256 << 20
"""So much is put together at once."""


def small_run(version: Snapshot, may_take: Callable[[Part], bool]) -> list[Part]:
    """The first small parts that stand side by side in one partition, where they are enough to be put together."""
    run: list[Part] = []
    for group in _groups(version.parts):
        is_taken = _is_small(group) and all(map(may_take, group))
        if not is_taken or (run and not _goes_on(run, group)):
            if len(run) >= FEWEST_PARTS:
                return run
            run = []
        run += group if is_taken else []
    return []


def _groups(parts: Sequence[Part]) -> Iterator[list[Part]]:
    """Parts of one place, such as those of one job, which only their names put in order: they go together or not."""
    for _, group in groupby(parts, key=lambda part: part.order):
        yield list(group)
    # What ends the last run.
    yield []


def _goes_on(run: Sequence[Part], group: Sequence[Part]) -> bool:
    size = sum(part.byte_size for part in (*run, *group))
    return size <= MOST_BYTES and group[0].partition == run[0].partition


def _is_small(group: Sequence[Part]) -> bool:
    """Whether all of a group are small, and of one partition."""
    return len({part.partition for part in group}) == 1 and all(
        part.byte_size < SMALL_BYTES for part in group
    )


@dataclass(frozen=True, slots=True)
class Rewritten:
    """Parts of a version, and those that have the same rows in their place."""

    version: Snapshot
    removed: Sequence[Part]
    added: Sequence[Part]


def commit_rewritten(folder: TableFolder, rewritten: Rewritten, id: str) -> Snapshot | None:
    """Put parts, which lie in the folder, in the place of others; None where another commit makes that impossible.

    Commits that only add rows may come between.
    """
    base = rewritten.version
    change = {"mode": WriteMode.APPEND.value, "added": 0, "removed": 0}
    properties = CommitProperties(
        custom_metadata={JOB_KEY: id, NOTE_KEY: "{}", CHANGE_KEY: json.dumps(change)},
        max_commit_retries=APPEND_RETRIES,
        app_transactions=[Transaction(id, 1, int(time.time() * 1000))],
    )
    actions = commits.exchange(rewritten.added, rewritten.removed, base.partition_by, changes_data=False)
    schema = commits.delta_schema(base.columns)
    table = datasets.open_table(folder, base.version)
    try:
        with commits.made_for(folder, base):
            table.create_write_transaction(actions, "append", schema, commit_properties=properties)
    except DatasetConflict:
        return None
    done = datasets.committed_by(folder, id)
    assert done is not None
    return done.snapshot


def uncommitted(folder: TableFolder, ids: Sequence[str]) -> set[str]:
    """Those of these that never committed."""
    if datasets.newest_version(folder) is None:
        return set(ids)
    table = datasets.open_table(folder)
    return {id for id in ids if table.transaction_version(id) is None}
