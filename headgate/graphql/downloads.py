"""Links to rows of datasets as files."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

from headgate.domain import dataset_downloads
from headgate.domain.dataset_downloads import DatasetDownload
from headgate.domain.permissions import require
from headgate.graphql.context import Info
from headgate.graphql.enums import FileFormat, Role
from headgate.graphql.rows import RowFilter, storage_filter
from headgate.pipelines.workbooks import MAX_ROWS
from headgate.storage import tables

DOWNLOAD = (
    "A link to the rows of this version as one file, in the order in which they were committed; valid for 15 minutes, "
    "for whoever has it, while you may enter. The file is sent while it is made, and can be resumed by ranges: with "
    "`If-Range` and the `ETag`, or with a new link to the same."
)
FORMAT = (
    "CSV or TSV, in UTF-8 with a header: null is an empty cell, an empty text a quoted one, lists and objects are "
    "JSON, and texts that a spreadsheet would take for formulas get an apostrophe in front: those that begin with "
    "= + - @, a tab or a carriage return. NDJSON, with the values that `rows` has. PARQUET, or ARROW (an IPC file), "
    f"which keep every type. EXCEL, up to {MAX_ROWS:,} rows: whole numbers of more than 15 digits, moments with a "
    "zone and what is nested are text there, and floats have 16 digits."
)
Format = Annotated[FileFormat, strawberry.argument(description=FORMAT)]


async def download_url(
    info: Info,
    dataset: tables.Dataset,
    format: FileFormat,
    filter: RowFilter | None = None,
    columns: Sequence[str] | None = None,
) -> str:
    """Make a link to rows of the version that a dataset is at. Raises UserFault, as `dataset_downloads.asked` does."""
    wanted = None if filter is None else storage_filter(filter)
    return _link(info, await dataset_downloads.asked(info.context.services, dataset, format, wanted, columns))


async def version_url(info: Info, dataset: tables.Dataset, version: int, format: FileFormat) -> str | None:
    """Make a link to all rows of a version; None where it can be read no more. Raises UserFault (TOO_MANY_ROWS, …)."""
    download = await dataset_downloads.asked_of(info.context.services, dataset, version, format)
    return None if download is None else _link(info, download)


def _link(info: Info, download: DatasetDownload) -> str:
    context = info.context
    require(context.principal, Role.VIEWER)
    return context.links.make(context.principal.user_id, download.path, download.to_json())
