"""The step `encode`."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Any, ClassVar, Self

import polars as pl
from pydantic import Field, model_validator

from headgate.errors import JobFault
from headgate.pipelines.checks.operands import text_of
from headgate.pipelines.readers.naming import column_names
from headgate.pipelines.steps.columns import ColumnStep, require_flat
from headgate.pipelines.steps.constants import Constant, constant, spelled
from headgate.pipelines.steps.naming import require_free
from headgate.pipelines.steps.step import StepTable, Transform
from headgate.pipelines.types import is_text

MOST_COLUMNS, MOST_CATEGORIES, USUAL_CATEGORIES = 2_000, 100_000, 1_000
SHOWN_CHARACTERS = 100
"""So much of a value is part of the name of its column."""
HASHED_BYTES = 8


class EncodeMethod(StrEnum):
    """What values become."""

    ONE_HOT = "ONE_HOT"
    ORDINAL = "ORDINAL"
    HASH = "HASH"


class Encode(ColumnStep):
    """Turns categories into numbers: a column of 0 and 1 for each, their places in an order, or hashes.

    ONE_HOT puts columns such as country_DE in the place of a column; where there is no value, or one that is not among
    the given categories, all of them are 0. ORDINAL gives the place of a value among the categories, from 0 on, or null
    where it is not among them. Categories that are not given are the values that there are, in rising order. HASH gives
    the number of a bucket, from 0 on, for any value: the first 8 bytes of the SHA-256 of its text, modulo `buckets`.
    """

    kind: ClassVar[str] = "encode"
    example: ClassVar[dict[str, Any]] = {
        "columns": ["status"],
        "method": "ONE_HOT",
        "categories": ["new", "paid"],
    }
    records: ClassVar[Sequence[Mapping[str, Any]]] = ({"status": "paid"}, {"status": "new"}, {"status": None})

    method: EncodeMethod = Field(description="What values become.")
    categories: list[Constant] | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_CATEGORIES,
        description="The values in their order, for ONE_HOT and ORDINAL, so that each run makes the same of them.",
    )
    max_categories: int | None = Field(
        default=None,
        ge=1,
        le=MOST_CATEGORIES,
        description=f"The job fails where a column has more different values; {USUAL_CATEGORIES:,} by default.",
    )
    buckets: int | None = Field(
        default=None, ge=2, le=2**31 - 1, description="How many buckets HASH sorts values into."
    )

    @model_validator(mode="after")
    def _check_settings(self) -> Self:
        if (self.buckets is None) == (self.method is EncodeMethod.HASH):
            raise ValueError("HASH needs buckets" if self.buckets is None else "buckets are for HASH alone")
        if self.method is EncodeMethod.HASH and (self.categories or self.max_categories):
            raise ValueError("HASH knows no categories")
        if self.categories and self.max_categories:
            raise ValueError("give either categories or maxCategories")
        texts = [spelled(value) for value in self.categories or ()]
        if len(set(texts)) < len(texts):
            raise ValueError("a category is given twice")
        if self.method is EncodeMethod.ONE_HOT and max(len(texts), self.max_categories or 0) > MOST_COLUMNS:
            raise ValueError(f"ONE_HOT takes up to {MOST_COLUMNS:,} categories, each a column")
        return self

    @property
    def sees_all(self) -> bool:
        """Categories that are not given are found among all values."""
        return self.method is not EncodeMethod.HASH and self.categories is None

    def prepare(self, table: StepTable) -> Transform:
        """Encode columns. Raises JobFault: TOO_MANY_CATEGORIES, COLUMN_EXISTS, UNFIT_VALUE, NESTED_COLUMN."""
        require_flat(table, self.columns)
        if self.buckets is not None:
            into = _bucketing(self.buckets)
            hashed = [
                _hashed(text_of(column, table.schema[column]), into).alias(column) for column in self.columns
            ]
            return lambda rows: rows.with_columns(hashed)
        categories = {column: self._categories(table, column) for column in self.columns}
        if self.method is EncodeMethod.ONE_HOT:
            return self._one_hot(table, categories)
        places = [
            _place(_plain(table, column), values).alias(column) for column, values in categories.items()
        ]
        return lambda rows: rows.with_columns(places)

    def _categories(self, table: StepTable, column: str) -> pl.Series:
        dtype = table.schema[column]
        if self.categories is not None:
            return pl.concat(
                [
                    constant(value, column, pl.String() if dtype == pl.Null else dtype)
                    for value in self.categories
                ]
            )
        most = self.max_categories or USUAL_CATEGORIES
        values = table.frame.select(_plain(table, column).drop_nulls().unique().alias(column))
        found = table.scan(values.head(most + 1)).to_series()
        if len(found) > most:
            message = f"The column {column} has more than {most:,} different values."
            raise JobFault("TOO_MANY_CATEGORIES", message, "DATA", details={"column": column, "max": most})
        return found.sort()

    def _one_hot(self, table: StepTable, categories: Mapping[str, pl.Series]) -> Transform:
        columns: dict[str, pl.Expr] = {}
        for column, values in categories.items():
            names = _names(column, values)
            require_free(columns, names)
            for name, value in zip(names, values.to_list(), strict=True):
                equal = _plain(table, column) == pl.lit(value, values.dtype)
                columns[name] = equal.fill_null(False).cast(pl.Int8).alias(name)
        require_free((name for name in table.schema if name not in categories), columns)
        if not columns:
            return lambda rows: rows.drop(self.columns)
        return lambda rows: rows.with_columns(columns.values()).drop(set(self.columns) - columns.keys())


def _plain(table: StepTable, column: str) -> pl.Expr:
    dtype = table.schema[column]
    as_text = dtype == pl.Null or (is_text(dtype) and dtype != pl.String)
    return pl.col(column).cast(pl.String) if as_text else pl.col(column)


def _names(column: str, values: pl.Series) -> list[str]:
    """A name for each value: names of columns don't differ in case alone, and no two may be the same."""
    texts = values.to_frame("value").select(text_of("value", values.dtype)).to_series()
    return column_names([f"{column}_{text[:SHOWN_CHARACTERS]}" for text in texts.to_list()])


def _place(cell: pl.Expr, values: pl.Series) -> pl.Expr:
    places = pl.Series(range(len(values)), dtype=pl.Int64)
    return cell.replace_strict(values, places, default=None, return_dtype=pl.Int64)


def _hashed(text: pl.Expr, into: Callable[[pl.Series], pl.Series]) -> pl.Expr:
    return text.map_batches(into, return_dtype=pl.Int64, is_elementwise=True)


def _bucketing(buckets: int) -> Callable[[pl.Series], pl.Series]:
    """What sorts texts into buckets: the same in each process and version, which Polars' own hashes are not."""

    def bucket(text: str) -> int:
        return int.from_bytes(sha256(text.encode()).digest()[:HASHED_BYTES]) % buckets

    def into(texts: pl.Series) -> pl.Series:
        # Categories repeat, so that few of them are to be hashed.
        distinct = texts.drop_nulls().unique()
        numbers = pl.Series([bucket(text) for text in distinct.to_list()], dtype=pl.Int64)
        return texts.replace_strict(distinct, numbers, default=None, return_dtype=pl.Int64)

    return into
