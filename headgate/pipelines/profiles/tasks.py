"""The tasks that profile a dataset or a file, and that suggest checks.

Each has "dataset" (folder, version) or "file" (object, format, dialect), "columns" (names, or null for all) and
"scratch".
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headgate.pipelines.dialect import Dialect
from headgate.pipelines.inspector import CUT, LOOKED_AT_BYTES
from headgate.pipelines.nearby import Nearby
from headgate.pipelines.prepared import Source, Watch
from headgate.pipelines.profiles.correlation import correlate
from headgate.pipelines.profiles.statistics import profile
from headgate.pipelines.profiles.table import TypedTable, of_dataset, of_file
from headgate.pipelines.scratch import scratch_made
from headgate.pipelines.suggested import suggest
from headgate.storage.formats import FileFormat
from headgate.storage.locations import location_from_json
from headgate.storage.tablefolders import table_folder


def run_profile(task: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
    """Run the task "profile"; the answer has the statistics of each column."""
    with _table(task, watch) as table:
        return {"found": profile(table)}


def run_correlate(task: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
    """Run the task "correlate"; the answer has the coefficient of each pair of columns."""
    with _table(task, watch) as table:
        return {"found": correlate(table, are_named=task["columns"] is not None)}


def run_suggest(task: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
    """Run the task "suggest", of a file; the answer has checks, each with kind, severity, settings and reason."""
    with scratch_made(Path(task["scratch"])) as scratch:
        nearby = Nearby(scratch, watch)
        return {"found": [each.to_json() for each in suggest(_head(task["file"], nearby), scratch)]}


@contextmanager
def _table(task: Mapping[str, Any], watch: Watch) -> Iterator[TypedTable]:
    if task.get("dataset"):
        dataset = task["dataset"]
        folder = table_folder(location_from_json(dataset["folder"]))
        yield of_dataset(folder, dataset["version"], task["columns"])
        return
    with scratch_made(Path(task["scratch"])) as scratch:
        file = task["file"]
        yield of_file(_source(file, Nearby(scratch, watch).file(file["object"])), scratch, task["columns"])


def _head(file: Mapping[str, Any], nearby: Nearby) -> Source:
    """As much of a file as suggestions are made from."""
    is_cut = FileFormat(file["format"]) in CUT
    return _source(
        file, nearby.head(file["object"], LOOKED_AT_BYTES)[0] if is_cut else nearby.file(file["object"])
    )


def _source(file: Mapping[str, Any], path: Path) -> Source:
    dialect = Dialect.from_json(file["dialect"]) if file["dialect"] else None
    return Source(path, FileFormat(file["format"]), dialect)
