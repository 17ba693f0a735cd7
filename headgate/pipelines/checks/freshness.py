"""The check `freshness`."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from pydantic import Field, field_validator

from headgate.pipelines.checks.check import Check, Table, missing_column
from headgate.pipelines.checks.operands import checked_form, moment_of
from headgate.pipelines.checks.scans import watched
from headgate.pipelines.rules import Finding

MAX_AGE_HOURS = 100 * 366 * 24


class Freshness(Check):
    """The newest date or moment of a column is not too old. A date counts as its first moment, in UTC.

    Values that are no dates are passed over; the checks `date` and `type` find them.
    """

    of_whole_input: ClassVar[bool] = True
    looks_further: ClassVar[bool] = True
    kind: ClassVar[str] = "freshness"
    example: ClassVar[dict[str, Any]] = {"column": "date", "maxAgeHours": 48}
    # A day that stays ahead, for whoever runs this later.
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"date": "2025-12-31"},
        {"date": "2999-12-31"},
    ]

    column: str = Field(description="The column with the dates or moments.")
    max_age_hours: float = Field(gt=0, le=MAX_AGE_HOURS, description="How old the newest may be, in hours.")
    format: str | None = Field(
        default=None,
        max_length=100,
        description="How text spells a date or moment, as strftime says it; ISO 8601 where it is left out.",
    )

    @field_validator("format")
    @classmethod
    def _check_format(cls, form: str | None) -> str | None:
        return None if form is None else checked_form(form)

    def rules(self, table: Table) -> Iterable[Finding]:
        """The newest value is new enough, and there is one."""
        if self.column not in table.schema:
            yield missing_column(self, self.column)
            return
        newest = self._newest(table)
        if newest is None:
            message = f"The column {self.column} holds no date or moment, so that its data can't be fresh."
            yield self.finding("FRESHNESS", self.column, message)
        elif table.now - newest > timedelta(hours=self.max_age_hours):
            message = (
                f"The newest value of {self.column} is {newest:%Y-%m-%d %H:%M:%S} UTC; "
                f"it must not be older than {self.max_age_hours:g} hours."
            )
            yield self.finding("FRESHNESS", self.column, message, newest.isoformat())

    def _newest(self, table: Table) -> datetime | None:
        moment = moment_of(self.column, table.schema[self.column], self.format)
        rows = watched(table, self.column)
        newest = rows.select(moment.max()).collect(engine="streaming").item()
        return None if newest is None else newest.replace(tzinfo=UTC)
