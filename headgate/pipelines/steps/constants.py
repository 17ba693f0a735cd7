"""Constants: single values that settings of steps hold, as values of a column."""

import math
from typing import Annotated

import polars as pl
from pydantic import PlainValidator, WithJsonSchema

from headgate.errors import JobFault
from headgate.pipelines.checks.operands import cast_to
from headgate.pipelines.types import is_text
from headgate.storage.columns import column_type, plain_text

MAX_CHARACTERS = 10_000
INTEGER_LIMIT = 2**63


def _constant(value: object) -> object:
    match value:
        case bool():
            return value
        case str() if len(value) <= MAX_CHARACTERS:
            return value
        case int() if -INTEGER_LIMIT <= value < INTEGER_LIMIT:
            return value
        case float() if math.isfinite(value):
            return value
    raise ValueError(f"give a text of up to {MAX_CHARACTERS:,} characters, a number, true or false")


Constant = Annotated[
    str | int | float | bool,
    PlainValidator(_constant),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]
"""A text, a number, true or false."""


def spelled(value: str | int | float | bool) -> str:
    """A constant as the cells of a text column spell it: as JSON does, but for 1.0, which is 1."""
    return plain_text(int(value) if isinstance(value, float) and value.is_integer() else value)


def constant(value: str | int | float | bool, column: str, dtype: pl.DataType) -> pl.Series:
    """A constant as the one value of a series, of the type of a column; in a column of all nulls, of its own type.

    Raises JobFault (UNFIT_VALUE) where the column's type has no such value.
    """
    if is_text(dtype):
        return pl.Series([spelled(value)], dtype=pl.String)
    given = pl.Series("value", [value])
    if dtype == pl.Null:
        return given
    fitting = given.to_frame().select(cast_to("value", given.dtype, dtype)).to_series()
    if fitting.has_nulls():
        message = (
            f"{spelled(value)!r} is no value of the column {column}, which holds {column_type(dtype)} values."
        )
        raise JobFault("UNFIT_VALUE", message, "CONFIG", details={"column": column})
    return fitting
