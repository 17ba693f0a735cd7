"""Types of PostgreSQL: which one a column gets in a new table, and which ones of an existing table take its values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from headgate.storage.columns import Column, ColumnType
from headgate.storage.outside_sql.tables import Writing, wrong_type
from headgate.storage.outside_sql.unfit import Unfit, not_exact_as_float

TEXTS = frozenset({"text", "varchar", "bpchar", "citext"})
INTEGERS = frozenset({"int2", "int4", "int8"})
JSON = frozenset({"json", "jsonb"})
NOT_FROM_TEXT = frozenset(
    {"int2", "int4", "int8", "numeric", "float4", "float8", "bool", "bytea", "money", "bit", "varbit"}
    | {"date", "time", "timetz", "timestamp", "timestamptz", "oid"}
)
"""What a text might be read as in more than one way, or lose something by: a contract or a step says how."""
TAKERS: Mapping[ColumnType, frozenset[str]] = {
    ColumnType.INTEGER: INTEGERS | TEXTS | {"numeric", "float8"},
    ColumnType.FLOAT: TEXTS | {"float8", "numeric"},
    ColumnType.DECIMAL: TEXTS | {"numeric"},
    ColumnType.BOOLEAN: TEXTS | {"bool"},
    ColumnType.DATE: TEXTS | {"date", "timestamp", "timestamptz"},
    ColumnType.TIME: TEXTS | {"time"},
    ColumnType.DATETIME: TEXTS | {"timestamp", "timestamptz"},
    ColumnType.DURATION: frozenset({"interval"}),
    ColumnType.BINARY: frozenset({"bytea"}),
    ColumnType.LIST: TEXTS | JSON,
    ColumnType.STRUCT: TEXTS | JSON,
}
MADE: Mapping[ColumnType, str] = {
    ColumnType.STRING: "TEXT",
    ColumnType.INTEGER: "BIGINT",
    ColumnType.FLOAT: "DOUBLE PRECISION",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DATE: "DATE",
    ColumnType.TIME: "TIME",
    ColumnType.DURATION: "INTERVAL",
    ColumnType.BINARY: "BYTEA",
    ColumnType.LIST: "JSONB",
    ColumnType.STRUCT: "JSONB",
    ColumnType.NULL: "TEXT",
}
WIDE = (pl.UInt64, pl.Int128, pl.UInt128)
NUMERIC_HEADER = 4
"""What a type modifier of numeric has beside precision and scale."""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of an existing table: `type` is its name in the catalog, `spelled` how people write it.

    `modifier` is what PostgreSQL keeps of the brackets behind it, or -1.
    """

    name: str
    type: str
    spelled: str
    modifier: int


def made_type(dtype: pl.DataType, kind: ColumnType) -> str:
    """The type of a column in a new table."""
    match dtype:
        case pl.Decimal():
            return f"NUMERIC({dtype.precision}, {dtype.scale})"
        case pl.Datetime():
            return "TIMESTAMP" if dtype.time_zone is None else "TIMESTAMPTZ"
    return "NUMERIC" if dtype in WIDE else MADE[kind]


def unfit_for(writing: Writing, table: Mapping[str, TableColumn]) -> Iterator[Unfit]:
    """What a table can't hold, row by row. Raises JobFault TABLE_MISMATCH where it would not keep a column as it is."""
    for column in writing.columns:
        existing = table[column.name]
        if not _takes(existing, column):
            raise wrong_type(writing, column, existing.spelled)
        if column.type is ColumnType.INTEGER and existing.type == "float8":
            yield not_exact_as_float(column)
        yield from _unfit(column)


def _takes(existing: TableColumn, column: Column) -> bool:
    if column.type in (ColumnType.STRING, ColumnType.NULL):
        return existing.type not in NOT_FROM_TEXT and not existing.type.startswith("_")
    return existing.type in TAKERS[column.type] and _is_exact_enough(existing, column)


def _is_exact_enough(existing: TableColumn, column: Column) -> bool:
    """Whether nothing is rounded: PostgreSQL would do it without a word."""
    if existing.modifier < 0 or existing.type in TEXTS:
        return True
    if existing.type == "numeric":
        scale = (existing.modifier - NUMERIC_HEADER) & 0xFFFF
        wanted = column.dtype.scale if isinstance(column.dtype, pl.Decimal) else 0
        return column.type is not ColumnType.FLOAT and scale >= wanted and scale < 1000
    return existing.modifier >= 6


def _unfit(column: Column) -> Iterator[Unfit]:
    value = pl.col(column.name)
    if column.dtype == pl.String:
        holds = value.str.contains("\0", literal=True)
        yield Unfit(f"{column.name} holds a NUL character, which PostgreSQL can't keep.", holds)
    elif column.dtype.is_nested():
        holds = value.map_batches(_has_nul, return_dtype=pl.Boolean)
        yield Unfit(f"{column.name} holds a NUL character, which PostgreSQL can't keep.", holds)


def _has_nul(values: pl.Series) -> pl.Series:
    return pl.Series([value is not None and has_nul(value) for value in values.to_list()], dtype=pl.Boolean)


def has_nul(value: object) -> bool:
    """Whether a NUL character is in a value or in what it holds."""
    match value:
        case str():
            return "\0" in value
        case pl.Series() | list():
            return any(map(has_nul, value))
        case dict():
            return any("\0" in key or has_nul(item) for key, item in value.items())
    return False
