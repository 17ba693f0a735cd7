"""The check `length`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import polars as pl
from pydantic import Field, model_validator

from headgate.pipelines.checks.check import ColumnCheck, Table
from headgate.pipelines.checks.operands import text_of
from headgate.pipelines.rules import Rule

MAX_LENGTH = 2**31 - 1


class Length(ColumnCheck):
    """Each value has so many characters, or, where it is a list, so many items."""

    kind: ClassVar[str] = "length"
    example: ClassVar[dict[str, Any]] = {"columns": ["country"], "min": 2, "max": 2}
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"country": "DE"},
        {"country": "Germany"},
    ]

    min: int | None = Field(default=None, ge=0, le=MAX_LENGTH, description="The fewest characters or items.")
    max: int | None = Field(default=None, ge=0, le=MAX_LENGTH, description="The most characters or items.")

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min, {self.min}, is above max, {self.max}")
        return self

    def column_rules(self, table: Table, column: str) -> Iterable[Rule]:
        """A value is neither too short nor too long."""
        dtype = table.schema[column]
        length, unit = _length(column, dtype)
        low = pl.lit(False) if self.min is None else length < self.min
        high = pl.lit(False) if self.max is None else length > self.max
        yield self.rule("LENGTH", column, low | high, f"The value must have {self._wanted()} {unit}.")

    def _wanted(self) -> str:
        if self.min == self.max:
            return f"exactly {self.min}"
        low, high = f"at least {self.min}", f"at most {self.max}"
        if self.min is None:
            return high
        return low if self.max is None else f"{low} and {high}"


def _length(column: str, dtype: pl.DataType) -> tuple[pl.Expr, str]:
    """The length of a cell, and what it counts."""
    match dtype:
        case pl.List():
            return pl.col(column).list.len(), "items"
        case pl.Array():
            return pl.when(pl.col(column).is_not_null()).then(dtype.size), "items"
    return text_of(column, dtype).str.len_chars(), "characters"
