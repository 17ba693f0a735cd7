"""Datasets: listed, read row by row, as a frame, saved to files."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, Literal

from headgate.client.core import Core, not_found
from headgate.client.downloads import download
from headgate.client.intake import Path
from headgate.client.models import Dataset
from headgate.client.saving import saving
from headgate.client.wire import Data

if TYPE_CHECKING:
    import polars

Filter = Mapping[str, Any]
"""A condition, such as `{"column": "age", "gte": 18}`; `and`, `or` and `not` hold others."""
DownloadFormat = Literal["CSV", "TSV", "NDJSON", "PARQUET", "ARROW", "EXCEL"]

PAGE_ROWS = 1_000
ROWS = """
query ($name: String!, $version: BigInt, $filter: RowFilter, $columns: [String!], $order: [RowOrder!],
       $first: Int!, $after: String) {
  dataset(name: $name, version: $version) {
    version
    rows(filter: $filter, columns: $columns, orderBy: $order, first: $first, after: $after) {
      records hasNextPage endCursor
    }
  }
}
"""
LINK = """
query ($name: String!, $version: BigInt, $format: FileFormat!, $filter: RowFilter, $columns: [String!]) {
  dataset(name: $name, version: $version) { downloadUrl(format: $format, filter: $filter, columns: $columns) }
}
"""


class Datasets(Core):
    """What is read of datasets."""

    async def dataset(self, name: str) -> Dataset:
        """Read what a dataset is like now. Raises NotFound."""
        return await self._one(Dataset, "dataset", "name", name)

    def datasets(self, *, name_contains: str | None = None) -> AsyncGenerator[Dataset, None]:
        """Yield datasets in the order of their names."""
        return self._all(Dataset, "datasets", "DatasetFilter", {"name_contains": name_contains})

    async def rows(
        self,
        dataset: str,
        *,
        filter: Filter | None = None,
        columns: Sequence[str] | None = None,
        order_by: Sequence[Mapping[str, str]] | None = None,
        version: int | None = None,
        page_rows: int = PAGE_ROWS,
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield rows as dicts, all of one version: the newest when the first row is asked for, unless one is named.

        `order_by` holds `{"column": "age", "direction": "DESC"}` and the like; without it rows come in the order of
        their commits. Pages of up to `page_rows` (1 to 10,000) are asked for as they are needed. Raises NotFound.
        """
        page: Data = {"name": dataset, "version": version, "filter": filter, "columns": columns}
        page |= {"order": order_by, "first": page_rows, "after": None}
        while True:
            found = await self._found(ROWS, page)
            for record in found["rows"]["records"]:
                yield record
            if not found["rows"]["hasNextPage"]:
                return
            page |= {"version": found["version"], "after": found["rows"]["endCursor"]}

    async def frame(
        self,
        dataset: str,
        *,
        filter: Filter | None = None,
        columns: Sequence[str] | None = None,
        version: int | None = None,
    ) -> "polars.DataFrame":
        """Read a dataset as a Polars frame; all that is asked for has to fit into memory. Raises NotFound."""
        import polars  # takes longer to import than the whole client, and few need it

        content = BytesIO()
        await self._save(content, dataset, "PARQUET", filter, columns, version)
        content.seek(0)
        return await self._wire.transport.call(lambda: polars.read_parquet(content))

    async def save_rows(
        self,
        dataset: str,
        path: Path,
        *,
        format: DownloadFormat = "PARQUET",
        filter: Filter | None = None,
        columns: Sequence[str] | None = None,
        version: int | None = None,
    ) -> None:
        """Write a dataset to a file; what breaks off goes on where it was. Raises OSError and NotFound."""
        with saving(path) as into:
            await self._save(into, dataset, format, filter, columns, version)

    async def _save(
        self,
        into: IO[bytes],
        dataset: str,
        format: DownloadFormat,
        filter: Filter | None,
        columns: Sequence[str] | None,
        version: int | None,
    ) -> None:
        wanted = {"name": dataset, "version": version, "format": format, "filter": filter, "columns": columns}
        await download(self._wire, (await self._found(LINK, wanted))["downloadUrl"], into)

    async def _found(self, query: str, variables: Data) -> Data:
        """Ask for a dataset. Raises NotFound where it is not there."""
        found: Data | None = (await self._wire.ask(query, variables))["dataset"]
        if found is None:
            raise not_found("dataset", variables["name"])
        return found
