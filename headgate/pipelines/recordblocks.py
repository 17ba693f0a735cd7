"""Records of typed values (JSON objects, spreadsheet rows) as columns whose types lose nothing.

Records are written to Parquet in blocks, each column with the type of its block; at the end one type is found
for each column that all its blocks widen to exactly. Where none exists the column is text: strings as they are,
other values as JSON.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from headgate.pipelines.prepared import ROW_INDEX, SAMPLE_ROWS, Prepared
from headgate.pipelines.readers.naming import check_count, check_keys
from headgate.pipelines.rowmap import Numbers, RowMap
from headgate.storage.columns import MAX_SAFE_INTEGER, fields_of, inner_type, json_value

BLOCK_RECORDS = 20_000
BLOCK_BYTES = 16 << 20
INT64 = range(-(2**63), 2**63)
SAFE = range(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER + 1)
WIDE = pl.Int128()
"""Stands for Int64 where a value is one that a double can't hold: it widens to no float."""


@dataclass(frozen=True, slots=True)
class _Block:
    rows: pl.LazyFrame
    schema: dict[str, pl.DataType]


class RecordBlocks:
    """Collects records; columns come in the order of `names`, then of their first use.

    Memory is bounded where there is a folder for blocks; without one they stay in memory.
    """

    def __init__(self, scratch: Path | None, names: Sequence[str] = ()) -> None:
        self._scratch = scratch
        self._pending: list[dict[str, Any]] = []
        self._places: list[tuple[int, int, int]] = []
        self._bytes = 0
        self._blocks: list[_Block] = []
        self._names: dict[str, None] = dict.fromkeys(names)
        self._accepted = 0
        self._rows = RowMap()

    def add(self, record: dict[str, Any], row: int, line: int, size: int) -> None:
        """Keep one record that stood at this row and line and took `size` bytes."""
        self._pending.append(record)
        self._places.append((row, line, 1))
        self._bytes += size
        if len(self._pending) >= BLOCK_RECORDS or self._bytes >= BLOCK_BYTES:
            self._flush()

    def add_all(self, records: Sequence[dict[str, Any]], row: int, line: int, size: int) -> None:
        """Keep records that stood one behind the other, the first at this row and line, and took `size` bytes."""
        self._pending.extend(records)
        self._places.append((row, line, len(records)))
        self._bytes += size
        if len(self._pending) >= BLOCK_RECORDS or self._bytes >= BLOCK_BYTES:
            self._flush()

    def _flush(self, *, is_last: bool = False) -> None:
        """Make a block of what is pending; one that is the only one stays in memory."""
        for names in dict.fromkeys(map(tuple, self._pending)):
            self._names.update(dict.fromkeys(names))
        check_count(len(self._names))
        check_keys(self._names)
        indexes = pl.int_range(
            self._accepted, self._accepted + len(self._pending), dtype=pl.get_index_type(), eager=True
        )
        schema: dict[str, pl.DataType] = {}
        columns = [_column(name, _values(name, self._pending), schema) for name in self._names]
        frame = pl.DataFrame([indexes.alias(ROW_INDEX), *columns])
        is_only = is_last and not self._blocks
        self._blocks.append(_Block(frame.lazy() if is_only else self._kept(frame), schema))
        self._rows.add(self._accepted, *_spread(self._places))
        self._accepted += len(self._pending)
        self._pending, self._places, self._bytes = [], [], 0

    def _kept(self, frame: pl.DataFrame) -> pl.LazyFrame:
        if self._scratch is None:
            return frame.lazy()
        path = self._scratch / f"block-{len(self._blocks):06}.parquet"
        frame.write_parquet(path)
        return pl.scan_parquet(path, glob=False)

    def prepare(self) -> Prepared:
        """All records as one lazy frame."""
        if self._pending:
            self._flush(is_last=True)
        types = {name: _common_type(name, self._blocks) for name in self._names}
        frames = [_unified(block, types) for block in self._blocks]
        empty = pl.LazyFrame(schema={ROW_INDEX: pl.get_index_type(), **types})
        first = frames[0] if frames else empty
        return Prepared(
            frame=pl.concat(frames) if frames else empty,
            names=list(self._names),
            texts=frozenset(),
            sample=first.drop(ROW_INDEX).head(SAMPLE_ROWS).collect(),
            accepted=self._accepted,
            rows=self._rows,
        )


def _spread(places: Sequence[tuple[int, int, int]]) -> tuple[Numbers, Numbers]:
    """The rows and lines of records, of which so many follow each place."""
    rows, lines, counts = np.array(places, np.int64).T
    behind = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(rows, counts) + behind, np.repeat(lines, counts) + behind


def _values(name: str, records: Sequence[dict[str, Any]]) -> list[Any]:
    try:
        return list(map(itemgetter(name), records))
    except KeyError:
        return [record.get(name) for record in records]


def _column(name: str, values: Sequence[Any], schema: dict[str, pl.DataType]) -> pl.Series:
    """The values of one block as the narrowest type that gives each back."""
    kinds = set(map(type, values)) - {type(None)}
    if kinds == {int, float} and all(_fits_double(value) for value in values):
        # Kept as text, in which 1 is no 1.0, in case another block makes the whole column text.
        schema[name] = pl.Float64()
        return _texts(name, values)
    dtype = _block_type(values, kinds)
    series = None if dtype is None else _series(name, values, _stored(dtype))
    if series is None or dtype is None or (dtype.is_nested() and series.to_list() != values):
        schema[name] = pl.String()
        return _texts(name, values)
    schema[name] = dtype
    return series


