"""Columns of several tables as those of one: united by their names, under types that keep every value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import polars as pl

from headgate.pipelines.prepared import ROW_INDEX, Prepared
from headgate.pipelines.readers.widening import wider
from headgate.pipelines.types import conforming, is_text
from headgate.storage.columns import MAX_SAFE_INTEGER


@dataclass(frozen=True, slots=True)
class Part:
    """One of the tables; its rows come behind those of others."""

    prepared: Prepared
    rows_before: int

    def is_empty(self, name: str) -> bool:
        """Whether a column has no value at all."""
        return self._holds(pl.col(name).is_null().all())

    def is_exact_as_float(self, name: str) -> bool:
        """Whether each of a column's integers is one that a double keeps."""
        return self._holds(pl.col(name).is_between(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER).all())

    def _holds(self, condition: pl.Expr) -> bool:
        return bool(self.prepared.frame.select(condition).collect(engine="streaming").item())


@dataclass(frozen=True, slots=True)
class United:
    """The tables, all with the same columns; `texts` are those that are the sources' own text in each of them."""

    frames: Sequence[pl.LazyFrame]
    samples: Sequence[pl.DataFrame]
    names: Sequence[str]
    texts: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Place:
    """A column in one of the tables, where it may be spelled in another case."""

    part: Part
    name: str
    dtype: pl.DataType

    @property
    def is_own_text(self) -> bool:
        return self.name in self.part.prepared.texts


def unite(parts: Sequence[Part]) -> United:
    """Give tables the same columns, in the order and the spelling in which they first come.

    Names that differ in case alone are one column's, as in a dataset. Where a table lacks a column it is null; where
    types have none in common that keeps every value, all become text.
    """
    columns = _columns(parts)
    united = {name: _united(places) for name, places in columns.items()}
    frames, samples = [], []
    for part in parts:
        exprs = [_expression(name, columns[name], part, dtype) for name, (dtype, _) in united.items()]
        index = (pl.col(ROW_INDEX) + part.rows_before).cast(pl.get_index_type())
        frames.append(part.prepared.frame.select(index, *exprs))
        samples.append(_of_height(part.prepared.sample, exprs))
    texts = frozenset(name for name, (_, is_own_text) in united.items() if is_own_text)
    return United(frames, samples, list(columns), texts)


def _of_height(sample: pl.DataFrame, exprs: Sequence[pl.Expr]) -> pl.DataFrame:
    """The same rows with other columns, be they all literals."""
    return sample.with_columns(pl.lit(0).alias(ROW_INDEX)).select(ROW_INDEX, *exprs).drop(ROW_INDEX)


def _columns(parts: Sequence[Part]) -> dict[str, list[_Place]]:
    """Where the columns are, by the name that each has first."""
    spelled: dict[str, str] = {}
    columns: dict[str, list[_Place]] = {}
    for part in parts:
        schema: Mapping[str, pl.DataType] = part.prepared.frame.collect_schema()
        for name in part.prepared.names:
            first = spelled.setdefault(name.casefold(), name)
            columns.setdefault(first, []).append(_Place(part, name, schema[name]))
    return columns


def _united(places: Sequence[_Place]) -> tuple[pl.DataType, bool]:
    """The type of a column, and whether it is the sources' own text."""
    if any(not is_text(place.dtype) for place in places):
        # A column without values is text in many a format, though it isn't meant as such.
        places = [
            place for place in places if not is_text(place.dtype) or not place.part.is_empty(place.name)
        ]
    if all(place.is_own_text for place in places):
        return pl.String(), True
    dtypes = [place.dtype for place in places]
    common = reduce(lambda one, other: one and other and wider(one, other), dtypes, _NOTHING)
    if common is None and _are_floats(places):
        common = pl.Float64()
    return (pl.String() if common in (None, pl.Null) else common), False


_NOTHING: pl.DataType | None = pl.Null()


def _are_floats(places: Sequence[_Place]) -> bool:
    """Whether a column holds nothing but floats and integers that floats keep."""
    return any(place.dtype.is_float() for place in places) and all(
        place.dtype.is_float()
        or place.dtype == pl.Null
        or (place.dtype.is_integer() and place.part.is_exact_as_float(place.name))
        for place in places
    )


def _expression(name: str, places: Sequence[_Place], part: Part, dtype: pl.DataType) -> pl.Expr:
    """A column as one of the tables has it."""
    place = next((place for place in places if place.part is part), None)
    if place is None or place.dtype == pl.Null:
        return pl.lit(None, dtype).alias(name)
    value = pl.col(place.name)
    if place.dtype == dtype:
        return value.alias(name)
    if dtype == pl.String:
        return conforming(place.dtype, dtype).exact(value).alias(name)
    # Only a text without values becomes anything else.
    return pl.lit(None, dtype).alias(name) if is_text(place.dtype) else value.cast(dtype).alias(name)
