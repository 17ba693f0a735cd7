"""What all checks have in common, and what they know about the table that they check."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import ClassVar

import numpy as np
import polars as pl
from pydantic import Field

from headgate.pipelines.kinds import Kind
from headgate.pipelines.prepared import Watch
from headgate.pipelines.rowmap import Numbers, RowMap
from headgate.pipelines.rules import Finding, Rule, Severity, Suggest
from headgate.storage.datasets import Snapshot, WriteMode
from headgate.storage.tablefolders import TableFolder


@dataclass(frozen=True)
class Present:
    """The dataset that the rows go into, as it is before: `snapshot` is None where it has no version yet.

    `earlier` holds those of its rows that came from the same input as these, by jobs whose rejected rows these are.
    """

    folder: TableFolder
    snapshot: Snapshot | None
    mode: WriteMode
    keys: Sequence[str]
    earlier: Snapshot | None = None


@dataclass(frozen=True)
class Table:
    """The rows to check. `frame` holds ROW_INDEX and the columns, text where the source is text; it can be scanned.

    `sample` are some of its rows, without ROW_INDEX. `records` counts those of the source, and so also those that
    could not be read and are in no frame. `datasets` are the folders of the datasets that checks refer to. `now` is
    when the check takes place, in UTC.
    """

    frame: pl.LazyFrame
    sample: pl.DataFrame
    records: int
    watch: Watch
    rows: RowMap | None = None
    datasets: Mapping[str, TableFolder] | None = None
    present: Present | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @cached_property
    def schema(self) -> pl.Schema:
        """The types of all columns, ROW_INDEX among them."""
        return self.frame.collect_schema()

    def row_numbers(self, indexes: Numbers) -> Numbers:
        """The 1-based record numbers of rows, by their ROW_INDEX."""
        return indexes.astype(np.int64) + 1 if self.rows is None else self.rows.locate(indexes)[0]


class Check(Kind):
    """What can be set for every check.

    `of_whole_input` is true of those that make no sense for a part of an input, such as its rejected rows, and
    `looks_further` of those for which more than the row itself counts: other rows, or a dataset.
    """

    of_whole_input: ClassVar[bool] = False
    looks_further: ClassVar[bool] = False

    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="What errors call this check; the name of its kind where it is left out.",
    )
    severity: Severity = Field(
        default=Severity.ERROR,
        description="ERROR rejects a row that fails, WARNING accepts it and tells.",
    )
    max_failed_rows: int | None = Field(
        default=None, ge=0, description="The job fails where more rows than this fail the check."
    )
    max_failed_percent: float | None = Field(
        default=None,
        ge=0,
        le=100,
        description="The job fails where more of 100 rows than this fail the check.",
    )

    @property
    def label(self) -> str:
        """What errors call this check."""
        return self.name or self.kind

    def rule(
        self,
        code: str,
        column: str | None,
        fails: pl.Expr,
        message: str,
        *,
        suggest: Suggest | None = None,
        messages: Callable[[pl.Series], pl.Series] | None = None,
        columns: Sequence[str] = (),
    ) -> Rule:
        """A rule of this check."""
        return Rule(code, column, fails, message, self.label, self.severity, suggest, messages, columns)

    def finding(self, code: str, column: str | None, message: str, value: str | None = None) -> Finding:
        """A fault that this check finds in the input as a whole."""
        return Finding(code, column, message, self.label, self.severity, value)

    @property
    def sees_dataset(self) -> bool:
        """Whether what it finds depends on the rows that the dataset has already."""
        return False

    @abstractmethod
    def rules(self, table: Table) -> Iterable[Rule | Finding]:
        """What the rows are held against.

        Whatever needs to see all rows first scans the table here. Raises JobFault where that is not possible.
        """


class ColumnCheck(Check):
    """A check of one or more columns, each by itself."""

    columns: list[str] = Field(min_length=1, description="The columns to check.")

    def rules(self, table: Table) -> Iterable[Rule | Finding]:
        """The rules of each column; one that is missing is a finding."""
        for column in dict.fromkeys(self.columns):
            if column in table.schema:
                yield from self.column_rules(table, column)
            else:
                yield missing_column(self, column)

    @abstractmethod
    def column_rules(self, table: Table, column: str) -> Iterable[Rule | Finding]:
        """The rules of one column that is there."""


def missing_column(check: Check, column: str) -> Finding:
    """Say that a column which is to be checked is not there."""
    message = f"There is no column {column} to check. Name the column so, or leave the check out."
    return check.finding("MISSING_COLUMN", column, message)
