"""The check `reference`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import polars as pl
from pydantic import Field, model_validator

from headgate.errors import JobFault
from headgate.pipelines.checks import keys
from headgate.pipelines.checks.check import Check, Table, missing_column
from headgate.pipelines.rules import Finding, Rule, Suggest
from headgate.pipelines.suggestions import MAX_CHOICES, closest, suggesting
from headgate.pipelines.types import conforming
from headgate.storage import datasets
from headgate.storage.columns import plain_text
from headgate.storage.datasets import Snapshot
from headgate.storage.tablefolders import TableFolder


class Reference(Check):
    """The values of these columns stand together in a row of another dataset, as its latest version is.

    A value that the dataset's column can't hold is not there. A row with null in one of the columns passes.
    """

    kind: ClassVar[str] = "reference"
    looks_further: ClassVar[bool] = True
    example: ClassVar[dict[str, Any]] = {
        "columns": ["campaign_id"],
        "dataset": "campaigns",
        "datasetColumns": ["id"],
    }
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"campaign_id": "c-1"},
        {"campaign_id": "c-2"},
    ]
    datasets: ClassVar[tuple[str, ...]] = ("dataset",)

    columns: list[str] = Field(min_length=1, description="The columns of the input.")
    dataset: str = Field(min_length=1, description="The name of the dataset that has to have the values.")
    dataset_columns: list[str] | None = Field(
        default=None,
        min_length=1,
        description="The dataset's columns, in the order of `columns`; those of the same names where left out.",
    )

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        if len(set(self.columns)) < len(self.columns):
            raise ValueError("columns names a column twice")
        if self.dataset_columns is not None and len(self.dataset_columns) != len(self.columns):
            raise ValueError(f"datasetColumns must name {len(self.columns)}, as many as columns")
        return self

    def rules(self, table: Table) -> Iterable[Rule | Finding]:
        """The values of a row are in the dataset. Raises JobFault where the dataset or its columns are missing."""
        if missing := [column for column in self.columns if column not in table.schema]:
            yield from (missing_column(self, column) for column in missing)
            return
        folder, snapshot = self._dataset(table)
        types = {column.name: column.dtype for column in snapshot.columns}
        wanted = {mine: types[theirs] for mine, theirs in self._pairs().items()}
        stored = keys.stored_keys(folder, snapshot, self._pairs(), self.columns)
        absent = keys.found_in(
            keys.keys_of(table, self.columns, wanted), stored, self.columns, snapshot.row_count, how="anti"
        )
        yield self.rule(
            "REFERENCE",
            self.columns[0] if len(self.columns) == 1 else None,
            keys.among(absent) | _unfit(table.schema, wanted),
            self._message(),
            suggest=_suggest(stored, snapshot) if len(wanted) == 1 else None,
            columns=self.columns,
        )

    def _pairs(self) -> dict[str, str]:
        """The dataset's columns by those of the input."""
        return dict(zip(self.columns, self.dataset_columns or self.columns, strict=True))

    def _dataset(self, table: Table) -> tuple[TableFolder, Snapshot]:
        folder = (table.datasets or {}).get(self.dataset)
        snapshot = None if folder is None else datasets.latest(folder)
        if folder is None or snapshot is None:
            message = f"There is no dataset {self.dataset} with a version, to which {self.label} refers."
            raise JobFault("DATASET_NOT_FOUND", message, "CONFIG")
        names = [column.name for column in snapshot.columns]
        for column in self._pairs().values():
            if column not in names:
                message = f"The dataset {self.dataset} has no column {column}, to which {self.label} refers."
                raise JobFault("UNKNOWN_COLUMN", message, "CONFIG", details={"columns": names})
        return folder, snapshot

    def _message(self) -> str:
        theirs = list(self._pairs().values())
        if len(theirs) == 1:
            return f"The column {theirs[0]} of the dataset {self.dataset} does not have this value."
        return f"No row of the dataset {self.dataset} has these values in {', '.join(theirs)}."


def _unfit(schema: pl.Schema, wanted: Mapping[str, pl.DataType]) -> pl.Expr:
    """Whether a row that has all values has one that its column in the dataset can't hold."""
    lost = (conforming(schema[name], dtype).exact(pl.col(name)).is_null() for name, dtype in wanted.items())
    return pl.all_horizontal(pl.col(name).is_not_null() for name in wanted) & pl.any_horizontal(lost)


def _suggest(stored: pl.LazyFrame, snapshot: Snapshot) -> Suggest | None:
    """Propose a value that is there; None where there are too many to look through."""
    if snapshot.row_count > MAX_CHOICES:
        return None
    values = stored.unique(maintain_order=True).collect().to_series()
    return suggesting(closest([plain_text(value) for value in values]))
