"""The step `drop`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from headgate.errors import JobFault
from headgate.pipelines.steps.columns import Columns, ColumnStep
from headgate.pipelines.steps.step import StepTable, Transform


class Drop(ColumnStep):
    """Leaves out the columns named."""

    kind: ClassVar[str] = "drop"
    example: ClassVar[dict[str, Any]] = {"columns": ["note"]}
    records: ClassVar[Sequence[Mapping[str, Any]]] = ({"name": "Ada", "note": "calls back"},)

    columns: Columns = Field(description="The columns to leave out.")

    def keeps_text(self, texts: frozenset[str]) -> frozenset[str]:
        """The columns that are kept."""
        return texts.difference(self.columns)

    def prepare(self, table: StepTable) -> Transform:
        """Leave columns out. Raises JobFault (NO_COLUMN_LEFT) where these are all."""
        table.require(self.columns)
        if len(self.columns) == len(table.schema):
            raise JobFault("NO_COLUMN_LEFT", "To leave out all columns would leave nothing.", "CONFIG")
        return lambda rows: rows.drop(self.columns)
