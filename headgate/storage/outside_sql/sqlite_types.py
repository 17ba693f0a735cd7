"""Types of SQLite: which one a column gets in a new table, what existing ones make of a value, how values are spelled.

SQLite keeps what it has no type for as text. The names of types matter by what they contain: SQLite derives from it
what it makes of a value, and TEXT is what leaves a decimal alone.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum

import polars as pl

from headgate.storage.columns import ColumnType
from headgate.storage.outside_sql.copy_text import as_json, in_utc
from headgate.storage.outside_sql.tables import Writing, wrong_type
from headgate.storage.outside_sql.unfit import Unfit, not_exact_as_float

MOMENT = "%Y-%m-%d %H:%M:%S%.6f"
TIME = "%H:%M:%S%.6f"
INT64 = 2**63
WIDE = (pl.UInt64, pl.Int128, pl.UInt128)


class Affinity(StrEnum):
    """What SQLite makes of the values of a column."""

    INTEGER = "INTEGER"
    TEXT = "TEXT"
    BLOB = "BLOB"
    REAL = "REAL"
    NUMERIC = "NUMERIC"


def affinity(declared: str) -> Affinity:
    """The affinity of a declared type, by the rules that SQLite has for it."""
    name = declared.upper()
    if "INT" in name:
        return Affinity.INTEGER
    if any(part in name for part in ("CHAR", "CLOB", "TEXT")):
        return Affinity.TEXT
    if "BLOB" in name or not name:
        return Affinity.BLOB
    return Affinity.REAL if any(part in name for part in ("REAL", "FLOA", "DOUB")) else Affinity.NUMERIC


NUMBERS = frozenset({Affinity.INTEGER, Affinity.REAL, Affinity.NUMERIC, Affinity.BLOB})
KEPT = frozenset({Affinity.TEXT, Affinity.BLOB})
"""What leaves a text as it is."""
NOT_NUMBERS = KEPT | {Affinity.NUMERIC}
"""What leaves a text as it is that does not look like a number."""
TAKERS: Mapping[ColumnType, frozenset[Affinity]] = {
    ColumnType.STRING: KEPT,
    ColumnType.NULL: frozenset(Affinity),
    ColumnType.INTEGER: NUMBERS,
    ColumnType.FLOAT: NUMBERS,
    ColumnType.BOOLEAN: NUMBERS,
    ColumnType.DECIMAL: KEPT,
    ColumnType.DATE: NOT_NUMBERS,
    ColumnType.TIME: NOT_NUMBERS,
    ColumnType.DATETIME: NOT_NUMBERS,
    ColumnType.DURATION: NOT_NUMBERS,
    ColumnType.BINARY: frozenset({Affinity.BLOB}),
    ColumnType.LIST: KEPT,
    ColumnType.STRUCT: KEPT,
}
MADE: Mapping[ColumnType, str] = {
    ColumnType.STRING: "TEXT",
    ColumnType.INTEGER: "BIGINT",
    ColumnType.FLOAT: "DOUBLE PRECISION",
    ColumnType.BOOLEAN: "BOOLEAN",
    ColumnType.DATE: "DATE",
    ColumnType.TIME: "TIME",
    ColumnType.DURATION: "DURATION",
    ColumnType.BINARY: "BLOB",
    ColumnType.LIST: "JSON_TEXT",
    ColumnType.STRUCT: "JSON_TEXT",
    ColumnType.NULL: "TEXT",
}


def made_type(dtype: pl.DataType, kind: ColumnType) -> str:
    """The type of a column in a new table."""
    match dtype:
        case pl.Decimal():
            return f"DECIMAL_TEXT({dtype.precision}, {dtype.scale})"
        case pl.Datetime():
            return "TIMESTAMP" if dtype.time_zone is None else "TIMESTAMPTZ"
    return MADE[kind]


def unfit_for(writing: Writing, table: Mapping[str, str]) -> Iterator[Unfit]:
    """What a table can't hold, row by row. Raises JobFault TABLE_MISMATCH where it would not keep a column as it is."""
    for column in writing.columns:
        declared = table[column.name]
        if affinity(declared) not in TAKERS[column.type]:
            raise wrong_type(writing, column, declared)
        value = pl.col(column.name)
        if column.dtype in WIDE:
            yield Unfit(f"{column.name} is too large for an integer of SQLite.", value >= INT64)
        if column.type is ColumnType.INTEGER and affinity(declared) is Affinity.REAL:
            yield not_exact_as_float(column)
        if column.type is ColumnType.FLOAT:
            yield Unfit(f"{column.name} is NaN, which SQLite can't keep.", value.is_nan())


def spelled(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """The values as they are bound."""
    match dtype:
        case pl.Datetime():
            texts = in_utc(values).dt.to_string(MOMENT)
            return texts if dtype.time_zone is None else texts + "+00:00"
        case pl.Date():
            return values.dt.to_string("%Y-%m-%d")
        case pl.Time():
            return values.dt.to_string(TIME)
        case pl.Duration():
            return values.dt.to_string("iso")
        case pl.Boolean():
            return values.cast(pl.Int8)
    if dtype.is_integer() or dtype.is_float() or dtype == pl.Binary:
        return values
    return as_json(values) if dtype.is_nested() else values.cast(pl.String)
