"""Scans of a table by checks that need to see all rows before any can be judged."""

import polars as pl

from headgate.pipelines.checks.check import Table
from headgate.pipelines.prepared import ROW_INDEX


def watched(table: Table, *columns: str) -> pl.LazyFrame:
    """ROW_INDEX and these columns of all rows; whoever watches the engine hears of each batch, and may stop it."""

    def look(batch: pl.DataFrame) -> pl.DataFrame:
        table.watch("checking")
        return batch

    rows = table.frame.select(ROW_INDEX, *dict.fromkeys(columns))
    return rows.map_batches(
        look, predicate_pushdown=True, projection_pushdown=True, validate_output_schema=False, streamable=True
    )
