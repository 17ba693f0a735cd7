"""What a table of Druid is made of: a timestamp, dimensions, and metrics where rows are rolled up."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from pydantic import Field, field_validator, model_validator

from headgate.errors import JobFault
from headgate.pipelines.kinds import Settings
from headgate.pipelines.steps.ad_metrics import AdMetric
from headgate.pipelines.steps.aggregate import AggregateFunction, MetricSettings
from headgate.storage.columns import Column, ColumnType

TIME = "__time"
"""What Druid calls the timestamp."""
RATIOS = frozenset(metric.lower() for metric in AdMetric)
ADDITIVE = (
    AggregateFunction.COUNT,
    AggregateFunction.SUM,
    AggregateFunction.MIN,
    AggregateFunction.MAX,
    AggregateFunction.COUNT_DISTINCT,
)
"""What can be made of parts of a group, and of these parts again."""
TIMES = (ColumnType.DATE, ColumnType.DATETIME, ColumnType.INTEGER, ColumnType.STRING)


class SegmentGranularity(StrEnum):
    """How long the stretches of time are that Druid keeps together."""

    HOUR = "HOUR"
    DAY = "DAY"
    WEEK = "WEEK"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"
    ALL = "ALL"


class DruidType(StrEnum):
    """How Druid keeps the values of a column."""

    LONG = "long"
    DOUBLE = "double"
    STRING = "string"

    @classmethod
    def of(cls, column: Column) -> "DruidType":
        """The type for a column; all but numbers is text."""
        numbers = {ColumnType.INTEGER: cls.LONG, ColumnType.FLOAT: cls.DOUBLE, ColumnType.DECIMAL: cls.DOUBLE}
        return numbers.get(column.type, cls.STRING)


class DruidTable(Settings):
    """How rows become those of a table of Druid."""

    timestamp_column: str = Field(
        min_length=1,
        description=(
            "The column with the time of a row: a date, a moment, text that is one as ISO 8601 writes it, or an "
            "integer that counts milliseconds since 1970. What names no time zone is in UTC."
        ),
    )
    segment_granularity: SegmentGranularity = Field(
        default=SegmentGranularity.DAY,
        description="How long the stretches of time are that Druid keeps together.",
    )
    metrics: list[MetricSettings] = Field(
        default_factory=list,
        description=(
            "What is kept of rows with the same timestamp and dimensions, which become one: COUNT, SUM, MIN, MAX or "
            "COUNT_DISTINCT, which is an estimate. By default every row is kept."
        ),
    )
    dimensions: list[str] | None = Field(
        default=None,
        min_length=1,
        description=(
            "The columns that are kept as they are; by default all but the timestamp, and with metrics all but those "
            "that metrics are made of and ratios such as ctr."
        ),
    )

    @field_validator("segment_granularity", mode="before")
    @classmethod
    def _in_capitals(cls, given: object) -> object:
        return given.upper() if isinstance(given, str) else given

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [self.timestamp_column, *(self.dimensions or ()), *(metric.name for metric in self.metrics)]
        twice = next((name for number, name in enumerate(names) if name in names[:number]), None)
        if twice is not None:
            raise ValueError(f"the name {twice} is given to two columns of the table")
        if TIME in names[1:]:
            raise ValueError(f"{TIME} is what Druid calls the timestamp; call the column otherwise")
        return self

    @model_validator(mode="after")
    def _check_metrics(self) -> Self:
        for metric in self.metrics:
            if metric.function not in ADDITIVE:
                known = ", ".join(ADDITIVE)
                raise ValueError(
                    f"Druid keeps no {metric.function} of rows that become one, as it can't be made of parts: take "
                    f"{known}, such as SUM and COUNT, and divide in queries"
                )
            if metric.function is AggregateFunction.COUNT and metric.column is not None:
                raise ValueError("COUNT counts rows here, and takes no column")
        if self.metrics:
            self._refuse_ratios()
        return self

    def _refuse_ratios(self) -> None:
        used = [*(metric.column or "" for metric in self.metrics), *(self.dimensions or ())]
        ratio = next((name for name in used if name.lower() in RATIOS), None)
        if ratio is not None:
            raise ValueError(
                f"{ratio} is a ratio, which is wrong for rows that become one: keep what it is made of, and divide in "
                "queries"
            )

    def laid_out(self, columns: Sequence[Column]) -> "Layout":
        """The table for rows with these columns. Raises JobFault: UNKNOWN_COLUMN, WRONG_TYPE."""
        known = {column.name: column for column in columns}
        timestamp = _required(known, self.timestamp_column)
        if timestamp.type not in TIMES:
            message = (
                f"The column {timestamp.name} holds no dates or moments, which the timestamp is made of."
            )
            raise JobFault("WRONG_TYPE", message, "CONFIG", details={"column": timestamp.name})
        metrics = [Metric.of(metric, known) for metric in self.metrics]
        if self.dimensions is not None:
            dimensions, left_out = [_required(known, name) for name in self.dimensions], []
        else:
            taken = {timestamp.name, *(metric.column.name for metric in metrics if metric.column)}
            others = [column for column in columns if column.name not in taken]
            dimensions = [column for column in others if not (metrics and column.name.lower() in RATIOS)]
            left_out = [column.name for column in others if column not in dimensions]
        if any(column.name == TIME for column in dimensions):
            message = f"{TIME} is what Druid calls the timestamp. Rename the column, or leave it out."
            raise JobFault("WRONG_COLUMN", message, "CONFIG", details={"column": TIME})
        return Layout(timestamp, dimensions, metrics, self.segment_granularity, left_out)


def _required(known: dict[str, Column], name: str) -> Column:
    if name not in known:
        message = f"The rows have no column {name}, which the table of Druid is to be made of."
        raise JobFault("UNKNOWN_COLUMN", message, "CONFIG", details={"columns": list(known)})
    return known[name]


@dataclass(frozen=True, slots=True)
class Metric:
    """What is kept of a column's values, or of rows, under a name."""

    name: str
    function: AggregateFunction
    column: Column | None

    @classmethod
    def of(cls, metric: MetricSettings, known: dict[str, Column]) -> "Metric":
        """Find the column. Raises JobFault: UNKNOWN_COLUMN, and NOT_NUMERIC for one that holds no numbers."""
        column = None if metric.column is None else _required(known, metric.column)
        is_of_numbers = metric.function is not AggregateFunction.COUNT_DISTINCT
        if column is not None and is_of_numbers and DruidType.of(column) is DruidType.STRING:
            message = f"{metric.function} takes numbers, and {column.name} is {column.type}."
            raise JobFault("NOT_NUMERIC", message, "CONFIG", details={"column": column.name})
        return cls(metric.name, metric.function, column)


@dataclass(frozen=True, slots=True)
class Layout:
    """A table of Druid for rows with certain columns; `left_out` are ratios, which it has none of."""

    timestamp: Column
    dimensions: Sequence[Column]
    metrics: Sequence[Metric]
    granularity: SegmentGranularity
    left_out: Sequence[str] = ()

    @property
    def values(self) -> list[Column]:
        """The columns that are read, but for the timestamp."""
        of_metrics = [metric.column for metric in self.metrics if metric.column is not None]
        return list({column.name: column for column in (*self.dimensions, *of_metrics)}.values())
