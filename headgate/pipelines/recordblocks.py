"""Records of typed values (JSON objects, spreadsheet rows) as columns whose types lose nothing.

Records are written to Parquet in blocks, each column with the type of its block; at the end one type is found
for each column that all its blocks widen to exactly. Where none exists the column is text: strings as they are,
other values as JSON.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from headgate.pipelines.prepared import ROW_INDEX, Prepared
from headgate.pipelines.rowmap import RowMap
from headgate.storage.columns import MAX_SAFE_INTEGER, fields_of, inner_type, json_text

BLOCK_RECORDS = 20_000
BLOCK_BYTES = 16 << 20
INT64 = range(-(2**63), 2**63)


@dataclass
class _Block:
    path: Path
    schema: dict[str, pl.DataType]
    wide: set[str] = field(default_factory=set)
    """Integer columns with a value that a double can't hold."""


class RecordBlocks:
    """Collects records in bounded memory; columns come in the order of `names`, then of their first use."""

    def __init__(self, scratch: Path, names: Sequence[str] = ()) -> None:
        self._scratch = scratch
        self._pending: list[dict[str, Any]] = []
        self._places: list[tuple[int, int]] = []
        self._bytes = 0
        self._blocks: list[_Block] = []
        self._names: dict[str, None] = dict.fromkeys(names)
        self._accepted = 0
        self._rows = RowMap()

    def add(self, record: dict[str, Any], row: int, line: int, size: int) -> None:
        """Keep one record that stood at this row and line and took `size` bytes."""
        self._pending.append(record)
        self._places.append((row, line))
        self._bytes += size
        if len(self._pending) >= BLOCK_RECORDS or self._bytes >= BLOCK_BYTES:
            self._flush()

    def _flush(self) -> None:
        for record in self._pending:
            self._names.update(dict.fromkeys(record))
        block = _Block(self._scratch / f"block-{len(self._blocks):06}.parquet", {})
        columns = {
            name: _column(name, [record.get(name) for record in self._pending], block) for name in self._names
        }
        pl.DataFrame(columns).write_parquet(block.path)
        places = np.array(self._places, np.int64)
        self._rows.add(self._accepted, places[:, 0], places[:, 1])
        self._accepted += len(self._pending)
        self._blocks.append(block)
        self._pending, self._places, self._bytes = [], [], 0

    def prepare(self) -> Prepared:
        """All records as one lazy frame."""
        if self._pending:
            self._flush()
        types = {name: _common_type(name, self._blocks) for name in self._names}
        frames = [_unified(block, types) for block in self._blocks]
        frame = pl.concat(frames) if frames else pl.LazyFrame(schema=types)
        return Prepared(
            frame=frame.with_row_index(ROW_INDEX),
            names=list(self._names),
            texts=frozenset(),
            sample=pl.DataFrame(),
            accepted=self._accepted,
            rows=self._rows,
        )


def _column(name: str, values: Sequence[Any], block: _Block) -> pl.Series:
    series = _typed(name, values)
    block.schema[name] = series.dtype
    if series.dtype == pl.Int64 and not all(map(_fits_double, values)):
        block.wide.add(name)
    return series


def _typed(name: str, values: Sequence[Any]) -> pl.Series:
    """The values of one block as the narrowest type that gives each back."""
    kinds = {type(value) for value in values} - {type(None)}
    kind = next(iter(kinds)) if len(kinds) == 1 else None
    series: pl.Series | None = None
    if not kinds:
        series = pl.Series(name, values, pl.Null)
    elif kinds == {int, float} and all(_fits_double(value) for value in values):
        series = pl.Series(name, values, pl.Float64, strict=False)
    elif kind in (dict, list):
        series = _nested(name, values)
    elif kind is not None and (kind is not int or all(value is None or value in INT64 for value in values)):
        series = pl.Series(name, values, _scalar_type(kind, values))
    return pl.Series(name, [_as_text(value) for value in values], pl.String) if series is None else series


def _fits_double(value: Any) -> bool:
    return not isinstance(value, int) or abs(value) <= MAX_SAFE_INTEGER


