"""The step `deduplicate`."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar

import polars as pl
from polars import selectors
from pydantic import Field

from headgate.pipelines.rowmap import ROW_INDEX
from headgate.pipelines.steps.columns import Columns
from headgate.pipelines.steps.step import HIDDEN, Effect, Step, StepTable, Transform

PLACE = f"{HIDDEN}place__"


class KeptDuplicate(StrEnum):
    """Which of several equal rows stays."""

    FIRST = "FIRST"
    LAST = "LAST"


class Deduplicate(Step):
    """Keeps one row of those that are equal in the columns: the first of them, or the last.

    Rows keep their order, and null equals null. The rows that are left out count as merged. Sort the rows before to
    keep, say, the newest.
    """

    kind: ClassVar[str] = "deduplicate"
    example: ClassVar[dict[str, Any]] = {"columns": ["email"], "keep": "LAST"}
    records: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"email": "ada@example.org", "city": "London"},
        {"email": "bob@example.org", "city": "Leeds"},
        {"email": "ada@example.org", "city": "York"},
    )

    columns: Columns | None = Field(
        default=None, description="The columns in which rows are equal; all where they are left out."
    )
    keep: KeptDuplicate = Field(
        default=KeptDuplicate.FIRST, description="Whether the FIRST of equal rows stays, or the LAST."
    )

    @property
    def effect(self) -> Effect:
        """Rows are merged into others."""
        return Effect.MERGES

    def prepare(self, table: StepTable) -> Transform:
        """Keep one of equal rows."""
        columns = self.columns or table.schema.names()
        table.require(columns)
        if self.keep is KeptDuplicate.LAST:
            return _keeping_last(table, columns)
        # Streams: it remembers the values that came, but not their rows.
        return lambda rows: _bare(rows).unique(columns, keep="first", maintain_order=True)


def _bare(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.select(ROW_INDEX, ~selectors.starts_with(HIDDEN))


def _keeping_last(table: StepTable, columns: Sequence[str]) -> Transform:
    """Which row is the last of its kind shows only behind all rows: a pass before finds their places.

    To hold the last rows themselves until then would take as much memory as they do.
    """
    placed = table.frame.select(columns).with_row_index(PLACE)
    kept = table.scan(placed.group_by(columns).agg(pl.col(PLACE).max()).select(PLACE)).lazy()

    def keep(rows: pl.LazyFrame) -> pl.LazyFrame:
        placed = _bare(rows).with_row_index(PLACE)
        return placed.join(kept, on=PLACE, how="semi", maintain_order="left").drop(PLACE)

    return keep
