"""Restoring: an old version of a dataset becomes its newest one, in one commit that moves no rows."""

import json
import time

from deltalake import CommitProperties, Transaction

from headgate.storage import datasets
from headgate.storage.commits import made_for
from headgate.storage.datasets import CHANGE_KEY, Snapshot, WriteMode
from headgate.storage.tablefolders import TableFolder

RESTORED = "headgate.restored"
"""The application transaction that counts restorations; the version that the n-th made is that of `….n`."""


def restore(folder: TableFolder, version: int) -> Snapshot:
    """Make a version with the rows, columns and partitions of an old one; none where the newest has just these.

    Raises DatasetConflict, and commits nothing, where another commit came between.
    """
    present, wanted = datasets.latest(folder), datasets.snapshot(folder, version)
    assert present is not None
    if _content(present) == _content(wanted):
        return present
    table = datasets.open_table(folder, present.version)
    number = (table.transaction_version(RESTORED) or 0) + 1
    now_ms = int(time.time() * 1000)
    properties = CommitProperties(
        custom_metadata={CHANGE_KEY: json.dumps(_change(present, wanted))},
        max_commit_retries=0,
        app_transactions=[
            Transaction(RESTORED, number, now_ms),
            Transaction(f"{RESTORED}.{number}", present.version + 1, now_ms),
        ],
    )
    with made_for(folder, present):
        table.restore(version, commit_properties=properties)
    return datasets.snapshot(folder, present.version + 1)


def restored_versions(folder: TableFolder) -> list[int]:
    """The versions that restorations made: they may have files that versions in between have not."""
    table = datasets.open_table(folder)
    count = table.transaction_version(RESTORED) or 0
    found = (table.transaction_version(f"{RESTORED}.{number}") for number in range(1, count + 1))
    return [version for version in found if version is not None]


def _content(version: Snapshot) -> tuple[object, ...]:
    return version.parts, version.columns, version.partition_by


def _change(present: Snapshot, wanted: Snapshot) -> dict[str, object]:
    gone, come = ({*present.parts} - {*wanted.parts}, {*wanted.parts} - {*present.parts})
    return {
        "mode": WriteMode.REPLACE.value,
        "added": sum(part.rows for part in come),
        "removed": sum(part.rows for part in gone),
    }
