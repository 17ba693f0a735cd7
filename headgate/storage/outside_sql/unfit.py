"""Rows that a table can't hold: found before they are sent, so that one of them does not stop all others."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import polars as pl

from headgate.storage.columns import MAX_SAFE_INTEGER, Column, ColumnType
from headgate.storage.outside_sql.tables import Writing


@dataclass(frozen=True, slots=True)
class Unfit:
    """What is wrong with a row where `holds` is true."""

    message: str
    holds: pl.Expr


@dataclass(slots=True)
class Sieve:
    """Keeps rows back that are unfit, and notes their numbers."""

    index: str
    rules: Iterable[Unfit]
    refused: dict[str, list[int]] = field(default_factory=dict)

    def fit(self, batch: pl.DataFrame) -> pl.DataFrame:
        """The rows of a batch that can be written; of each other, the first thing that is wrong is noted."""
        for rule in self.rules:
            wrong = batch.select(rule.holds.fill_null(False).alias("wrong")).to_series()
            if wrong.any():
                numbers = batch[self.index].filter(wrong).to_list()
                self.refused.setdefault(rule.message, []).extend(numbers)
                batch = batch.filter(~wrong)
        return batch


def unfit_anywhere(writing: Writing) -> Iterator[Unfit]:
    """What no table holds."""
    for key in writing.keys:
        yield Unfit(f"The key {key} is empty.", pl.col(key).is_null())
    for column in writing.columns:
        yield from _out_of_time(column)


def _out_of_time(column: Column) -> Iterator[Unfit]:
    value = pl.col(column.name)
    if column.type in (ColumnType.DATE, ColumnType.DATETIME):
        yield Unfit(
            f"The year of {column.name} is not one from 1 to 9999.", ~value.dt.year().is_between(1, 9999)
        )
    if isinstance(column.dtype, pl.Time) or getattr(column.dtype, "time_unit", None) == "ns":
        nanoseconds = value.to_physical() % 1000
        yield Unfit(f"{column.name} is more exact than microseconds.", nanoseconds != 0)


def not_exact_as_float(column: Column) -> Unfit:
    """Integers that a column of floating-point numbers would change."""
    message = f"{column.name} is too large an integer for the table's column of floating-point numbers."
    return Unfit(message, ~pl.col(column.name).is_between(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER))