def _series(name: str, values: Sequence[Any], dtype: pl.DataType) -> pl.Series:
    try:
        return pl.Series(name, values, dtype, strict=False)
    except TypeError:
        # Whole numbers in a list of floats in an object: Polars goes by the first number that it sees.
        return pl.Series(name, [_with_floats(value, dtype) for value in values], dtype, strict=False)


def _with_floats(value: Any, dtype: pl.DataType) -> Any:
    """A value with floats wherever its type has them."""
    if value is None:
        return None
    if isinstance(dtype, pl.List):
        return [_with_floats(item, inner_type(dtype)) for item in value]
    if isinstance(dtype, pl.Struct):
        return {key: _with_floats(value.get(key), inner) for key, inner in fields_of(dtype).items()}
    return float(value) if dtype == pl.Float64 else value


def _block_type(values: Sequence[Any], kinds: set[type]) -> pl.DataType | None:
    """The one type of a block's values; None where there is none."""
    if not kinds:
        return pl.Null()
    if kinds == {int}:
        return _integer_type(values)
    if kinds == {datetime} and all(value is None or value.time() == time() for value in values):
        return pl.Date()
    if kinds <= {dict, list}:
        return _common(map(_nested_type, values))
    return _SCALARS[kinds.pop()] if len(kinds) == 1 else None


def _integer_type(values: Sequence[Any]) -> pl.DataType | None:
    given = [value for value in values if value is not None]
    low, high = min(given), max(given)
    if low not in INT64 or high not in INT64:
        return None
    return pl.Int64() if low in SAFE and high in SAFE else WIDE


def _fits_double(value: Any) -> bool:
    return not isinstance(value, int) or value in SAFE


def _texts(name: str, values: Sequence[Any]) -> pl.Series:
    return pl.Series(name, [_as_text(value) for value in values], pl.String)


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


def _nested_type(value: Any) -> pl.DataType | None:
    """The type of one JSON value; None where no column type has it."""
    if value is None:
        return pl.Null()
    if isinstance(value, dict):
        fields = {key: _nested_type(item) for key, item in value.items()}
        return None if None in fields.values() or not fields else pl.Struct(fields)  # type: ignore[arg-type]
    if isinstance(value, list):
        inner = _common(map(_nested_type, value))
        return None if inner is None else pl.List(inner)
    return _integer_type([value]) if type(value) is int else _SCALARS[type(value)]


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _as_text(value: Any) -> str | None:
    """Text as it is, dates and times in their ISO form, anything else as JSON."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime) and value.time() == time():
        value = value.date()
    if isinstance(value, date | time | timedelta):
        return str(json_value(value))
    return _encode(value.to_list() if isinstance(value, pl.Series) else value)


def _common(dtypes: Iterable[pl.DataType | None]) -> pl.DataType | None:
    """The type that values of all these types widen to without loss; None where there is none."""
    common: pl.DataType | None = pl.Null()
    for dtype in dtypes:
        common = None if common is None or dtype is None else _wider(common, dtype)
    return common


def _common_type(name: str, blocks: Sequence[_Block]) -> pl.DataType:
    """The type of a column that has a type in each block."""
    common = _common(block.schema.get(name, pl.Null()) for block in blocks)
    return pl.String() if common is None else _without_null(_stored(common))


def _wider(one: pl.DataType, other: pl.DataType) -> pl.DataType | None:
    if one == other or other == pl.Null:
        return one
    if one == pl.Null:
        return other
    if {one, other} == {pl.Int64(), pl.Float64()}:
        return pl.Float64()
    if {one, other} == {pl.Int64(), WIDE}:
        return WIDE
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


def _stored(dtype: pl.DataType) -> pl.DataType:
    """The type in which values are kept: Int64 for wide integers."""
    return _replaced(dtype, WIDE, pl.Int64())


def _without_null(dtype: pl.DataType) -> pl.DataType:
    """The type with text in place of parts that were never anything but null."""
    return _replaced(dtype, pl.Null(), pl.String())


def _replaced(dtype: pl.DataType, old: pl.DataType, new: pl.DataType) -> pl.DataType:
    if isinstance(dtype, pl.List):
        return pl.List(_replaced(inner_type(dtype), old, new))
    if isinstance(dtype, pl.Struct):
        return pl.Struct({name: _replaced(inner, old, new) for name, inner in fields_of(dtype).items()})
    return new if dtype == old else dtype


def _unified(block: _Block, types: dict[str, pl.DataType]) -> pl.LazyFrame:
    columns = [_cast(name, block.schema.get(name), dtype) for name, dtype in types.items()]
    return block.rows.select(ROW_INDEX, *columns)


def _cast(name: str, have: pl.DataType | None, want: pl.DataType) -> pl.Expr:
    if have is None:
        return pl.lit(None, want).alias(name)
    if want == pl.String and have not in (pl.String, pl.Int64, WIDE, pl.Null):
        return pl.col(name).map_elements(_as_text, return_dtype=pl.String)
    return pl.col(name).cast(want)
