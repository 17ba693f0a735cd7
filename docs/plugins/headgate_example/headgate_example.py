"""A source, a step, a check and a sink for Headgate."""

import datetime
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, ClassVar, Self

import polars as pl
from pydantic import Field, model_validator

from headgate.pipelines.checks.check import ColumnCheck, Table
from headgate.pipelines.endpoints.client import open_client
from headgate.pipelines.rules import Rule
from headgate.pipelines.sinks.sink import Delivered, Delivery, OutsideSink, SinkRows
from headgate.pipelines.sources.source import Fetched, FetchedFile, Fetching, OutsideSource
from headgate.pipelines.steps.step import Step, StepTable, Transform

SATURDAY = 6


def day(column: str, dtype: pl.DataType) -> pl.Expr:
    """The dates of a column, which text spells as 2026-03-31; null for what is none."""
    cell = pl.col(column)
    return cell if dtype == pl.Date else cell.cast(pl.String).str.to_date("%F", strict=False)


class Days(OutsideSource):
    """Every day of a span, in a column `date`."""

    kind: ClassVar[str] = "days"
    example: ClassVar[dict[str, Any]] = {"first": "2026-03-27", "last": "2026-04-02"}

    first: datetime.date = Field(description="The first day.")
    last: datetime.date = Field(description="The last day.")

    @model_validator(mode="after")
    def _check_span(self) -> Self:
        if self.last < self.first:
            raise ValueError("the last day lies before the first")
        return self

    def fetch(self, to: Fetching) -> Fetched:
        """Write the days into a file of the job."""
        days = pl.date_range(self.first, self.last, eager=True).alias("date")
        days.to_frame().write_parquet(to.folder / "days.parquet")
        return Fetched([FetchedFile("days.parquet")])


class NamedAfter(StrEnum):
    """The year that a fiscal year has its name from."""

    BEGIN = "BEGIN"
    END = "END"


class FiscalYear(Step):
    """Tells in a column `fiscal_year` in which fiscal year a date lies."""

    kind: ClassVar[str] = "fiscalYear"
    example: ClassVar[dict[str, Any]] = {"column": "date", "firstMonth": 4}
    records: ClassVar[list[dict[str, Any]]] = [{"date": "2026-03-31"}, {"date": "2026-04-01"}]

    column: str = Field(description="The column with the date.")
    first_month: int = Field(ge=2, le=12, description="The month in which fiscal years begin.")
    named_after: NamedAfter = Field(
        default=NamedAfter.END,
        description="Whether a fiscal year is called by the year of its begin or its end.",
    )

    def rules(self, table: StepTable) -> Iterable[Rule]:
        """A value is a date; a row with another one is rejected before it comes to the step."""
        table.require([self.column])
        unlike = day(self.column, table.schema[self.column]).is_null() & pl.col(self.column).is_not_null()
        yield self.rule("TYPE", self.column, unlike, "The value is no date such as 2026-03-31.")

    def prepare(self, table: StepTable) -> Transform:
        """Add the column to rows that have met the rules."""
        date = day(self.column, table.schema[self.column]).dt
        begin = date.year() - (date.month() < self.first_month)
        year = begin + (self.named_after is NamedAfter.END)
        return lambda rows: rows.with_columns(fiscal_year=year)


class Workday(ColumnCheck):
    """Each date is a day from Monday to Friday."""

    kind: ClassVar[str] = "workday"
    example: ClassVar[dict[str, Any]] = {"columns": ["date"]}
    records: ClassVar[list[dict[str, Any]]] = [{"date": "2026-03-27"}, {"date": "2026-03-28"}]

    def column_rules(self, table: Table, column: str) -> Iterable[Rule]:
        """A date is no Saturday and no Sunday; what is no date, the checks `date` and `type` find."""
        weekend = day(column, table.schema[column]).dt.weekday() >= SATURDAY
        yield self.rule("WEEKEND", column, weekend, "This is no workday.")


class Announce(OutsideSink):
    """Tells a web hook how many rows there are, and nothing else of them."""

    kind: ClassVar[str] = "announce"
    example: ClassVar[dict[str, Any]] = {"endpoint": "chat", "text": "Opening days:"}
    records: ClassVar[list[dict[str, Any]]] = [{"date": "2026-03-27"}]
    endpoints: ClassVar[Mapping[str, tuple[str, ...]]] = {"endpoint": ("HTTP",)}

    endpoint: str = Field(description="The endpoint of the web hook.")
    text: str = Field(
        default="Rows:", min_length=1, max_length=1_000, description="What is said before the number."
    )

    def write(self, rows: SinkRows, delivery: Delivery) -> Delivered:
        """Post the number of rows. By its key the other end tells that it has heard this already."""
        endpoint = delivery.outside.endpoint(self.endpoint, "HTTP")
        with open_client(endpoint, delivery.outside, delivery.watch) as client:
            said = {"text": f"{self.text} {rows.count}"}
            client.call("POST", json=said, idempotency_key=delivery.key)
        return Delivered(said=said)
