"""Made-up data, good and damaged: the same bytes each time, in constant memory."""

from pathlib import Path
from typing import NamedTuple

import polars as pl

WORDS = ("amber", "birch", "cedar", "dune", "ember", "fjord", "grove", "harbour")


class Damage(NamedTuple):
    """What stands in a damaged cell, and the code of the error that this is; None is no value."""

    column: str
    value: str | None
    code: str


DAMAGES = (
    Damage("quantity", "n/a", "TYPE"),
    Damage("price", "-1.5", "RANGE"),
    Damage("product", "ambre", "ENUM"),
    Damage("day", "31.12.2024", "PATTERN"),
    Damage("note", None, "REQUIRED"),
)
DAMAGED_EVERY = 100
"""One of so many rows is damaged, in one cell."""


def write_csv(path: Path, rows: int) -> Path:
    """Write a CSV file of this many rows and 8 columns: integers, floats, text, dates and booleans."""
    _table(rows).sink_csv(path)
    return path


def write_damaged_csv(path: Path, rows: int) -> Path:
    """Write the same file with the cells of `damaged_cells` damaged."""
    kinds = {damage.column: kind for kind, damage in enumerate(DAMAGES)}
    damaged = (
        pl.when(_damaged(pl.col("id"), kind))
        .then(pl.lit(DAMAGES[kind].value, pl.String))
        .otherwise(pl.col(column).cast(pl.String))
        .alias(column)
        for column, kind in kinds.items()
    )
    _table(rows).with_columns(*damaged).sink_csv(path)
    return path


def damaged_cells(rows: int) -> pl.DataFrame:
    """The damaged cells of a file of this many rows: `row`, from 1, `column`, `value` and `code`."""
    number = pl.int_range(rows, eager=False)
    cells = (
        pl.select(row=number.filter(_damaged(number, kind)) + 1).with_columns(
            pl.lit(value, pl.String).alias(name) for name, value in damage._asdict().items()
        )
        for kind, damage in enumerate(DAMAGES)
    )
    return pl.concat(cells).sort("row")


def _damaged(number: pl.Expr, kind: int) -> pl.Expr:
    """Whether the row of this number, from 0, has a kind of damage."""
    last_of_some = number % DAMAGED_EVERY == DAMAGED_EVERY - 1
    return last_of_some & (number // DAMAGED_EVERY % len(DAMAGES) == kind)


def _table(rows: int) -> pl.LazyFrame:
    number = pl.int_range(rows, eager=False)
    noise = (number * 2_654_435_761) % 1_000_003
    word = noise.mod(len(WORDS)).replace_strict(dict(enumerate(WORDS)), return_dtype=pl.String)
    columns = {
        "id": number,
        "quantity": noise % 500,
        "price": (noise % 99_991) / 8,
        "score": noise / 1024,
        "product": word,
        "note": pl.format("{} {}", word, noise % 7_919),
        "day": pl.date(2020, 1, 1) + pl.duration(days=noise % 2_000),
        "active": noise % 3 == 0,
    }
    return pl.select(**columns, eager=False)
