"""JSON that stands in texts: what such a text holds, and as what values that differ from row to row can be kept.

Python reads it: Polars needs to know beforehand what all of a column hold, and loses what doesn't fit.
"""

import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import polars as pl

from headgate.storage.columns import plain_text

INTEGER_LIMIT = 2**63
NOTHING = object()
"""What a text holds that is no JSON."""


class JsonKind(StrEnum):
    """What a value of JSON is, as far as it says what a column of such values can be."""

    BOOLEAN = "BOOLEAN"
    INTEGER = "INTEGER"
    NUMBER = "NUMBER"
    TEXT = "TEXT"


DTYPES = {
    JsonKind.BOOLEAN: pl.Boolean(),
    JsonKind.INTEGER: pl.Int64(),
    JsonKind.NUMBER: pl.Float64(),
    JsonKind.TEXT: pl.String(),
}


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def parse(text: str) -> Any:
    """What a text holds; NOTHING where it is no JSON, or is nested too deeply to be read."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return NOTHING


def kind_of(value: Any) -> JsonKind | None:
    """The kind of a value, None of null; objects and arrays are kept as their texts, and so are huge integers."""
    match value:
        case None:
            return None
        case bool():
            return JsonKind.BOOLEAN
        case int() if -INTEGER_LIMIT <= value < INTEGER_LIMIT:
            return JsonKind.INTEGER
        case float():
            return JsonKind.NUMBER
    return JsonKind.TEXT


def dtype_for(kinds: Iterable[JsonKind]) -> pl.DataType:
    """The type that holds values of all these kinds."""
    found = set(kinds)
    if found == {JsonKind.INTEGER, JsonKind.NUMBER}:
        return DTYPES[JsonKind.NUMBER]
    return DTYPES[found.pop()] if len(found) == 1 else DTYPES[JsonKind.TEXT]


def values_as(values: Sequence[Any], dtype: pl.DataType) -> list[Any]:
    """Values as those of a type that dtype_for has found for their kinds."""
    if dtype == pl.String:
        return [None if value is None else plain_text(value) for value in values]
    return [None if value is None else float(value) for value in values] if dtype == pl.Float64 else [*values]
