"""The step `adMetrics`."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, Self

import polars as pl
from pydantic import Field, model_validator

from headgate.errors import JobFault
from headgate.pipelines.steps.grouping import merged, total
from headgate.pipelines.steps.naming import checked_names, refuse_alike
from headgate.pipelines.steps.step import Effect, Step, StepTable, Transform
from headgate.storage.columns import column_type


class AdMetric(StrEnum):
    """A figure that tells how well advertising does."""

    CTR = "CTR"
    CPC = "CPC"
    CPM = "CPM"
    CPA = "CPA"
    CVR = "CVR"
    ROAS = "ROAS"


PARTS: Mapping[AdMetric, tuple[str, str, int]] = {
    AdMetric.CTR: ("clicks", "impressions", 1),
    AdMetric.CPC: ("spend", "clicks", 1),
    AdMetric.CPM: ("spend", "impressions", 1000),
    AdMetric.CPA: ("spend", "conversions", 1),
    AdMetric.CVR: ("conversions", "clicks", 1),
    AdMetric.ROAS: ("revenue", "spend", 1),
}
"""What is divided by what, and for how many of the latter."""


class AdMetrics(Step):
    """Calculates figures of advertising: for each row, or for groups of rows of sums, which are divided last.

    ctr is clicks by impressions and cvr conversions by clicks, both as fractions; cpc is spend by clicks, cpa spend by
    conversions, roas revenue by spend, and cpm spend for a thousand impressions. Each is null where it would be divided
    by zero or by null, or null be divided. With `groupBy` each group becomes one row: its columns, the sums of what the
    figures are made of, and the figures.
    """

    kind: ClassVar[str] = "adMetrics"
    example: ClassVar[dict[str, Any]] = {"metrics": ["CTR", "CPC", "CPA"], "groupBy": ["campaign"]}
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"campaign": "Spring", "impressions": 1000, "clicks": 50, "spend": 25.0, "conversions": 5},
        {"campaign": "Spring", "impressions": 3000, "clicks": 50, "spend": 15.0, "conversions": 0},
        {"campaign": "Summer", "impressions": 800, "clicks": 0, "spend": 0.0, "conversions": 0},
    ]

    metrics: list[AdMetric] = Field(
        min_length=1, description="The figures; each becomes a column with its name in lower case."
    )
    group_by: list[str] = Field(
        default_factory=list,
        description="The columns whose values make a group; each row by itself where left out.",
    )
    impressions: str = Field(default="impressions", min_length=1, description="The column with impressions.")
    clicks: str = Field(default="clicks", min_length=1, description="The column with clicks.")
    spend: str = Field(default="spend", min_length=1, description="The column with what was spent.")
    conversions: str = Field(default="conversions", min_length=1, description="The column with conversions.")
    revenue: str = Field(default="revenue", min_length=1, description="The column with revenue.")

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        checked_names([*self.group_by, *self._inputs(), *(metric.lower() for metric in self.metrics)])
        return self

    def _inputs(self) -> list[str]:
        """The columns that the figures are made of."""
        parts = (part for metric in self.metrics for part in PARTS[metric][:2])
        return [self._column(part) for part in dict.fromkeys(parts)]

    def _column(self, part: str) -> str:
        return str(getattr(self, part))

    @property
    def effect(self) -> Effect:
        """With groups, the rows of each become one."""
        return Effect.MERGES if self.group_by else Effect.KEEPS

    def reads(self, table: StepTable) -> Iterable[str]:
        """The columns that the figures are made of."""
        return [name for name in self._inputs() if name in table.schema]

    def prepare(self, table: StepTable) -> Transform:
        """Raises JobFault: UNKNOWN_COLUMN, and NOT_NUMERIC for a column that holds no numbers."""
        table.require([*self.group_by, *self._inputs()])
        for name in self._inputs():
            _require_numbers(name, table.schema[name])
        figures = {metric.lower(): self._figure(metric) for metric in self.metrics}
        if self.group_by:
            sums = {name: total(name, table.schema[name]) for name in self._inputs()}
            return lambda rows: merged(rows, self.group_by, sums).with_columns(**figures)
        refuse_alike(table.schema, figures)
        return lambda rows: rows.with_columns(**figures)

    def _figure(self, metric: AdMetric) -> pl.Expr:
        part, whole, times = PARTS[metric]
        upper, lower = (pl.col(self._column(each)).cast(pl.Float64) for each in (part, whole))
        value = upper * times / pl.when(lower != 0).then(lower)
        return pl.when(value.is_finite()).then(value)


def _require_numbers(name: str, dtype: pl.DataType) -> None:
    if not (dtype.is_numeric() or dtype == pl.Null):
        message = f"The column {name} holds {column_type(dtype)} values, and not numbers."
        raise JobFault("NOT_NUMERIC", message, "CONFIG", details={"column": name})
