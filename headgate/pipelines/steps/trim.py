"""The step `trim`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import polars as pl
from pydantic import Field

from headgate.pipelines.steps.columns import Columns, require_text
from headgate.pipelines.steps.step import Step, StepTable, Transform
from headgate.pipelines.types import is_text


class Trim(Step):
    """Takes blanks, or other characters, off both ends of texts.

    Blanks are whatever Unicode calls so, tabs and line ends among them. A text of which nothing is left becomes null,
    unless `emptyAsNull` says otherwise.
    """

    kind: ClassVar[str] = "trim"
    example: ClassVar[dict[str, Any]] = {"columns": ["name"]}
    records: ClassVar[Sequence[Mapping[str, Any]]] = ({"name": " Ada "}, {"name": "  "})

    columns: Columns | None = Field(
        default=None, description="The columns to trim; all that hold text where they are left out."
    )
    chars: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="The characters to take off; blanks where they are left out.",
    )
    empty_as_null: bool = Field(
        default=True, description="Whether a text of which nothing is left becomes null."
    )

    def prepare(self, table: StepTable) -> Transform:
        """Trim texts."""
        texts = [column for column, dtype in table.schema.items() if is_text(dtype)]
        if self.columns is not None:
            require_text(table, self.columns)
            texts = [column for column in self.columns if column in texts]
        trimmed = [self._trimmed(column, table.schema[column]) for column in texts]
        return lambda rows: rows.with_columns(trimmed)

    def _trimmed(self, column: str, dtype: pl.DataType) -> pl.Expr:
        text = (pl.col(column) if dtype == pl.String else pl.col(column).cast(pl.String)).str.strip_chars(
            self.chars
        )
        return pl.when(text != "").then(text).alias(column) if self.empty_as_null else text
