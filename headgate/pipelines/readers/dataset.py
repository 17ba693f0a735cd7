"""One version of a dataset as a source: already typed, scanned where it lies."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from headgate.errors import JobFault, UserFault
from headgate.pipelines.prepared import Prepared, Watch
from headgate.pipelines.readers.columnar import prepare
from headgate.pipelines.replay import RowSet
from headgate.storage import datasets
from headgate.storage.columns import Column
from headgate.storage.filters import Conditions, RowFilter
from headgate.storage.tablefolders import TableFolder


@dataclass(frozen=True, slots=True)
class DatasetRows:
    """The rows of one version of a dataset, those of a filter where there is one, in commit order."""

    folder: TableFolder
    version: int
    filter: RowFilter | None = None
    only: RowSet | None = None


def read_dataset(source: DatasetRows, watch: Watch) -> Prepared:
    """Read a version. Raises JobFault: UNKNOWN_COLUMN or INVALID_FILTER where the filter doesn't fit its columns."""
    return prepare(scan_rows(source)[0], source.only, watch)


def scan_rows(source: DatasetRows) -> tuple[pl.LazyFrame, Sequence[Column]]:
    """The rows of a version that a filter matches, and all its columns. Raises JobFault, as `read_dataset` does."""
    version = datasets.snapshot(source.folder, source.version)
    rows = datasets.scan(source.folder, version)
    if source.filter is not None:
        rows = rows.filter(_condition(version, source.filter))
    return rows, version.columns


def _condition(version: datasets.Snapshot, wanted: RowFilter) -> pl.Expr:
    try:
        return Conditions({column.name: column for column in version.columns}).expression(wanted)
    except UserFault as fault:
        raise JobFault(fault.code, fault.message, "CONFIG") from fault
