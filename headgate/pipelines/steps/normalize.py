"""The step `normalize`."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar

import polars as pl
from pydantic import Field, field_validator

from headgate.errors import JobFault
from headgate.pipelines.rules import Rule
from headgate.pipelines.steps.columns import MAX_NAME_CHARACTERS, ColumnStep
from headgate.pipelines.steps.measuring import Measured, measured
from headgate.pipelines.steps.naming import checked_name, require_free
from headgate.pipelines.steps.numbers import finite, number, number_rules, require_numbers
from headgate.pipelines.steps.step import StepTable, Transform

COLUMN = "{column}"


class NormalizeMethod(StrEnum):
    """What numbers are measured from, and in what unit."""

    MIN_MAX = "MIN_MAX"
    Z_SCORE = "Z_SCORE"
    ROBUST = "ROBUST"


class Normalize(ColumnStep):
    """Scales numbers so that columns can be compared: by their range, their standard deviation, or their quartiles.

    MIN_MAX puts them between 0 and 1. Z_SCORE is their distance from the mean, in standard deviations of the whole
    column. ROBUST is their distance from the median, in distances between the quartiles; where these are equal, the
    distance itself. The outcome is a FLOAT; a column of equal values becomes 0, and null stays null.
    """

    kind: ClassVar[str] = "normalize"
    example: ClassVar[dict[str, Any]] = {
        "columns": ["income"],
        "method": "MIN_MAX",
        "into": "{column}_scaled",
    }
    records: ClassVar[Sequence[Mapping[str, Any]]] = ({"income": 1000}, {"income": 3500}, {"income": 6000})

    method: NormalizeMethod = Field(description="How numbers are scaled.")
    into: str | None = Field(
        default=None,
        max_length=MAX_NAME_CHARACTERS,
        description=(
            f"The names of new columns, in which {COLUMN} stands for that of the old one, such as {COLUMN}_scaled. "
            "Where it is left out, the columns themselves are scaled."
        ),
    )

    @field_validator("into")
    @classmethod
    def _check_into(cls, into: str | None) -> str | None:
        if into is not None and (COLUMN not in into or into == COLUMN):
            raise ValueError(f"give {COLUMN} with something before or behind it, such as {COLUMN}_scaled")
        if into is not None:
            checked_name(into.replace(COLUMN, "column"))
        return into

    @property
    def sees_all(self) -> bool:
        """A number is measured by all the others."""
        return True

    def reads(self, table: StepTable) -> Iterable[str]:
        """All columns are numbers."""
        return self.columns

    def rules(self, table: StepTable) -> Iterable[Rule]:
        """All columns are numbers."""
        return number_rules(self, table, self.columns)

    def prepare(self, table: StepTable) -> Transform:
        """Scale numbers. Raises JobFault: NOT_NUMERIC, COLUMN_EXISTS, OUT_OF_RANGE."""
        require_numbers(table, self.columns)
        names = {
            column: column if self.into is None else self.into.replace(COLUMN, column)
            for column in self.columns
        }
        require_free(table.schema if self.into else (), names.values())
        find, line = METHODS[self.method]

        def measures(column: str) -> dict[str, pl.Expr]:
            of = finite(table, column)
            return {"low": of.min(), "high": of.max(), **find(of)}

        found = measured(table, self.columns, measures, stream=self.method is not NormalizeMethod.ROBUST)
        scaled = [
            _scaled(number(table, column), column, found[column], line).alias(names[column])
            for column in names
        ]
        return lambda rows: rows.with_columns(scaled)


Line = tuple[float, float]
"""Where 0 is, and how long 1 is."""


def _scaled(value: pl.Expr, column: str, found: Measured, line: Callable[[Measured], Line]) -> pl.Expr:
    if found["low"] is None:
        return value
    if found["low"] == found["high"]:
        # A mean is not always exact, so that some distance from it would be left.
        return value - pl.lit(found["low"])
    zero, one = line(found)
    if not (math.isfinite(zero) and math.isfinite(one)):
        message = (
            f"The values of {column} lie too far apart to be scaled: {found['low']} and {found['high']}."
        )
        raise JobFault("OUT_OF_RANGE", message, "DATA", details={"column": column})
    # Without a distance between the quartiles, or with one too small for a double, distances stay as they are.
    unit = one or 1.0
    return (value - pl.lit(zero)) / pl.lit(unit)


def _of_range(of: pl.Expr) -> dict[str, pl.Expr]:
    return {}


def _of_deviation(of: pl.Expr) -> dict[str, pl.Expr]:
    return {"mean": of.mean(), "deviation": of.std(ddof=0)}


def _of_quartiles(of: pl.Expr) -> dict[str, pl.Expr]:
    shares = {"lower": 0.25, "median": 0.5, "upper": 0.75}
    return {name: of.quantile(share, interpolation="linear") for name, share in shares.items()}


METHODS: Mapping[
    NormalizeMethod, tuple[Callable[[pl.Expr], dict[str, pl.Expr]], Callable[[Measured], Line]]
] = {
    NormalizeMethod.MIN_MAX: (_of_range, lambda found: (found["low"], found["high"] - found["low"])),
    NormalizeMethod.Z_SCORE: (_of_deviation, lambda found: (found["mean"], found["deviation"])),
    NormalizeMethod.ROBUST: (_of_quartiles, lambda found: (found["median"], found["upper"] - found["lower"])),
}
