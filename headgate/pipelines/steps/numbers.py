"""Steps over numbers: what they take for one, and which rows they can't take."""

from collections.abc import Iterable, Iterator

import polars as pl

from headgate.errors import JobFault
from headgate.pipelines import suggestions
from headgate.pipelines.checks.natural import natural_type
from headgate.pipelines.checks.operands import number_of
from headgate.pipelines.rules import Rule
from headgate.pipelines.steps.step import Step, StepTable
from headgate.pipelines.types import is_text
from headgate.storage.columns import column_type


def require_numbers(table: StepTable, columns: Iterable[str]) -> None:
    """Raise JobFault where a column is not there (UNKNOWN_COLUMN), or holds no numbers (NOT_NUMERIC)."""
    columns = list(columns)
    table.require(columns)
    for column in columns:
        if not _is_numeric(table, column):
            dtype = table.schema[column]
            message = f"The column {column} holds {column_type(dtype)} values, and numbers are wanted."
            raise JobFault("NOT_NUMERIC", message, "CONFIG", details={"column": column})


def _is_numeric(table: StepTable, column: str) -> bool:
    dtype = table.schema[column]
    if is_text(dtype):
        return natural_type(table.sample.get_column(column)) in (None, pl.Float64())
    return dtype.is_numeric() or dtype == pl.Null


def number_rules(step: Step, table: StepTable, columns: Iterable[str]) -> Iterator[Rule]:
    """Texts that are still text spell finite numbers."""
    columns = list(columns)
    require_numbers(table, columns)
    for column in columns:
        dtype = table.schema[column]
        if is_text(dtype):
            fails = pl.col(column).is_not_null() & number_of(column, dtype).is_null()
            suggest = suggestions.suggesting(suggestions.number)
            yield step.rule("TYPE", column, fails, "The value is not a finite number.", suggest)


def number(table: StepTable, column: str) -> pl.Expr:
    """The number in a cell, as a double; NaN and infinity stay what they are."""
    dtype = table.schema[column]
    return number_of(column, dtype) if is_text(dtype) else pl.col(column).cast(pl.Float64)


def finite(table: StepTable, column: str) -> pl.Expr:
    """The finite number in a cell, as a double, and null for any other."""
    return number_of(column, table.schema[column])
