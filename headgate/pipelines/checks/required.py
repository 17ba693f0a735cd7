"""The check `required`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import polars as pl
from pydantic import Field

from headgate.pipelines.checks.check import ColumnCheck, Table
from headgate.pipelines.rules import Rule


class Required(ColumnCheck):
    """Each row has a value: neither null nor, unless `allowBlank` says otherwise, empty text or only blanks."""

    kind: ClassVar[str] = "required"
    example: ClassVar[dict[str, Any]] = {"columns": ["email"]}
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"email": "ann.lee@example.org"},
        {"email": ""},
    ]

    allow_blank: bool = Field(default=False, description="Whether empty text and blanks count as a value.")

    def column_rules(self, table: Table, column: str) -> Iterable[Rule]:
        """A value is there."""
        cell = pl.col(column)
        missing = cell.is_null()
        if table.schema[column] == pl.String and not self.allow_blank:
            missing = missing | (cell.str.strip_chars() == "").fill_null(False)
        yield self.rule("REQUIRED", column, missing, "A value is required here, and there is none.")
