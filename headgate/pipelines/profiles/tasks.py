"""The tasks that profile a dataset or a file, and that suggest checks.

Each has "dataset" (folder, version) or "file" (path, format, dialect), "columns" (names, or null for all) and
"scratch".
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headgate.pipelines.dialect import Dialect
from headgate.pipelines.prepared import Source
from headgate.pipelines.profiles.correlation import correlate
from headgate.pipelines.profiles.statistics import profile
from headgate.pipelines.profiles.table import TypedTable, of_dataset, of_file
from headgate.pipelines.scratch import scratch_made
from headgate.pipelines.suggested import suggest
from headgate.storage.formats import FileFormat
from headgate.storage.locations import location_from_json
from headgate.storage.tablefolders import table_folder


def run_profile(task: Mapping[str, Any]) -> dict[str, Any]:
    """Run the task "profile"; the answer has the statistics of each column."""
    with _table(task) as table:
        return {"found": profile(table)}


def run_correlate(task: Mapping[str, Any]) -> dict[str, Any]:
    """Run the task "correlate"; the answer has the coefficient of each pair of columns."""
    with _table(task) as table:
        return {"found": correlate(table, are_named=task["columns"] is not None)}


def run_suggest(task: Mapping[str, Any]) -> dict[str, Any]:
    """Run the task "suggest", of a file; the answer has checks, each with kind, severity, settings and reason."""
    with scratch_made(Path(task["scratch"])) as scratch:
        return {"found": [each.to_json() for each in suggest(_source(task["file"]), scratch)]}


@contextmanager
def _table(task: Mapping[str, Any]) -> Iterator[TypedTable]:
    if task.get("dataset"):
        dataset = task["dataset"]
        folder = table_folder(location_from_json(dataset["folder"]))
        yield of_dataset(folder, dataset["version"], task["columns"])
        return
    with scratch_made(Path(task["scratch"])) as scratch:
        yield of_file(_source(task["file"]), scratch, task["columns"])


def _source(file: Mapping[str, Any]) -> Source:
    dialect = Dialect.from_json(file["dialect"]) if file["dialect"] else None
    return Source(Path(file["path"]), FileFormat(file["format"]), dialect)
