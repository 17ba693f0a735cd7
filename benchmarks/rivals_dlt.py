"""dlt with a Pydantic model as the schema contract, from the csv module into a local folder.

Rows that break the model are discarded: how many can be told, and nothing else. Uniqueness is no part of a contract.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import dlt
import polars as pl
from pydantic import BaseModel, Field

from benchmarks.rival import FAULTS, run
from benchmarks.rules import DAY, MAX_NOTE, MAX_PRICE, MAX_QUANTITY, MAX_SCORE, MIN_NOTE

TABLE = "checked"


class Row(BaseModel):
    """The rules for one row."""

    id: int
    quantity: int = Field(ge=0, le=MAX_QUANTITY)
    price: float = Field(ge=0, le=MAX_PRICE)
    score: float = Field(ge=0, le=MAX_SCORE)
    product: Literal["amber", "birch", "cedar", "dune", "ember", "fjord", "grove", "harbour"]
    note: str = Field(min_length=MIN_NOTE, max_length=MAX_NOTE)
    day: str = Field(pattern=f"^{DAY}$")
    active: Literal["true", "false"]


def find(source: Path) -> pl.DataFrame:
    """One fault for each row that was not loaded, of which nothing is known."""
    read = 0

    @dlt.resource(name=TABLE, columns=Row, schema_contract={"data_type": "discard_row"})
    def rows() -> Iterator[dict[str, str]]:
        nonlocal read
        with source.open(newline="") as file:
            for row in csv.DictReader(file):
                read += 1
                yield row

    with TemporaryDirectory() as folder:
        target = dlt.destinations.filesystem((Path(folder) / "files").as_uri())
        pipeline = dlt.pipeline(TABLE, pipelines_dir=folder, destination=target, dataset_name=TABLE)
        pipeline.run(rows())
        trace = pipeline.last_trace
        assert trace is not None
        assert trace.last_normalize_info is not None
        loaded = trace.last_normalize_info.row_counts[TABLE]
    return pl.DataFrame({name: [None] * (read - loaded) for name in FAULTS}, schema=FAULTS)


if __name__ == "__main__":
    run(find)
