"""The step `sort`."""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from headgate.pipelines.kinds import Settings
from headgate.pipelines.steps.columns import ColumnName, require_flat
from headgate.pipelines.steps.naming import checked_names
from headgate.pipelines.steps.step import Step, StepTable, Transform


class SortOrder(StrEnum):
    """Which values come first."""

    ASC = "ASC"
    DESC = "DESC"


class SortedColumn(Settings):
    """A column to sort by."""

    column: ColumnName = Field(description="The column.")
    direction: SortOrder = Field(
        default=SortOrder.ASC,
        description="Whether the smallest values come first (ASC), or the greatest (DESC).",
    )


class Sort(Step):
    """Sorts the rows by one column, those that are equal there by the next one, and so on.

    Null comes last either way, and rows that are equal in all of the columns keep their order. Texts that spell
    numbers, dates or booleans are sorted as such, others by the code points of their characters. All rows are held in
    memory for it.
    """

    kind: ClassVar[str] = "sort"
    example: ClassVar[dict[str, Any]] = {"columns": [{"column": "spend", "direction": "DESC"}]}
    records: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"campaign": "spring", "spend": 12.5},
        {"campaign": "summer", "spend": 30.0},
    )

    columns: list[SortedColumn] = Field(
        min_length=1, description="The columns to sort by, one after the other."
    )

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        checked_names(column.column for column in self.columns)
        return self

    def reads(self, table: StepTable) -> Iterable[str]:
        """The columns to sort by."""
        return [column.column for column in self.columns]

    def prepare(self, table: StepTable) -> Transform:
        """Sort rows. Raises JobFault (NESTED_COLUMN) for lists and structs."""
        names = [column.column for column in self.columns]
        require_flat(table, names)
        falling = [column.direction is SortOrder.DESC for column in self.columns]
        return lambda rows: rows.sort(names, descending=falling, nulls_last=True, maintain_order=True)
