"""The check `numeric`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import polars as pl

from headgate.pipelines import suggestions
from headgate.pipelines.checks.check import ColumnCheck, Table
from headgate.pipelines.checks.operands import number_of
from headgate.pipelines.rules import Rule


class Numeric(ColumnCheck):
    """Each value is a finite number: 5, -0.25, +5, 05, .5 and 1e3 are, while NaN, inf, 1,5 and empty text are not."""

    kind: ClassVar[str] = "numeric"
    example: ClassVar[dict[str, Any]] = {"columns": ["spend"]}
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"spend": "12.50"},
        {"spend": "12,50"},
    ]

    def column_rules(self, table: Table, column: str) -> Iterable[Rule]:
        """A value is a number."""
        number = number_of(column, table.schema[column])
        fails = number.is_null() & pl.col(column).is_not_null()
        suggest = suggestions.suggesting(suggestions.number)
        yield self.rule("TYPE", column, fails, "The value is not a finite number.", suggest=suggest)
