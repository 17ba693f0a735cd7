"""The step `aggregate`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, Self

import polars as pl
from pydantic import Field, field_validator, model_validator

from headgate.errors import JobFault
from headgate.pipelines.kinds import Settings
from headgate.pipelines.steps.grouping import merged, total
from headgate.pipelines.steps.naming import checked_name, checked_names
from headgate.pipelines.steps.step import Effect, Step, StepTable, Transform
from headgate.storage.columns import column_type


class AggregateFunction(StrEnum):
    """What is made of the values of a group."""

    COUNT = "COUNT"
    COUNT_DISTINCT = "COUNT_DISTINCT"
    SUM = "SUM"
    MEAN = "MEAN"
    MIN = "MIN"
    MAX = "MAX"
    MEDIAN = "MEDIAN"
    STDDEV = "STDDEV"


OF_NUMBERS = frozenset(
    {AggregateFunction.SUM, AggregateFunction.MEAN, AggregateFunction.MEDIAN, AggregateFunction.STDDEV}
)
OF_VALUES = OF_NUMBERS | {AggregateFunction.MIN, AggregateFunction.MAX}
"""These take text for what it spells, the others for text."""


class MetricSettings(Settings):
    """One value of a group."""

    function: AggregateFunction = Field(description="What is made of the column's values; null is no value.")
    column: str | None = Field(
        default=None, min_length=1, description="The column; COUNT without one counts rows."
    )
    as_: str | None = Field(
        default=None,
        alias="as",
        min_length=1,
        description="What the new column is called; the function and the column, such as sum_spend, where left out.",
    )

    @field_validator("as_")
    @classmethod
    def _check_name(cls, name: str | None) -> str | None:
        return None if name is None else checked_name(name)

    @model_validator(mode="after")
    def _check_column(self) -> Self:
        if self.column is None and self.function is not AggregateFunction.COUNT:
            raise ValueError(f"{self.function} needs a column")
        return self

    @property
    def name(self) -> str:
        """What the new column is called."""
        parts = (self.function.lower(), self.column)
        return self.as_ or "_".join(part for part in parts if part is not None)


class Aggregate(Step):
    """Makes one row of each group of rows: the columns of the group, and sums, counts and the like of others.

    Rows belong together where they have the same values in the columns of `groupBy`, null among them; without any, all
    rows are one group. The groups stand in the order in which they first come. All other columns are left out.
    """

    kind: ClassVar[str] = "aggregate"
    example: ClassVar[dict[str, Any]] = {
        "groupBy": ["campaign"],
        "metrics": [
            {"function": "SUM", "column": "spend", "as": "spend"},
            {"function": "COUNT", "as": "days"},
        ],
    }
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"campaign": "Spring", "date": "2024-03-01", "spend": 12.5},
        {"campaign": "Summer", "date": "2024-03-01", "spend": 3.0},
        {"campaign": "Spring", "date": "2024-03-02", "spend": 7.5},
    ]

    group_by: list[str] = Field(default_factory=list, description="The columns whose values make a group.")
    metrics: list[MetricSettings] = Field(min_length=1, description="The values of each group.")

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        checked_names([*self.group_by, *(metric.name for metric in self.metrics)])
        return self

    @property
    def effect(self) -> Effect:
        """The rows of a group become one."""
        return Effect.MERGES

    def reads(self, table: StepTable) -> Iterable[str]:
        """The columns of which sums, means, the smallest or the largest are wanted."""
        wanted = (metric.column or "" for metric in self.metrics if metric.function in OF_VALUES)
        return list(
            dict.fromkeys(name for name in wanted if name in table.schema and name not in self.group_by)
        )

    def prepare(self, table: StepTable) -> Transform:
        """Raises JobFault: UNKNOWN_COLUMN, and NOT_NUMERIC for a sum or the like of what is no number."""
        table.require(
            [*self.group_by, *(metric.column for metric in self.metrics if metric.column is not None)]
        )
        values = {metric.name: value_of(metric, table.schema) for metric in self.metrics}
        return lambda rows: merged(rows, self.group_by, values)


def value_of(metric: MetricSettings, schema: pl.Schema) -> pl.Expr:
    """What a metric makes of a group. Raises JobFault: NOT_NUMERIC, NESTED_COLUMN."""
    if metric.column is None:
        return pl.len().cast(pl.Int64)
    dtype = schema[metric.column]
    if metric.function in OF_NUMBERS and not (dtype.is_numeric() or dtype == pl.Null):
        message = f"{metric.function} takes numbers, and {metric.column} holds {column_type(dtype)} values."
        raise JobFault("NOT_NUMERIC", message, "CONFIG", details={"column": metric.column})
    if metric.function in OF_VALUES and dtype.is_nested():
        message = (
            f"{metric.function} takes single values, and {metric.column} holds {column_type(dtype)} values."
        )
        raise JobFault("NESTED_COLUMN", message, "CONFIG", details={"column": metric.column})
    return _FUNCTIONS[metric.function](metric.column, dtype)


_FUNCTIONS: Mapping[AggregateFunction, Callable[[str, pl.DataType], pl.Expr]] = {
    AggregateFunction.COUNT: lambda name, dtype: pl.col(name).count().cast(pl.Int64),
    AggregateFunction.COUNT_DISTINCT: lambda name, dtype: pl.col(name).drop_nulls().n_unique().cast(pl.Int64),
    AggregateFunction.SUM: total,
    AggregateFunction.MEAN: lambda name, dtype: pl.col(name).mean(),
    AggregateFunction.MIN: lambda name, dtype: pl.col(name).min(),
    AggregateFunction.MAX: lambda name, dtype: pl.col(name).max(),
    AggregateFunction.MEDIAN: lambda name, dtype: pl.col(name).median(),
    AggregateFunction.STDDEV: lambda name, dtype: pl.col(name).std(),
}
