"""The step `join`."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, Literal, Self

import polars as pl
from pydantic import Field, field_validator, model_validator

from headgate.errors import JobFault
from headgate.pipelines.checks.keys import comparable, conformed
from headgate.pipelines.kinds import Settings
from headgate.pipelines.steps.naming import checked_name
from headgate.pipelines.steps.step import HIDDEN, Effect, Step, StepTable, Transform
from headgate.storage import datasets
from headgate.storage.datasets import Snapshot
from headgate.storage.tablefolders import TableFolder

KEY = f"{HIDDEN}key_"


class JoinHow(StrEnum):
    """What becomes of a row whose key the dataset doesn't have."""

    LEFT = "LEFT"
    INNER = "INNER"


class JoinDuplicates(StrEnum):
    """What happens where the dataset has a key in several rows."""

    REFUSE = "REFUSE"
    FIRST = "FIRST"
    LAST = "LAST"


class JoinColumn(Settings):
    """A column of the rows, and the one of the dataset that has the same values."""

    column: str = Field(min_length=1, description="The column of the rows.")
    with_: str | None = Field(
        default=None,
        alias="with",
        min_length=1,
        description="The dataset's column; the one of the same name where it is left out.",
    )

    @property
    def theirs(self) -> str:
        """The dataset's column."""
        return self.with_ or self.column


class Join(Step):
    """Adds columns of a dataset to the rows, from the dataset's row that has the same values in the key columns.

    Values are compared as the dataset's column has them: the text 7 is the whole number 7, and 007 is not. Null is
    found nowhere. A row never becomes several.
    """

    kind: ClassVar[str] = "join"
    datasets: ClassVar[tuple[str, ...]] = ("dataset",)
    example: ClassVar[dict[str, Any]] = {
        "dataset": "audiences",
        "columns": [{"column": "campaign_id", "with": "id"}],
        "select": ["segment"],
    }
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"campaign_id": "7", "clicks": 50},
        {"campaign_id": "9", "clicks": 12},
    ]

    dataset: str = Field(
        min_length=1, description="The name of the dataset, which is read as it is when the job begins."
    )
    columns: list[JoinColumn] = Field(
        min_length=1, description="The columns whose values have to be the same."
    )
    select: list[str] | None = Field(
        default=None,
        min_length=1,
        description="The dataset's columns to add; all but the keys where left out.",
    )
    prefix: str = Field(
        default="", max_length=100, description="What the names of the added columns begin with."
    )
    how: JoinHow = Field(
        default=JoinHow.LEFT,
        description="A row whose key the dataset doesn't have gets nulls (LEFT), or is left out (INNER).",
    )
    duplicates: JoinDuplicates = Field(
        default=JoinDuplicates.REFUSE,
        description="Where the dataset has a key in several rows: fail the job, or take the FIRST or the LAST of them.",
    )

    @field_validator("prefix")
    @classmethod
    def _check_prefix(cls, prefix: str) -> str:
        checked_name(f"{prefix}x")
        return prefix

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        for names in (
            [key.column for key in self.columns],
            [key.theirs for key in self.columns],
            self.select or [],
        ):
            if len(set(names)) < len(names):
                raise ValueError(f"{next(name for name in names if names.count(name) > 1)} is named twice")
        return self

    @property
    def effect(self) -> Effect:
        """An inner join leaves rows out."""
        return Effect.FILTERS if self.how is JoinHow.INNER else Effect.KEEPS

    def prepare(self, table: StepTable) -> Transform:
        """Raises JobFault.

        DATASET_NOT_FOUND; UNKNOWN_COLUMN of the rows or the dataset; COLUMN_EXISTS where an added column has the name
        of one that is there; JOIN_KEYS_NOT_UNIQUE where a key stands in several rows of the dataset.
        """
        table.require(key.column for key in self.columns)
        folder, snapshot = self._dataset(table)
        added = self._added(table, snapshot)
        types = {column.name: column.dtype for column in snapshot.columns}
        keys = {f"{KEY}{key.theirs}": key for key in self.columns}
        theirs = [comparable(pl.col(key.theirs), types[key.theirs]).alias(name) for name, key in keys.items()]
        added_cells = [pl.col(name).alias(new) for name, new in added.items()]
        stored = datasets.scan(folder, snapshot).select(*theirs, *added_cells).drop_nulls(list(keys))
        stored = self._unique(table, stored, list(keys))
        mine = [
            comparable(
                conformed(key.column, table.schema[key.column], types[key.theirs]), types[key.theirs]
            ).alias(name)
            for name, key in keys.items()
        ]
        return lambda rows: self._joined(rows.with_columns(mine), stored, list(keys))

    def _joined(self, rows: pl.LazyFrame, stored: pl.LazyFrame, keys: Sequence[str]) -> pl.LazyFrame:
        how: Literal["inner", "left"] = "inner" if self.how is JoinHow.INNER else "left"
        return rows.join(stored, on=keys, how=how, maintain_order="left").drop(keys)

    def _dataset(self, table: StepTable) -> tuple[TableFolder, Snapshot]:
        folder = table.datasets.get(self.dataset)
        snapshot = datasets.latest(folder) if folder is not None else None
        if folder is None or snapshot is None:
            message = f"There is no dataset {self.dataset} with a version, to be joined with."
            raise JobFault("DATASET_NOT_FOUND", message, "CONFIG")
        names = [column.name for column in snapshot.columns]
        for column in [*(key.theirs for key in self.columns), *(self.select or ())]:
            if column not in names:
                message = f"The dataset {self.dataset} has no column {column}, which join names."
                raise JobFault("UNKNOWN_COLUMN", message, "CONFIG", details={"columns": names})
        return folder, snapshot

    def _added(self, table: StepTable, snapshot: Snapshot) -> dict[str, str]:
        """The names of the added columns by those that they have in the dataset."""
        keys = {key.theirs for key in self.columns}
        names = self.select or [column.name for column in snapshot.columns if column.name not in keys]
        taken = {name.casefold() for name in table.schema}
        for name in names:
            if (new := self.prefix + name).casefold() in taken:
                message = f"The rows have a column {new} as the dataset {self.dataset} has."
                message = f"{message} Set prefix, or select others."
                raise JobFault("COLUMN_EXISTS", message, "CONFIG", details={"column": new})
        return {name: self.prefix + name for name in names}

    def _unique(self, table: StepTable, stored: pl.LazyFrame, keys: Sequence[str]) -> pl.LazyFrame:
        if self.duplicates is not JoinDuplicates.REFUSE:
            keep: Literal["first", "last"] = "first" if self.duplicates is JoinDuplicates.FIRST else "last"
            return stored.unique(keys, keep=keep, maintain_order=True)
        twice = table.scan(stored.group_by(keys).len("rows").filter(pl.col("rows") > 1).head(1))
        if not twice.is_empty():
            raise self._not_unique(twice.row(0))
        return stored

    def _not_unique(self, found: Sequence[Any]) -> JobFault:
        *key, rows = found
        values = ", ".join(f"{mine.theirs} {value}" for mine, value in zip(self.columns, key, strict=True))
        message = f"The dataset {self.dataset} has {rows} rows with {values}, and perhaps more such keys."
        return JobFault(
            "JOIN_KEYS_NOT_UNIQUE", f"{message} Set duplicates to take the first or last of them.", "CONFIG"
        )
