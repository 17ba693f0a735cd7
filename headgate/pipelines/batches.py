"""Batches of rows on their way through a scan, as somebody looks at them."""

from collections.abc import Callable

import polars as pl

from headgate.pipelines.prepared import Watch

Look = Callable[[pl.DataFrame], pl.DataFrame]
"""Takes a batch, in any thread, and answers the same rows."""


def looked_at(rows: pl.LazyFrame, look: Look, *, all_columns: bool) -> pl.LazyFrame:
    """The same rows, each of which somebody sees, as no filter or, with `all_columns`, selection is put before that."""
    return rows.map_batches(
        look,
        predicate_pushdown=False,
        projection_pushdown=not all_columns,
        slice_pushdown=False,
        streamable=True,
        validate_output_schema=False,
    )


def watched(rows: pl.LazyFrame, watch: Watch, stage: str = "writing") -> pl.LazyFrame:
    """The same rows; whoever watches hears of each batch, and may stop the scan."""

    def look(batch: pl.DataFrame) -> pl.DataFrame:
        watch(stage)
        return batch

    return rows.map_batches(
        look, predicate_pushdown=True, projection_pushdown=True, validate_output_schema=False, streamable=True
    )
