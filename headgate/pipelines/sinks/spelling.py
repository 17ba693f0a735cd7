"""How rows are spelled that leave as text: as JSON objects, or as cells of CSV."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from headgate.pipelines.prepared import Watch
from headgate.storage.columns import WHOLE, Column, ColumnType, json_records, plain_text
from headgate.storage.csvcells import escaped

MOMENT = "%Y-%m-%dT%H:%M:%S%.f"
STRIDE_ROWS = 10_000


def record_batches(
    rows: pl.LazyFrame, columns: Sequence[Column], watch: Watch, size: int = STRIDE_ROWS
) -> Iterator[list[dict[str, Any]]]:
    """Rows as JSON objects in which every value is exact, so many at a time.

    Columns that are none of these are spelled as their types say.
    """
    forms = {column.name: column.form for column in columns}
    left: list[dict[str, Any]] = []
    for batch in rows.collect_batches(
        chunk_size=max(size, STRIDE_ROWS), maintain_order=True, engine="streaming"
    ):
        watch("delivering")
        left += json_records(batch, forms)
        full = len(left) - len(left) % size
        yield from (left[at : at + size] for at in range(0, full, size))
        left = left[full:]
    if left:
        yield left


def write_ndjson(batches: Iterable[list[dict[str, Any]]], file: Path) -> None:
    """Write batches of records to a file, a line each."""
    with file.open("wb") as target:
        for batch in batches:
            target.write(b"".join(orjson.dumps(record) + b"\n" for record in batch))


def cells(columns: Sequence[Column], *, escape_formulas: bool) -> list[pl.Expr]:
    """The columns as they go into CSV, as their source spelled them where that is known; null stays null.

    With `escape_formulas` no text, nor the name of a column, is one that a spreadsheet takes for a formula.
    """
    exprs = []
    for column in columns:
        text = pl.col(column.name) if _is_plain(column) else spelled(column)
        if escape_formulas and column.type is ColumnType.STRING:
            text = escaped(text)
        exprs.append(text.alias(_escaped(column.name) if escape_formulas else column.name))
    return exprs


def _is_plain(column: Column) -> bool:
    """Whether Polars' own CSV has the same spelling, and writes it faster."""
    if column.type in (ColumnType.INTEGER, ColumnType.DATE):
        return True
    return column.type in (ColumnType.FLOAT, ColumnType.BOOLEAN) and column.form is None


def _escaped(name: str) -> str:
    return str(pl.select(escaped(pl.lit(name))).item())


def spelled(column: Column) -> pl.Expr:
    """A column as text, as its source spelled it where that is known; null stays null."""
    value = pl.col(column.name)
    if isinstance(column.dtype, pl.Datetime):
        return value.dt.to_string(column.form or MOMENT + ("Z" if column.dtype.time_zone else ""))
    if column.type in _SPELLINGS:
        return _SPELLINGS[column.type](value, column.form)
    return value if column.dtype == pl.String else value.cast(pl.String)


def _float(value: pl.Expr, form: str | None) -> pl.Expr:
    text = value.cast(pl.String)
    return text.str.strip_suffix(".0") if form == WHOLE else text


def _boolean(value: pl.Expr, form: str | None) -> pl.Expr:
    true, false = {"True": ("True", "False"), "TRUE": ("TRUE", "FALSE")}.get(form or "", ("true", "false"))
    return pl.when(value).then(pl.lit(true)).when(~value).then(pl.lit(false))


def _nested(value: pl.Expr, form: str | None) -> pl.Expr:
    return value.map_elements(plain_text, return_dtype=pl.String)


_SPELLINGS: dict[ColumnType, Callable[[pl.Expr, str | None], pl.Expr]] = {
    ColumnType.FLOAT: _float,
    ColumnType.BOOLEAN: _boolean,
    ColumnType.TIME: lambda value, form: value.dt.to_string("%H:%M:%S%.f"),
    ColumnType.DURATION: lambda value, form: value.dt.to_string("iso"),
    ColumnType.BINARY: lambda value, form: value.bin.encode("base64"),
    ColumnType.LIST: _nested,
    ColumnType.STRUCT: _nested,
}
