"""pointblank with Polars; its extracts of failing rows tell the faults, with no limit to how many."""

from pathlib import Path

import pointblank as pb
import polars as pl

from benchmarks.data import WORDS
from benchmarks.rival import FAULTS, run
from benchmarks.rules import BOOLEANS, DAY, MAX_NOTE, MAX_PRICE, MAX_QUANTITY, MAX_SCORE, MIN_NOTE


def _number(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.Float64, strict=False)


def _within(column: str, high: float) -> pl.Expr:
    """A number from 0 to `high`; what is no number is left to another step."""
    return _number(column).is_between(0, high).fill_null(True)


LENGTH = pl.col("note").str.len_chars().is_between(MIN_NOTE, MAX_NOTE).fill_null(True)
COLUMNS = ("id", "note", "quantity", "quantity", "price", "score", "product", "active", "day", "note")
"""The columns of the steps."""


def find(source: Path) -> pl.DataFrame:
    """The extracts of all steps."""
    rows = pl.read_csv(source, infer_schema=False)
    steps = (
        pb.Validate(rows)
        .rows_distinct(columns_subset=["id"])
        .col_vals_not_null("note")
        .col_vals_expr(_number("quantity").is_not_null())
        .col_vals_expr(_within("quantity", MAX_QUANTITY))
        .col_vals_expr(_within("price", MAX_PRICE))
        .col_vals_expr(_within("score", MAX_SCORE))
        .col_vals_in_set("product", list(WORDS))
        .col_vals_in_set("active", list(BOOLEANS))
        .col_vals_regex("day", f"^{DAY}$")
        .col_vals_expr(LENGTH)
        .interrogate(extract_limit=rows.height)
    )
    extracts = steps.get_data_extracts()
    told = [_told(extracts[number], column) for number, column in enumerate(COLUMNS, start=1)]
    return pl.concat(told)


def _told(extract: pl.DataFrame, column: str) -> pl.DataFrame:
    columns = {"row": pl.col("_row_num_"), "column": pl.lit(column), "value": pl.col(column)}
    return extract.select(**columns).cast(FAULTS)


if __name__ == "__main__":
    run(find)
