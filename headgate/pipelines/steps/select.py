"""The step `select`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from polars import selectors
from pydantic import Field

from headgate.pipelines.steps.columns import Columns, ColumnStep
from headgate.pipelines.steps.step import HIDDEN, StepTable, Transform


class Select(ColumnStep):
    """Keeps only the columns named, in this order."""

    kind: ClassVar[str] = "select"
    example: ClassVar[dict[str, Any]] = {"columns": ["email", "name"]}
    records: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"name": "Ada", "email": "ada@example.org", "note": "calls back"},
    )

    columns: Columns = Field(description="The columns to keep, in the order that they are to have.")

    def keeps_text(self, texts: frozenset[str]) -> frozenset[str]:
        """The columns that are kept."""
        return texts.intersection(self.columns)

    def prepare(self, table: StepTable) -> Transform:
        """Keep columns."""
        table.require(self.columns)
        return lambda rows: rows.select(selectors.starts_with(HIDDEN), *self.columns)
