"""The step `fill`."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, ClassVar, Self

import polars as pl
from pydantic import Field, model_validator

from headgate.pipelines.rules import Rule
from headgate.pipelines.steps.columns import ColumnStep, require_flat
from headgate.pipelines.steps.constants import Constant, constant
from headgate.pipelines.steps.measuring import measured
from headgate.pipelines.steps.numbers import finite, number, number_rules, require_numbers
from headgate.pipelines.steps.step import StepTable, Transform
from headgate.pipelines.types import is_text


class FillMethod(StrEnum):
    """What a missing value becomes."""

    CONSTANT = "CONSTANT"
    MEAN = "MEAN"
    MEDIAN = "MEDIAN"
    MODE = "MODE"
    FORWARD = "FORWARD"
    BACKWARD = "BACKWARD"


AVERAGES = (FillMethod.MEAN, FillMethod.MEDIAN)


class Fill(ColumnStep):
    """Fills in missing values: a constant, the mean, the median or the most frequent value, or a neighbour's.

    Missing is what is null. MEAN and MEDIAN are of the finite numbers of the column and make floats of its integers.
    Of the values that are most frequent, MODE takes the smallest. FORWARD takes the last value before, BACKWARD the
    first one behind. Where a column has no value at all, only CONSTANT fills it.
    """

    kind: ClassVar[str] = "fill"
    example: ClassVar[dict[str, Any]] = {"columns": ["spend"], "method": "CONSTANT", "value": 0}
    records: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"campaign": "spring", "spend": 12.5},
        {"campaign": "summer", "spend": None},
    )

    method: FillMethod = Field(description="What a missing value becomes.")
    value: Constant | None = Field(
        default=None,
        description="The value to fill in with the method CONSTANT; it has to fit the type of each column.",
    )

    @model_validator(mode="after")
    def _check_value(self) -> Self:
        if self.method is FillMethod.CONSTANT and self.value is None:
            raise ValueError("CONSTANT needs a value")
        if self.method is not FillMethod.CONSTANT and self.value is not None:
            raise ValueError(f"a value is for CONSTANT, not for {self.method}")
        return self

    @property
    def sees_all(self) -> bool:
        """All but a constant depends on other rows."""
        return self.method is not FillMethod.CONSTANT

    def reads(self, table: StepTable) -> Iterable[str]:
        """Numbers are averaged, and filled in among numbers; a text is filled in among texts."""
        is_typed = self.method is FillMethod.CONSTANT and not isinstance(self.value, str)
        return self.columns if is_typed or self.method in AVERAGES else ()

    def rules(self, table: StepTable) -> Iterable[Rule]:
        """What is averaged is numbers."""
        return number_rules(self, table, self.columns) if self.method in AVERAGES else ()

    def prepare(self, table: StepTable) -> Transform:
        """Fill null cells in."""
        filled = self._filled(table)
        return lambda rows: rows.with_columns(filled)

    def _filled(self, table: StepTable) -> list[pl.Expr]:
        match self.method:
            case FillMethod.MEAN | FillMethod.MEDIAN:
                return self._averaged(table)
            case FillMethod.MODE:
                return self._with_modes(table)
            case FillMethod.FORWARD | FillMethod.BACKWARD:
                return self._from_neighbours(table)
        table.require(self.columns)
        assert self.value is not None
        values = ((column, constant(self.value, column, table.schema[column])) for column in self.columns)
        return [_plain(table, column).fill_null(pl.lit(value[0], value.dtype)) for column, value in values]

    def _averaged(self, table: StepTable) -> list[pl.Expr]:
        require_numbers(table, self.columns)

        def measures(column: str) -> dict[str, pl.Expr]:
            of = finite(table, column)
            return {"average": of.mean() if self.method is FillMethod.MEAN else of.median()}

        found = measured(table, self.columns, measures, stream=self.method is FillMethod.MEAN)
        return [_with_average(table, column, found[column]["average"]) for column in self.columns]

    def _with_modes(self, table: StepTable) -> list[pl.Expr]:
        require_flat(table, self.columns)

        def measures(column: str) -> dict[str, pl.Expr]:
            return {"mode": _plain(table, column).drop_nulls().mode().min()}

        found = measured(table, self.columns, measures, stream=False)
        modes = {column: found[column]["mode"] for column in self.columns}
        return [
            _plain(table, column).fill_null(pl.lit(mode, _dtype(table, column)))
            for column, mode in modes.items()
            if mode is not None
        ]

    def _from_neighbours(self, table: StepTable) -> list[pl.Expr]:
        """Goes through the rows one after the other; BACKWARD holds those that wait for a value in memory."""
        table.require(self.columns)
        if self.method is FillMethod.FORWARD:
            return [pl.col(column).forward_fill() for column in self.columns]
        return [pl.col(column).backward_fill() for column in self.columns]


def _dtype(table: StepTable, column: str) -> pl.DataType:
    dtype = table.schema[column]
    return pl.String() if is_text(dtype) else dtype


def _plain(table: StepTable, column: str) -> pl.Expr:
    """A cell in which any value of its kind can stand: of texts that are kept as numbers of a list, not all can."""
    dtype = table.schema[column]
    return pl.col(column) if _dtype(table, column) == dtype else pl.col(column).cast(pl.String)


def _with_average(table: StepTable, column: str, average: float | None) -> pl.Expr:
    dtype = table.schema[column]
    if isinstance(dtype, pl.Decimal):
        if average is None:
            return pl.col(column)
        return pl.col(column).fill_null(pl.lit(Decimal(str(round(average, dtype.scale))), dtype))
    if dtype == pl.Float32:
        return pl.col(column).fill_null(pl.lit(average, pl.Float32))
    return number(table, column).fill_null(pl.lit(average, pl.Float64))
