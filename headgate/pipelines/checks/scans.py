"""Scans of a table by checks that need to see all rows before any can be judged."""

import polars as pl

from headgate.pipelines import batches
from headgate.pipelines.checks.check import Table
from headgate.pipelines.prepared import ROW_INDEX


def watched(table: Table, *columns: str) -> pl.LazyFrame:
    """ROW_INDEX and these columns of all rows; whoever watches the engine hears of each batch, and may stop it."""
    rows = table.frame.select(ROW_INDEX, *dict.fromkeys(columns))
    return batches.watched(rows, table.watch, "checking")
