"""The task that puts small files of a dataset together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from headgate.pipelines.scratch import scratch_made
from headgate.pipelines.sinks.writing import write_rows
from headgate.storage import datasets
from headgate.storage.compaction import Rewritten, commit_rewritten
from headgate.storage.datasets import Snapshot
from headgate.storage.locations import location_from_json
from headgate.storage.tablefolders import TableFolder, table_folder


def run_compact(task: Mapping[str, Any]) -> dict[str, Any]:
    """Run the task "compact": of "folder" at "version", the parts of these "names" become others, which "id" names.

    The answer has the dataset's new "version", or null where a commit that came between makes it impossible.
    """
    folder = table_folder(location_from_json(task["folder"]))
    with scratch_made(Path(task["scratch"])) as scratch:
        made = compact(folder, task["version"], task["names"], task["id"], scratch)
    return {"version": None if made is None else made.to_json()}


def compact(
    folder: TableFolder, version: int, names: Sequence[str], id: str, scratch: Path
) -> Snapshot | None:
    """Put parts of a version together, which stand side by side in it; None where a commit came in the way."""
    base, wanted = datasets.snapshot(folder, version), set(names)
    removed = tuple(part for part in base.parts if part.name in wanted)
    rows = datasets.scan(folder, replace(base, parts=removed))
    desk = folder.desk(scratch)
    written = write_rows(rows, desk, f"{id}-1", removed[0].order)
    added = [replace(part, partition=removed[0].partition) for part in written if part.rows]
    assert sum(part.rows for part in added) == sum(part.rows for part in removed)
    made = None
    try:
        folder.take(desk, [part.name for part in added], _undisturbed)
        made = commit_rewritten(folder, Rewritten(base, removed, added), id)
    finally:
        if made is None and datasets.committed_by(folder, id) is None:
            folder.remove([part.name for part in written])
    return made


def _undisturbed() -> None:
    """Nobody ends this but by its process."""
