"""Filters of rows: conditions with JSON values, turned into expressions over typed columns."""

import functools
import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

import polars as pl

from headgate.errors import UserFault
from headgate.storage.columns import Column, ColumnType, column_type

MAX_CONDITIONS = 200
MAX_LISTED_VALUES = 1_000
MAX_DEPTH = 20


class _Unset:
    def __repr__(self) -> str:
        return "UNSET"


SPELLED = {
    **{name: name for name in ("column", "eq", "ne", "gt", "gte", "lt", "lte", "contains")},
    **{
        "in": "in_",
        "and": "and_",
        "or": "or_",
        "not": "not_",
        "startsWith": "starts_with",
        "isNull": "is_null",
    },
}
"""The names that people write -> the fields of RowFilter."""
UNSET: Any = _Unset()
"""In place of an operator's value where the operator isn't used: None is a value."""


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Conditions joined by AND; values are JSON. `eq: None` means that the cell is null."""

    column: str | None = None
    eq: Any = UNSET
    ne: Any = UNSET
    gt: Any = UNSET
    gte: Any = UNSET
    lt: Any = UNSET
    lte: Any = UNSET
    in_: Sequence[Any] | None = None
    contains: str | None = None
    starts_with: str | None = None
    is_null: bool | None = None
    and_: Sequence["RowFilter"] = ()
    or_: Sequence["RowFilter"] | None = None
    not_: "RowFilter | None" = None

    def to_json(self) -> dict[str, Any]:
        """The conditions that are used, as JSON that `from_json` reads."""
        return {
            each.name: _filter_json(value)
            for each in fields(self)
            if (value := getattr(self, each.name)) is not UNSET and value is not each.default
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "RowFilter":
        """Read what `to_json` wrote."""
        inner: dict[str, Any] = {
            name: tuple(map(cls.from_json, data[name])) for name in ("and_", "or_") if name in data
        }
        if "not_" in data:
            inner["not_"] = cls.from_json(data["not_"])
        return cls(**{**data, **inner})

    @classmethod
    def from_spec(cls, given: Any, depth: int = 0) -> "RowFilter":
        """Read a filter as people write it, such as {"column": "a", "gte": 1}. Raises ValueError."""
        if not isinstance(given, Mapping) or depth > MAX_DEPTH:
            raise ValueError(f"a filter is an object of conditions, nested {MAX_DEPTH} levels at most")
        if unknown := given.keys() - SPELLED.keys():
            raise ValueError(f"a filter has no {min(unknown)}; it has {', '.join(SPELLED)}")
        return cls(**{SPELLED[name]: cls._inner(name, value, depth + 1) for name, value in given.items()})

    @classmethod
    def _inner(cls, name: str, value: Any, depth: int) -> Any:
        if name == "not":
            return cls.from_spec(value, depth)
        if name not in ("and", "or"):
            return value
        if not isinstance(value, list):
            raise ValueError(f"{name} takes a list of filters")
        return tuple(cls.from_spec(each, depth) for each in value)


def _filter_json(value: Any) -> Any:
    if isinstance(value, RowFilter):
        return value.to_json()
    if isinstance(value, list | tuple):
        return [_filter_json(each) for each in value]
    return value


def known_column(types: Mapping[str, Column], name: str) -> Column:
    """The column of this name. Raises UserFault UNKNOWN_COLUMN."""
    if name not in types:
        known = ", ".join(list(types)[:20])
        raise UserFault(
            "UNKNOWN_COLUMN", f"There is no column {name}. The columns are: {known}.", ("column",)
        )
    return types[name]


@dataclass
class Conditions:
    """Turns filters into expressions; counts their conditions, so that no filter is without bound."""

    types: Mapping[str, Column]
    count: int = field(default=0, init=False)

    def expression(self, wanted: RowFilter, depth: int = 0, *, exact: bool = False) -> pl.Expr:
        """One boolean expression; a comparison with a null cell is false, or null where it needn't be `exact`.

        A filter keeps no row for which it is null, and without more around it a reader leaves out what the statistics
        of a file tell apart. Only the opposite of a condition, which a null would still be null in, has to be exact.
        """
        if depth > MAX_DEPTH:
            raise _invalid_filter(f"A filter nests at most {MAX_DEPTH} levels.")
        parts = list(self._of_column(wanted, exact))
        parts += [self.expression(inner, depth + 1, exact=exact) for inner in wanted.and_]
        if wanted.or_ is not None:
            options = [self.expression(inner, depth + 1, exact=exact) for inner in wanted.or_]
            parts.append(functools.reduce(operator.or_, options, pl.lit(False)))
        if wanted.not_ is not None:
            parts.append(~self.expression(wanted.not_, depth + 1, exact=True))
        self.count += len(parts)
        if self.count > MAX_CONDITIONS:
            raise _invalid_filter(f"A filter has at most {MAX_CONDITIONS} conditions.")
        return functools.reduce(operator.and_, parts, pl.lit(True))

    def _of_column(self, wanted: RowFilter, exact: bool) -> list[pl.Expr]:
        used = [(name, getattr(wanted, name)) for name in COMPARISONS if getattr(wanted, name) is not UNSET]
        others = (wanted.in_, wanted.contains, wanted.starts_with, wanted.is_null)
        if wanted.column is None:
            if used or any(other is not None for other in others):
                raise _invalid_filter("A condition needs a column.")
            return []
        column = known_column(self.types, wanted.column)
        parts = [_comparison(column, name, value, exact) for name, value in used]
        if wanted.in_ is not None:
            parts.append(_listed(column, wanted.in_, exact))
        parts += _text_conditions(column, wanted, exact)
        if wanted.is_null is not None:
            null = pl.col(column.name).is_null()
            parts.append(null if wanted.is_null else ~null)
        return parts


COMPARISONS: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def _comparison(column: Column, name: str, value: Any, exact: bool) -> pl.Expr:
    cell = pl.col(column.name)
    if value is None and name in ("eq", "ne"):
        return cell.is_null() if name == "eq" else cell.is_not_null()
    compared = COMPARISONS[name](cell, typed_literal(column, value))
    return compared.fill_null(name == "ne") if exact or name == "ne" else compared


def _listed(column: Column, values: Sequence[Any], exact: bool) -> pl.Expr:
    if len(values) > MAX_LISTED_VALUES:
        raise _invalid_filter(f"in takes at most {MAX_LISTED_VALUES} values.")
    return functools.reduce(
        operator.or_, (_comparison(column, "eq", value, exact) for value in values), pl.lit(False)
    )


def _text_conditions(column: Column, wanted: RowFilter, exact: bool) -> list[pl.Expr]:
    cell = pl.col(column.name)
    given = [text for text in (wanted.contains, wanted.starts_with) if text is not None]
    if given and column.type is not ColumnType.STRING:
        raise _invalid_filter(f"contains and startsWith work on text, and {column.name} is {column.type}.")
    parts = []
    if wanted.contains is not None:
        parts.append(cell.str.contains(wanted.contains, literal=True))
    if wanted.starts_with is not None:
        parts.append(cell.str.starts_with(wanted.starts_with))
    return [part.fill_null(False) for part in parts] if exact else parts


def _invalid_filter(message: str) -> UserFault:
    return UserFault("INVALID_FILTER", message, ("filter",))


def typed_literal(column: Column, value: Any) -> pl.Expr:
    """A JSON value as a literal of the column's type. Raises UserFault INVALID_FILTER where it is none."""
    kind = column_type(column.dtype)
    try:
        return pl.lit(_PARSERS[kind](value), dtype=_comparable(column.dtype))
    except (
        KeyError,
        TypeError,
        ValueError,
        InvalidOperation,
        OverflowError,
        pl.exceptions.PolarsError,
    ) as error:
        shown = json.dumps(value, default=str)[:80]
        message = f"{shown} can't be compared with the {kind} column {column.name}."
        raise _invalid_filter(message) from error


def _comparable(dtype: pl.DataType) -> pl.DataType | None:
    return None if dtype.is_integer() or dtype.is_float() or isinstance(dtype, pl.Decimal) else dtype


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _number(value: Any) -> int | float:
    """A JSON number, or text that is one: integers beyond 2^53-1 travel as text."""
    if isinstance(value, bool):
        raise TypeError(value)
    if isinstance(value, str):
        return int(value) if value.lstrip("-").isdigit() else float(value)
    if not isinstance(value, int | float):
        raise TypeError(value)
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(value)
    return value


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    return moment.astimezone(UTC) if moment.tzinfo else moment


_PARSERS: dict[ColumnType, Callable[[Any], Any]] = {
    ColumnType.STRING: _text,
    ColumnType.INTEGER: _number,
    ColumnType.FLOAT: _number,
    ColumnType.DECIMAL: lambda value: Decimal(str(_number(value) if not isinstance(value, str) else value)),
    ColumnType.BOOLEAN: _boolean,
    ColumnType.DATE: lambda value: date.fromisoformat(_text(value)),
    ColumnType.TIME: lambda value: time.fromisoformat(_text(value)),
    ColumnType.DATETIME: _moment,
}
