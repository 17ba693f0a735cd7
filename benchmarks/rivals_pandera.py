"""Pandera with Polars, validating lazily, which is how it tells all faults and not just the first.

Columns stay text, and checks of our own compare their numbers: with its own coercion, one cell that is no number
leaves all columns text, so that no range can be checked.
"""

from pathlib import Path

import pandera.polars as pa
import polars as pl

from benchmarks.data import WORDS
from benchmarks.rival import run
from benchmarks.rules import BOOLEANS, DAY, MAX_NOTE, MAX_PRICE, MAX_QUANTITY, MAX_SCORE, MIN_NOTE


def _number(high: float) -> pa.Check:
    """A number from 0 to `high`."""

    def is_within(data: pa.PolarsData) -> pl.LazyFrame:
        number = pl.col(data.key).cast(pl.Float64, strict=False)
        return data.lazyframe.select(number.is_between(0, high).fill_null(False))

    return pa.Check(is_within)


SCHEMA = pa.DataFrameSchema(
    {
        "id": pa.Column(str, unique=True),
        "quantity": pa.Column(str, _number(MAX_QUANTITY)),
        "price": pa.Column(str, _number(MAX_PRICE)),
        "score": pa.Column(str, _number(MAX_SCORE)),
        "product": pa.Column(str, pa.Check.isin(WORDS)),
        "note": pa.Column(str, pa.Check.str_length(MIN_NOTE, MAX_NOTE), nullable=False),
        "day": pa.Column(str, pa.Check.str_matches(f"^{DAY}$")),
        "active": pa.Column(str, pa.Check.isin(BOOLEANS)),
    }
)


def find(source: Path) -> pl.DataFrame:
    """The failure cases of the schema."""
    rows = pl.read_csv(source, infer_schema=False)
    try:
        SCHEMA.validate(rows, lazy=True)
    except pa.errors.SchemaErrors as errors:
        cases: pl.DataFrame = errors.failure_cases
        return cases.select("column", row=pl.col("index").cast(pl.Int64) + 1, value="failure_case")
    raise RuntimeError("Pandera finds no fault.")


if __name__ == "__main__":
    run(find)
