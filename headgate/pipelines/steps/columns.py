"""How the settings of steps name columns, and what such columns have to hold."""

from collections.abc import Callable, Iterable
from typing import Annotated

import polars as pl
from pydantic import AfterValidator, Field

from headgate.errors import JobFault
from headgate.pipelines.steps.naming import checked_name
from headgate.pipelines.steps.step import Step, StepTable
from headgate.pipelines.types import is_text
from headgate.storage.columns import column_type

MAX_NAME_CHARACTERS = 255


def _distinct(names: list[str]) -> list[str]:
    if twice := next((name for number, name in enumerate(names) if name in names[:number]), None):
        raise ValueError(f"{twice} is named twice")
    return names


ColumnName = Annotated[str, Field(min_length=1)]
"""The name of a column that comes to the step."""
Columns = Annotated[list[ColumnName], Field(min_length=1), AfterValidator(_distinct)]
"""The names of one or more columns that come to the step, each once."""
NewName = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARACTERS), AfterValidator(checked_name)]
"""What a column can be called."""


class ColumnStep(Step):
    """A step that changes one or more columns, each by itself."""

    columns: Columns = Field(description="The columns to change.")


def require_text(table: StepTable, columns: Iterable[str]) -> None:
    """Raise JobFault where a column is not there (UNKNOWN_COLUMN), or holds no text (NOT_TEXT)."""
    _require(table, columns, is_text, "NOT_TEXT", "texts")


def require_flat(table: StepTable, columns: Iterable[str]) -> None:
    """Raise JobFault where a column is not there (UNKNOWN_COLUMN), or holds lists, structs or bytes (NESTED_COLUMN)."""
    _require(table, columns, _is_flat, "NESTED_COLUMN", "single values")


def _is_flat(dtype: pl.DataType) -> bool:
    return not dtype.is_nested() and dtype != pl.Binary


def _require(
    table: StepTable, columns: Iterable[str], fits: Callable[[pl.DataType], bool], code: str, wanted: str
) -> None:
    """A column without a type, in which all is null, fits anywhere."""
    columns = list(columns)
    table.require(columns)
    for column in columns:
        dtype = table.schema[column]
        if dtype != pl.Null and not fits(dtype):
            message = f"The column {column} holds {column_type(dtype)} values, and {wanted} are wanted."
            raise JobFault(code, message, "CONFIG", details={"column": column})
