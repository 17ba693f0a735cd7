"""JSON arrays that stand in the texts of a column: their items, of one type."""

from typing import Any

import polars as pl

from headgate.pipelines.steps.jsontext import JsonKind, dtype_for, kind_of, parse, values_as
from headgate.pipelines.steps.step import StepTable

ITEM_KINDS = pl.List(pl.String())


def _text(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String)


def _items(text: str | None) -> list[Any] | None:
    """The items of an array; None where a text holds something else."""
    value = None if text is None else parse(text)
    return value if isinstance(value, list) else None


def are_lists(column: str) -> pl.Expr:
    """Whether a text holds a JSON array, or JSON's null."""

    def hold(texts: pl.Series) -> pl.Series:
        held = [None if text is None else isinstance(parse(text), list | None) for text in texts.to_list()]
        return pl.Series(texts.name, held, dtype=pl.Boolean)

    return _text(column).map_batches(hold, return_dtype=pl.Boolean, is_elementwise=True)


def lengths(column: str) -> pl.Expr:
    """How many items the array in a text has."""

    def count(texts: pl.Series) -> pl.Series:
        counts = [len(_items(text) or ()) for text in texts.to_list()]
        return pl.Series(texts.name, counts, dtype=pl.UInt32)

    return _text(column).map_batches(count, return_dtype=pl.UInt32, is_elementwise=True)


def found_lists(table: StepTable, column: str) -> pl.Expr:
    """The arrays in the texts of a column as lists, of a type for all items, which a pass before finds."""
    kinds = _text(column).map_batches(_kinds, return_dtype=ITEM_KINDS, is_elementwise=True)
    found = table.scan(table.frame.select(kinds.explode().drop_nulls().unique().alias("kind"))).to_series()
    dtype = dtype_for(map(JsonKind, found.to_list()))

    def lists(texts: pl.Series) -> pl.Series:
        items = (_items(text) for text in texts.to_list())
        values = [None if each is None else values_as(each, dtype) for each in items]
        return pl.Series(texts.name, values, dtype=pl.List(dtype))

    return _text(column).map_batches(lists, return_dtype=pl.List(dtype), is_elementwise=True)


def _kinds(texts: pl.Series) -> pl.Series:
    kinds = [[*{kind for item in _items(text) or () if (kind := kind_of(item))}] for text in texts.to_list()]
    return pl.Series(texts.name, kinds, dtype=ITEM_KINDS)
