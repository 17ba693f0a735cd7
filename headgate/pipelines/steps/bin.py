"""The step `bin`."""

import functools
import itertools
import operator
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

import polars as pl
from pydantic import Field, model_validator

from headgate.pipelines.rules import Rule
from headgate.pipelines.steps.columns import ColumnStep
from headgate.pipelines.steps.constants import spelled
from headgate.pipelines.steps.measuring import measured
from headgate.pipelines.steps.naming import require_free
from headgate.pipelines.steps.numbers import finite, number_rules, require_numbers
from headgate.pipelines.steps.step import StepTable, Transform

MAX_BINS = 100


class BinMethod(StrEnum):
    """Where one bin ends and the next begins."""

    EQUAL_WIDTH = "EQUAL_WIDTH"
    QUANTILE = "QUANTILE"


class Bin(ColumnStep):
    """Sorts numbers into bins, and writes the label of each number's bin into a new column, such as age_bin.

    A bin begins with its lower edge and ends before its upper one; the first and the last are open. Edges are given,
    or found: so that `count` bins are equally wide between the least and the greatest number, or hold equally many
    numbers as far as equal ones allow it. What is null, NaN or infinite is in no bin.
    """

    kind: ClassVar[str] = "bin"
    example: ClassVar[dict[str, Any]] = {
        "columns": ["age"],
        "edges": [18, 65],
        "labels": ["minor", "adult", "senior"],
    }
    records: ClassVar[Sequence[Mapping[str, Any]]] = ({"age": 17}, {"age": 18}, {"age": 70}, {"age": None})

    edges: list[Annotated[float, Field(allow_inf_nan=False)]] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_BINS - 1,
        description="Where a bin ends and the next begins, in rising order; one fewer than there are bins.",
    )
    count: int | None = Field(
        default=None, ge=2, le=MAX_BINS, description="How many bins there are to be, in place of `edges`."
    )
    method: BinMethod | None = Field(
        default=None,
        description="Whether `count` bins are equally wide (EQUAL_WIDTH, the default), or equally full (QUANTILE).",
    )
    labels: list[Annotated[str, Field(max_length=1_000)]] | None = Field(
        default=None, description="What the bins are called; by their edges where it is left out."
    )

    @model_validator(mode="after")
    def _check_bins(self) -> Self:
        if (self.edges is None) == (self.count is None):
            raise ValueError("give either edges or a count")
        if self.edges is not None and self.method is not None:
            raise ValueError("a method is for a count of bins; edges say where they are")
        if any(low >= high for low, high in itertools.pairwise(self.edges or ())):
            raise ValueError("each edge has to be greater than the one before")
        if self.labels is not None and len(self.labels) != self._bins:
            raise ValueError(f"there are {self._bins} bins, and {len(self.labels)} labels")
        return self

    @property
    def _bins(self) -> int:
        return self.count or len(self.edges or ()) + 1

    @property
    def sees_all(self) -> bool:
        """Edges that are found depend on all numbers."""
        return self.edges is None

    def reads(self, table: StepTable) -> Iterable[str]:
        """All columns are numbers."""
        return self.columns

    def rules(self, table: StepTable) -> Iterable[Rule]:
        """All columns are numbers."""
        return number_rules(self, table, self.columns)

    def prepare(self, table: StepTable) -> Transform:
        """Add the labels. Raises JobFault: NOT_NUMERIC, COLUMN_EXISTS."""
        require_numbers(table, self.columns)
        names = {column: f"{column}_bin" for column in self.columns}
        require_free(table.schema, names.values())
        edges = self._edges(table)
        labeled = [self._label(table, column, edges[column]).alias(name) for column, name in names.items()]
        return lambda rows: rows.with_columns(labeled)

    def _edges(self, table: StepTable) -> Mapping[str, Sequence[float]]:
        if self.edges is not None:
            return dict.fromkeys(self.columns, self.edges)
        is_quantile = self.method is BinMethod.QUANTILE
        find = self._quantiles if is_quantile else _range
        found = measured(
            table, self.columns, lambda column: find(finite(table, column)), stream=not is_quantile
        )
        # Of a column without numbers there is nothing to put into a bin, wherever its edges are.
        values = {column: [value or 0.0 for value in found[column].values()] for column in self.columns}
        return values if is_quantile else {column: self._widths(*values[column]) for column in values}

    def _quantiles(self, of: pl.Expr) -> dict[str, pl.Expr]:
        shares = (number / self._bins for number in range(1, self._bins))
        return {str(share): of.quantile(share, interpolation="linear") for share in shares}

    def _widths(self, low: float, high: float) -> list[float]:
        """Each a sum of two parts, neither of which can overflow."""
        shares = (number / self._bins for number in range(1, self._bins))
        return [low * (1 - share) + high * share for share in shares]

    def _label(self, table: StepTable, column: str, edges: Sequence[float]) -> pl.Expr:
        """How many edges a number has reached says which bin it is in."""
        value = finite(table, column)
        reached = functools.reduce(operator.add, ((value >= edge).cast(pl.UInt8) for edge in edges))
        labels = pl.Series(self.labels or _named(edges), dtype=pl.String)
        bins = pl.Series(range(len(labels)), dtype=pl.UInt8)
        return reached.replace_strict(bins, labels, default=None, return_dtype=pl.String)


def _range(of: pl.Expr) -> dict[str, pl.Expr]:
    return {"low": of.min(), "high": of.max()}


def _named(edges: Sequence[float]) -> list[str]:
    shown = [spelled(edge) for edge in edges]
    between = (f"{low} to below {high}" for low, high in itertools.pairwise(shown))
    return [f"below {shown[0]}", *between, f"{shown[-1]} and above"]
