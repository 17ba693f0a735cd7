"""The step `dropMissing`."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar

import polars as pl
from pydantic import Field

from headgate.pipelines.steps.columns import Columns
from headgate.pipelines.steps.step import Effect, Step, StepTable, Transform


class MissingIn(StrEnum):
    """In how many of the columns a value has to be missing."""

    ANY = "ANY"
    ALL = "ALL"


class DropMissing(Step):
    """Leaves out the rows in which values are missing: in any of the columns, or in all of them.

    Missing is what is null. The rows that are left out count as filtered.
    """

    kind: ClassVar[str] = "dropMissing"
    example: ClassVar[dict[str, Any]] = {"columns": ["email"]}
    records: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"name": "Ada", "email": "ada@example.org"},
        {"name": "Bob", "email": None},
    )

    columns: Columns | None = Field(
        default=None, description="The columns to look at; all where they are left out."
    )
    how: MissingIn = Field(
        default=MissingIn.ANY,
        description="Whether a row is left out where ANY of the columns has no value, or only where ALL have none.",
    )

    @property
    def effect(self) -> Effect:
        """Rows are left out."""
        return Effect.FILTERS

    def prepare(self, table: StepTable) -> Transform:
        """Keep rows with values."""
        columns = self.columns or table.schema.names()
        table.require(columns)
        filled = [pl.col(column).is_not_null() for column in columns]
        if not filled:
            return lambda rows: rows
        kept = pl.all_horizontal(filled) if self.how is MissingIn.ANY else pl.any_horizontal(filled)
        return lambda rows: rows.filter(kept)
