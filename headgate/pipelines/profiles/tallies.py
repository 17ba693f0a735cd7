"""Tallies: how often each value stands in a column; of a sample, where the column has too many values for memory."""

import math
from dataclasses import dataclass

import polars as pl

from headgate.pipelines.profiles.distribution import COUNT

VALUE = "value"
TALLY_BYTES = 64 << 20
VALUE_OVERHEAD_BYTES = 64
"""What one value costs in a tally beside its text."""
TOP_VALUES = 10
CANDIDATES = 100
"""So many of the most frequent values of a sample are counted in all rows."""
SAMPLE_INDEX = "__headgate_sample__"
SAMPLE_SEED = 20_260_131


@dataclass(frozen=True, slots=True)
class Size:
    """How large a column is: rows, roughly how many distinct values, and the bytes of its texts, nothing else's."""

    rows: int
    distinct: int
    text_bytes: int = 0

    @property
    def affordable_values(self) -> int:
        """How many values like these go into a tally."""
        mean_bytes = self.text_bytes / max(self.rows, 1)
        return max(int(TALLY_BYTES / (VALUE_OVERHEAD_BYTES + mean_bytes)), CANDIDATES)


@dataclass(frozen=True, slots=True)
class Tally:
    """VALUE and COUNT of one column, nulls left out; `is_whole` unless they are those of a sample of its rows.

    `distinct` counts the values of all rows, within 1 in 100 where the tally isn't whole.
    """

    frame: pl.DataFrame
    distinct: int
    is_whole: bool


def tally(frame: pl.LazyFrame, name: str, size: Size) -> Tally:
    """Count the values of a column, or those of an even sample of rows where they would take too much memory."""
    column = frame.select(pl.col(name).alias(VALUE)).drop_nulls(VALUE)
    if size.distinct <= size.affordable_values:
        counts = _counted(column)
        return Tally(counts, counts.height, is_whole=True)
    every = math.ceil(size.rows / size.affordable_values)
    # Hashed, as rows that lie evenly apart may have something in common, such as a time of day.
    sample = column.with_row_index(SAMPLE_INDEX).filter(_is_chosen(SAMPLE_INDEX, every))
    return Tally(_counted(sample), _estimated_distinct(column, size), is_whole=False)


def _is_chosen(name: str, every: int) -> pl.Expr:
    """Choose a value or not, whichever row has it; about one of so many."""
    return pl.col(name).hash(SAMPLE_SEED) % every == 0


def _estimated_distinct(column: pl.LazyFrame, size: Size) -> int:
    """Count the distinct ones among chosen values: of a million the error is about 1 in 1,000."""
    every = math.ceil(size.distinct / size.affordable_values)
    chosen = column.filter(_is_chosen(VALUE, every)).select(pl.col(VALUE).n_unique())
    return int(chosen.collect(engine="streaming").item()) * every


def _counted(column: pl.LazyFrame) -> pl.DataFrame:
    counts = column.group_by(VALUE).agg(pl.len().cast(pl.Int64).alias(COUNT))
    return counts.collect(engine="streaming")


def top_values(frame: pl.LazyFrame, name: str, tally: Tally) -> pl.DataFrame:
    """VALUE and COUNT of the most frequent values, exact counts in any case; equally frequent ones in their order."""
    if tally.is_whole:
        return _first(tally.frame, TOP_VALUES)
    candidates = _first(tally.frame, CANDIDATES)[VALUE]
    column = frame.select(pl.col(name).alias(VALUE)).drop_nulls(VALUE)
    return _first(_counted(column.filter(pl.col(VALUE).is_in(candidates.implode()))), TOP_VALUES)


def _first(counts: pl.DataFrame, rows: int) -> pl.DataFrame:
    first = counts.top_k(rows, by=[COUNT, VALUE], reverse=[False, True])
    return first.sort([COUNT, VALUE], descending=[True, False])
