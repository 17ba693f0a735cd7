"""What the settings of steps say of columns, and what keeps the names of columns apart."""

from collections.abc import Callable, Iterable
from typing import Annotated

import polars as pl
from pydantic import AfterValidator, Field

from headgate.errors import JobFault
from headgate.pipelines.readers.naming import check_keys
from headgate.pipelines.steps.step import Step, StepTable
from headgate.pipelines.types import is_text
from headgate.storage.columns import column_type

MAX_NAME_CHARACTERS = 255


def _distinct(names: list[str]) -> list[str]:
    if twice := next((name for number, name in enumerate(names) if name in names[:number]), None):
        raise ValueError(f"{twice} is named twice")
    return names


def _can_name(name: str) -> str:
    try:
        check_keys([name])
    except JobFault as fault:
        raise ValueError(fault.message) from fault
    return name


ColumnName = Annotated[str, Field(min_length=1)]
"""The name of a column that comes to the step."""
Columns = Annotated[list[ColumnName], Field(min_length=1), AfterValidator(_distinct)]
"""The names of one or more columns that come to the step, each once."""
NewName = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARACTERS), AfterValidator(_can_name)]
"""What a column can be called."""


class ColumnStep(Step):
    """A step that changes one or more columns, each by itself."""

    columns: Columns = Field(description="The columns to change.")


def check_distinct(names: Iterable[str]) -> None:
    """Raise ValueError where two names are the same, or differ in their case alone."""
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise ValueError(f"two columns would be named {name}; upper and lower case are no difference")
        seen.add(name.casefold())


def require_free(taken: Iterable[str], names: Iterable[str]) -> None:
    """Raise JobFault (COLUMN_EXISTS) where a new column has the name of another one, be it in another case."""
    seen = {name.casefold() for name in taken}
    for name in names:
        if name.casefold() in seen:
            message = f"There is a column {name} already; upper and lower case are no difference."
            raise JobFault("COLUMN_EXISTS", message, "CONFIG", details={"column": name})
        seen.add(name.casefold())


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
