"""Made-up data: the same bytes each time, in constant memory."""

from pathlib import Path

import polars as pl

WORDS = ("amber", "birch", "cedar", "dune", "ember", "fjord", "grove", "harbour")


def write_csv(path: Path, rows: int) -> Path:
    """Write a CSV file of this many rows and 8 columns: integers, floats, text, dates and booleans."""
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
    pl.select(**columns, eager=False).sink_csv(path)
    return path
