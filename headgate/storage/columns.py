"""Columns of stored data: their types, and how typed values become JSON again."""

import base64
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

import polars as pl

MAX_SAFE_INTEGER = 2**53 - 1
"""The largest integer that every JSON client reads back exactly (IEEE 754 double)."""


class ColumnType(StrEnum):
    """The type of a column, as clients see it."""

    STRING = "STRING"
    INTEGER = "INTEGER"
    FLOAT = "FLOAT"
    DECIMAL = "DECIMAL"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    TIME = "TIME"
    DATETIME = "DATETIME"
    DURATION = "DURATION"
    BINARY = "BINARY"
    LIST = "LIST"
    STRUCT = "STRUCT"
    NULL = "NULL"


@dataclass(frozen=True, slots=True)
class Column:
    """One column: `form` is the spelling its text had in the source, where the type alone doesn't tell."""

    name: str
    dtype: pl.DataType
    form: str | None = None

    @property
    def type(self) -> ColumnType:
        return column_type(self.dtype)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "type": self.type.value,
            "nativeType": str(self.dtype),
            "nullable": True,
            "form": self.form,
        }


def column_type(dtype: pl.DataType) -> ColumnType:
    """The client's type of a Polars type."""
    if dtype.is_integer():
        return ColumnType.INTEGER
    if dtype.is_float():
        return ColumnType.FLOAT
    return _TYPES.get(dtype.base_type(), ColumnType.STRING)


_TYPES: dict[Any, ColumnType] = {
    pl.Decimal: ColumnType.DECIMAL,
    pl.Boolean: ColumnType.BOOLEAN,
    pl.Date: ColumnType.DATE,
    pl.Time: ColumnType.TIME,
    pl.Datetime: ColumnType.DATETIME,
    pl.Duration: ColumnType.DURATION,
    pl.Binary: ColumnType.BINARY,
    pl.List: ColumnType.LIST,
    pl.Array: ColumnType.LIST,
    pl.Struct: ColumnType.STRUCT,
    pl.Null: ColumnType.NULL,
}


def inner_type(dtype: pl.List | pl.Array) -> pl.DataType:
    """The type of a list's items."""
    return dtype.inner if isinstance(dtype.inner, pl.DataType) else dtype.inner()


def fields_of(dtype: pl.Struct) -> dict[str, pl.DataType]:
    """The types of a struct's fields by name."""
    return dict(zip((field.name for field in dtype.fields), map(_field_type, dtype.fields), strict=True))


def _field_type(field: pl.Field) -> pl.DataType:
    return field.dtype if isinstance(field.dtype, pl.DataType) else field.dtype()


def json_records(frame: pl.DataFrame, forms: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """The rows as JSON objects in which every value is exact.

    Integers beyond 2^53-1, decimals, dates and times travel as text, binary as base64, floats that JSON
    has no number for as "NaN" and "Infinity"; a column with a form is spelled as its source spelled it.
    """
    columns = [_json_values(frame[name], forms.get(name)) for name in frame.columns]
    return [dict(zip(frame.columns, row, strict=True)) for row in zip(*columns, strict=True)]


def _json_values(series: pl.Series, form: str | None) -> Iterable[Any]:
    if series.dtype.base_type() is pl.Datetime and form is not None:
        return series.dt.to_string(form).to_list()
    if series.dtype.is_float() and form == WHOLE:
        return [_whole(value) for value in series.to_list()]
    if series.dtype in (pl.String, pl.Boolean) or _is_plain(series):
        return series.to_list()
    return [json_value(value) for value in series.to_list()]


def _is_plain(series: pl.Series) -> bool:
    """Whether all of its values are numbers that JSON has as they are."""
    if series.dtype.is_integer():
        # Not by Polars, which can't compare small integers with numbers that they can't be.
        low, high = (_as_integer(bound) for bound in (series.min(), series.max()))
        return low >= -MAX_SAFE_INTEGER and high <= MAX_SAFE_INTEGER
    return series.dtype.is_float() and bool(series.is_finite().all())


def _as_integer(bound: Any) -> int:
    return 0 if bound is None else int(bound)


WHOLE = "1"
"""The form of a FLOAT column whose source wrote whole numbers without a point."""


def _whole(value: float | None) -> Any:
    if value is not None and value.is_integer() and abs(value) <= MAX_SAFE_INTEGER and str(value) != "-0.0":
        return int(value)
    return json_value(value)


def json_value(value: Any) -> Any:
    """One value of a Polars cell as JSON that loses nothing."""
    convert = _CONVERTERS.get(type(value))
    return value if convert is None else convert(value)


def _integer(value: int) -> int | str:
    return value if -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER else str(value)


def _float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")


def _decimal(value: Decimal) -> str:
    return format(value, "f")


def _datetime(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def _binary(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _list(value: list[Any]) -> list[Any]:
    return [json_value(item) for item in value]


def _struct(value: dict[str, Any]) -> dict[str, Any]:
    return {key: json_value(item) for key, item in value.items()}


_CONVERTERS: dict[type, Callable[[Any], Any]] = {
    int: _integer,
    float: _float,
    Decimal: _decimal,
    datetime: _datetime,
    date: date.isoformat,
    time: time.isoformat,
    timedelta: str,
    bytes: _binary,
    list: _list,
    pl.Series: lambda series: _list(series.to_list()),
    dict: _struct,
}


def json_text(value: Any) -> str:
    """Compact JSON text of a converted value."""
    return json.dumps(json_value(value), ensure_ascii=False, separators=(",", ":"))


def plain_text(value: Any) -> str:
    """A value as text: as JSON, but without the quotes that JSON puts around a text or a date."""
    converted = json_value(value)
    return converted if isinstance(converted, str) else json_text(converted)