_SCALARS: dict[type, pl.DataType] = {
    bool: pl.Boolean(),
    int: pl.Int64(),
    float: pl.Float64(),
    str: pl.String(),
    date: pl.Date(),
    datetime: pl.Datetime("us"),
    time: pl.Time(),
    timedelta: pl.Duration("us"),
}


def _scalar_type(kind: type, values: Sequence[Any]) -> pl.DataType:
    if kind is datetime and all(value is None or value.time() == time() for value in values):
        return pl.Date()
    return _SCALARS[kind]


def _nested(name: str, values: Sequence[Any]) -> pl.Series | None:
    """Lists or objects as a nested column, where that gives every value back."""
    dtype: pl.DataType | None = pl.Null()
    for value in values:
        found = _nested_type(value)
        dtype = None if dtype is None or found is None else _wider(dtype, found)
    if dtype is None:
        return None
    series = pl.Series(name, values, dtype, strict=False)
    return series if series.to_list() == list(values) else None


def _nested_type(value: Any) -> pl.DataType | None:
    """The type of one JSON value; None where no column type has it."""
    if value is None:
        return pl.Null()
    if isinstance(value, dict):
        fields = {key: _nested_type(item) for key, item in value.items()}
        return None if None in fields.values() or not fields else pl.Struct(fields)  # type: ignore[arg-type]
    if isinstance(value, list):
        inner: pl.DataType | None = pl.Null()
        for item in value:
            found = _nested_type(item)
            inner = None if inner is None or found is None else _wider(inner, found)
        return None if inner is None else pl.List(inner)
    return None if isinstance(value, int) and value not in INT64 else _SCALARS.get(type(value))


def _as_text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json_text(value)


def _common_type(name: str, blocks: Sequence[_Block]) -> pl.DataType:
    """The type that a column's values of all blocks widen to without loss."""
    common: pl.DataType | None = pl.Null()
    for block in blocks:
        dtype = block.schema.get(name, pl.Null())
        common = None if common is None else _wider(common, dtype)
    if common == pl.Float64 and any(name in block.wide for block in blocks):
        common = None
    return pl.String() if common is None else _without_null(common)


def _wider(one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    if one == other or other == pl.Null:
        return one
    if one == pl.Null:
        return other
    if {one, other} == {pl.Int64(), pl.Float64()}:
        return pl.Float64()
    if {one, other} == {pl.Date(), pl.Datetime("us")}:
        return pl.Datetime("us")
    if isinstance(one, pl.List) and isinstance(other, pl.List):
        inner = _wider(inner_type(one), inner_type(other))
        return None if inner is None else pl.List(inner)
    if isinstance(one, pl.Struct) and isinstance(other, pl.Struct):
        return _wider_struct(one, other)
    return None


def _wider_struct(one: pl.Struct, other: pl.Struct) -> pl.DataType | None:
    left, right = fields_of(one), fields_of(other)
    if left.keys() != right.keys():
        return None
    fields = {name: _wider(left[name], right[name]) for name in left}
    if any(dtype is None for dtype in fields.values()):
        return None
    return pl.Struct({name: dtype for name, dtype in fields.items() if dtype is not None})


def _without_null(dtype: pl.DataType) -> pl.DataType:
    """The type with text in place of parts that were never anything but null."""
    if dtype == pl.Null:
        return pl.String()
    if isinstance(dtype, pl.List):
        return pl.List(_without_null(inner_type(dtype)))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({name: _without_null(inner) for name, inner in fields_of(dtype).items()})
    return dtype


def _unified(block: _Block, types: dict[str, pl.DataType]) -> pl.LazyFrame:
    columns = [_cast(name, block.schema.get(name), dtype) for name, dtype in types.items()]
    return pl.scan_parquet(block.path, glob=False).select(columns)


def _cast(name: str, have: pl.DataType | None, want: pl.DataType) -> pl.Expr:
    if have is None:
        return pl.lit(None, want).alias(name)
    if want == pl.String and have.base_type() in (pl.List, pl.Struct, pl.Float64):
        return pl.col(name).map_elements(_as_text, return_dtype=pl.String)
    return pl.col(name).cast(want)
