"""Rows of a dataset's version as one file: what a link to it says, and what the engine is to make for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from headgate.domain.datasets import at_version, folder_of, require_version
from headgate.domain.datasets import rows as read_page
from headgate.domain.queries import by_id
from headgate.domain.services import Services
from headgate.domain.tablereads import read_table
from headgate.errors import UserFault
from headgate.pipelines import workbooks
from headgate.storage.datasets import snapshot
from headgate.storage.filters import Conditions, RowFilter
from headgate.storage.formats import FileFormat
from headgate.storage.rows import RowQuery
from headgate.storage.tables import Dataset

ENDINGS: Mapping[FileFormat, str] = {
    FileFormat.CSV: "csv",
    FileFormat.TSV: "tsv",
    FileFormat.NDJSON: "ndjson",
    FileFormat.PARQUET: "parquet",
    FileFormat.ARROW: "arrow",
    FileFormat.EXCEL: "xlsx",
}
"""The formats in which rows can be downloaded, and how the names of such files end."""
FORMATS = {ending: format for format, ending in ENDINGS.items()}


@dataclass(frozen=True, slots=True)
class DatasetDownload:
    """Which rows and columns of which version of a dataset, in which format; all of them where none are named."""

    dataset_id: str
    version: int
    format: FileFormat
    filter: RowFilter | None = None
    columns: Sequence[str] | None = None

    @property
    def path(self) -> str:
        """Where it lies, from the server's root on."""
        return path_of(self.dataset_id, ENDINGS[self.format])

    def to_json(self) -> dict[str, Any]:
        """Say it without what the path names."""
        wanted = None if self.filter is None else self.filter.to_json()
        return {"version": self.version, "filter": wanted, "columns": self.columns}

    @classmethod
    def from_json(cls, dataset_id: str, ending: str, said: Mapping[str, Any]) -> Self:
        """Read what `to_json` said, beside the path."""
        wanted = None if said["filter"] is None else RowFilter.from_json(said["filter"])
        return cls(dataset_id, said["version"], FORMATS[ending], wanted, said["columns"])


@dataclass(frozen=True, slots=True)
class Rendering:
    """What the engine is to make, but for the place, and what whoever downloads it sees it called."""

    task: Mapping[str, Any]
    file_name: str


def path_of(dataset_id: str, ending: str) -> str:
    """Name the path of a dataset's rows."""
    return f"/downloads/datasets/{dataset_id}.{ending}"


async def asked(
    services: Services,
    dataset: Dataset,
    format: FileFormat,
    filter: RowFilter | None,
    columns: Sequence[str] | None,
) -> DatasetDownload:
    """Check what a caller asks for, of the version that a dataset is at.

    Raises UserFault: INVALID_ARGUMENT, NOT_FOUND for a dataset without a version, UNKNOWN_COLUMN, INVALID_FILTER, and
    TOO_MANY_ROWS or TOO_MANY_COLUMNS for a sheet of Excel.
    """
    if format not in ENDINGS:
        message = f"Rows can't be downloaded as {format}; take one of {', '.join(ENDINGS)}."
        raise UserFault("INVALID_ARGUMENT", message, ("format",))
    if dataset.version is None:
        message = f"The dataset {dataset.name} has no version yet: there is nothing to download."
        raise UserFault("NOT_FOUND", message)
    await check_rows(services, dataset, filter, columns)
    chosen = None if columns is None else list(dict.fromkeys(columns))
    download = DatasetDownload(dataset.id, dataset.version, format, filter, chosen)
    if format is FileFormat.EXCEL:
        await _check_sheet(services, dataset, download)
    return download


async def asked_of(
    services: Services, dataset: Dataset, version: int, format: FileFormat
) -> DatasetDownload | None:
    """Ask for all rows of a version; None where that can be read no more. Raises UserFault, as `asked` does."""
    if dataset.deleted_at is not None or not dataset.oldest_version <= version <= (dataset.version or 0):
        return None
    if format is FileFormat.EXCEL:
        past = await at_version(services, dataset, version)
        assert past is not None
    else:
        past = Dataset(**{**dataset.model_dump(), "version": version})
    return await asked(services, past, format, None, None)


async def check_rows(
    services: Services, dataset: Dataset, filter: RowFilter | None, columns: Sequence[str] | None
) -> None:
    """Raise UserFault where the version that a dataset is at doesn't have these columns, or those of the filter.

    INVALID_ARGUMENT for a list without any, UNKNOWN_COLUMN, INVALID_FILTER, STORE_UNAVAILABLE, TIMED_OUT.
    """
    if columns is not None and not columns:
        raise UserFault("INVALID_ARGUMENT", "Name at least one column, or leave columns out.", ("columns",))
    known = {column["name"] for column in dataset.columns}
    for number, name in enumerate(columns or ()):
        if name not in known:
            message = f"There is no column {name} in version {dataset.version}."
            raise UserFault("UNKNOWN_COLUMN", message, ("columns", str(number)))
    if filter is not None:
        await read_table(partial(_check_filter, services, dataset, filter))


def _check_filter(services: Services, dataset: Dataset, filter: RowFilter) -> None:
    assert dataset.version is not None
    version = snapshot(folder_of(services, dataset), dataset.version)
    Conditions({column.name: column for column in version.columns}).expression(filter)


async def _check_sheet(services: Services, dataset: Dataset, download: DatasetDownload) -> None:
    columns = len(dataset.columns if download.columns is None else download.columns)
    if columns > workbooks.MAX_COLUMNS:
        message = f"These are {columns:,} columns; a sheet of Excel holds {workbooks.MAX_COLUMNS:,}."
        raise UserFault("TOO_MANY_COLUMNS", message, ("columns",))
    rows = dataset.row_count
    if rows > workbooks.MAX_ROWS and download.filter is not None:
        query = RowQuery(filter=download.filter, columns=[], first=1, total=True)
        rows = (await read_page(services, dataset, download.version, query)).total or 0
    if rows > workbooks.MAX_ROWS:
        message = f"These are {rows:,} rows; a sheet of Excel holds {workbooks.MAX_ROWS:,}. Filter them, or take CSV."
        raise UserFault("TOO_MANY_ROWS", message, ("format",))


async def rendering_of(services: Services, download: DatasetDownload) -> Rendering:
    """Say what is to be made for a download. Raises UserFault (NOT_FOUND) where it can be read no more."""
    dataset = await by_id(services.database, Dataset, download.dataset_id)
    if dataset is None or dataset.deleted_at is not None:
        raise UserFault("NOT_FOUND", "The dataset was deleted.")
    require_version(dataset, download.version)
    task = {
        "task": "render",
        "folder": services.store.location(dataset.storage_key).to_json(),
        "format": download.format,
        **download.to_json(),
    }
    return Rendering(task, f"{dataset.name}-v{download.version}.{ENDINGS[download.format]}")
