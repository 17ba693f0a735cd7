"""Keys: combinations of values, found again in other rows or in a dataset over any number of rows.

Rows are first told apart by 64 bits of hash each. Only rows that share theirs with others are compared by their
values, which makes what is found exact; and where there are more rows than memory should hold the hashes of, they are
dealt with in partitions, each with a scan of its own.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from headgate.pipelines.checks.check import Table
from headgate.pipelines.checks.scans import watched
from headgate.pipelines.prepared import ROW_INDEX
from headgate.pipelines.types import conforming
from headgate.storage import datasets
from headgate.storage.columns import plain_text
from headgate.storage.datasets import Snapshot
from headgate.storage.tablefolders import TableFolder

HASH = "__headgate_hash__"
HASHED_ROWS = 8 << 20
"""So many hashes are held at a time: 12 bytes each with their rows, and as much again to sort them."""
COMPARED_KEYS = 1 << 20
"""So many keys are compared at a time: each is held with its values and the rows that have it."""
JOINED_KEYS = 4 << 20
"""So many keys are held at a time to look others up among them."""

Read = Callable[[str, pl.DataType, pl.DataType], pl.Expr]
"""Turns a cell of a column of one type into a value of another."""
Indexes = npt.NDArray[np.uint32]
Hashes = npt.NDArray[np.uint64]


def conformed(column: str, dtype: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    """A cell as a dataset would take it into a column of another type."""
    return conforming(dtype, wanted).exact(pl.col(column))


def keys_of(
    table: Table,
    columns: Sequence[str],
    wanted: Mapping[str, pl.DataType] | None = None,
    *,
    read: Read = conformed,
) -> pl.LazyFrame:
    """ROW_INDEX and the key columns of all rows that have a value in each of them.

    Where `wanted` names types, `read` turns the values into these; one that can't be is none.
    """
    types = {column: table.schema[column] for column in columns}
    values = {column: pl.col(column) for column in columns}
    if wanted is not None:
        values = {column: read(column, types[column], wanted[column]) for column in columns}
        types = {column: wanted[column] for column in columns}
    keys = (comparable(value, types[column]).alias(column) for column, value in values.items())
    return watched(table, *columns).select(ROW_INDEX, *keys).drop_nulls(list(columns))


def comparable(value: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """A value that can be grouped and joined by: of nested values their JSON."""
    return value.map_elements(plain_text, return_dtype=pl.String) if dtype.is_nested() else value


def stored_keys(
    folder: TableFolder, snapshot: Snapshot, names: Mapping[str, str], columns: Sequence[str]
) -> pl.LazyFrame:
    """Columns of a dataset under other names, of its rows that have a value in each of `columns`, which are new names.

    `names` are those in the dataset by the new ones.
    """
    types = {column.name: column.dtype for column in snapshot.columns}
    renamed = (comparable(pl.col(stored), types[stored]).alias(name) for name, stored in names.items())
    return datasets.scan(folder, snapshot).select(renamed).drop_nulls(list(columns))


def hash_of(columns: Sequence[str]) -> pl.Expr:
    """64 bits that are equal where the values are."""
    return (pl.col(columns[0]) if len(columns) == 1 else pl.struct(columns)).hash()


@dataclass(frozen=True, slots=True)
class Repeats:
    """Rows that repeat another: their indexes in order, and beside each the first row with its key."""

    rows: Indexes
    first: Indexes


def repeats(keys: pl.LazyFrame, columns: Sequence[str], rows: int) -> Repeats:
    """The rows whose key stands in an earlier row; `rows` is about how many there are."""
    found = [
        _repeats_among(keys, columns, suspects)
        for hashed in _hashed(keys, columns, rows)
        for suspects in _sharing(hashed)
    ]
    everything = pl.concat([pl.DataFrame(schema=REPEATS), *found]).sort(ROW_INDEX)
    return Repeats(everything[ROW_INDEX].to_numpy(), everything["first"].to_numpy())


REPEATS = pl.Schema({ROW_INDEX: pl.get_index_type(), "first": pl.get_index_type()})


def _hashed(keys: pl.LazyFrame, columns: Sequence[str], rows: int) -> Iterator[pl.DataFrame]:
    """The hash of each row, in as many parts as memory asks for; equal keys are in the same part."""
    hashed = keys.select(ROW_INDEX, hash_of(columns).alias(HASH))
    parts = -(-rows // HASHED_ROWS)
    for part in range(parts):
        chosen = hashed if parts == 1 else hashed.filter(pl.col(HASH) % parts == part)
        yield chosen.collect(engine="streaming")


def _sharing(hashed: pl.DataFrame) -> Iterator[Indexes]:
    """The rows that share their hash with others, not too many different hashes at a time."""
    ordered = np.sort(hashed[HASH].to_numpy())
    shared = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    for at in range(0, len(shared), COMPARED_KEYS):
        some = pl.Series(shared[at : at + COMPARED_KEYS]).implode()
        yield np.sort(hashed.filter(pl.col(HASH).is_in(some))[ROW_INDEX].to_numpy())


def _repeats_among(keys: pl.LazyFrame, columns: Sequence[str], suspects: Indexes) -> pl.DataFrame:
    groups = (
        keys.filter(among(suspects)).group_by(columns).agg(ROW_INDEX, pl.col(ROW_INDEX).min().alias("first"))
    )
    rows = groups.filter(pl.col(ROW_INDEX).list.len() > 1).select(ROW_INDEX, "first").explode(ROW_INDEX)
    return rows.filter(pl.col(ROW_INDEX) != pl.col("first")).collect(engine="streaming")


def found_in(
    keys: pl.LazyFrame,
    others: pl.LazyFrame,
    columns: Sequence[str],
    rows: int,
    *,
    how: Literal["semi", "anti"] = "semi",
) -> Indexes:
    """The rows whose key is among the others or, with `anti`, is not; `rows` is how many others there are.

    The columns have the same types in both.
    """
    parts = max(-(-rows // JOINED_KEYS), 1)
    found: list[Indexes] = []
    for part in range(parts):
        mine, theirs = (_part(side, columns, part, parts) for side in (keys, others))
        joined = mine.join(theirs.select(columns), on=list(columns), how=how).select(ROW_INDEX)
        found.append(joined.collect(engine="streaming").to_series().to_numpy())
    return np.sort(np.concatenate(found))


def _part(rows: pl.LazyFrame, columns: Sequence[str], part: int, parts: int) -> pl.LazyFrame:
    return rows if parts == 1 else rows.filter(hash_of(columns) % parts == part)


def among(rows: Indexes) -> pl.Expr:
    """Whether a row is one of these, which are in order."""

    if not len(rows):
        return pl.lit(False)

    def look(indexes: pl.Series) -> pl.Series:
        return pl.Series(positions(rows, indexes.to_numpy()) >= 0, dtype=pl.Boolean)

    return pl.col(ROW_INDEX).map_batches(look, return_dtype=pl.Boolean, is_elementwise=True)


def positions(rows: Indexes, wanted: Indexes) -> npt.NDArray[np.int64]:
    """Where rows stand among others, which are in order; -1 where they don't."""
    if not len(rows):
        return np.full(len(wanted), -1)
    at = np.minimum(np.searchsorted(rows, wanted), len(rows) - 1)
    return np.where(rows[at] == wanted, at, -1)
