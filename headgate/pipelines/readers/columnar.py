"""Parquet and Arrow IPC files: already typed, scanned where they lie."""

from pathlib import Path

import numpy as np
import polars as pl

from headgate.errors import JobFault
from headgate.pipelines.prepared import ROW_INDEX, SAMPLE_ROWS, Prepared, Source, Watch
from headgate.pipelines.readers.naming import column_names
from headgate.pipelines.rejections import RejectionLog
from headgate.pipelines.replay import RowSet


def read_parquet(source: Source, scratch: Path, log: RejectionLog, watch: Watch) -> Prepared:
    """A Parquet file; its rows have no lines."""
    return prepare(pl.scan_parquet(source.path, glob=False), source.only, watch)


def read_arrow(source: Source, scratch: Path, log: RejectionLog, watch: Watch) -> Prepared:
    """An Arrow IPC file (Feather version 2); its rows have no lines."""
    return prepare(pl.scan_ipc(source.path, glob=False), source.only, watch)


def prepare(frame: pl.LazyFrame, only: RowSet | None, watch: Watch) -> Prepared:
    """Typed rows that are scanned where they lie."""
    schema = frame.collect_schema()
    names = column_names(schema.names())
    if not names:
        raise JobFault("NO_COLUMNS", "The file has no columns.", "DATA")
    rows = frame.rename(dict(zip(schema.names(), names, strict=True))).with_row_index(ROW_INDEX)
    count = int(frame.select(pl.len()).collect(engine="streaming").item())
    return Prepared(
        frame=rows if only is None else _chosen(rows, only, watch),
        names=names,
        texts=frozenset(),
        sample=rows.drop(ROW_INDEX).head(SAMPLE_ROWS).collect(engine="streaming"),
        accepted=count if only is None else only.count_up_to(count),
    )


def _chosen(rows: pl.LazyFrame, only: RowSet, watch: Watch) -> pl.LazyFrame:
    def choose(batch: pl.DataFrame) -> pl.DataFrame:
        watch("writing")
        return batch.filter(only.mask(batch[ROW_INDEX].to_numpy().astype(np.int64) + 1))

    return rows.map_batches(choose, validate_output_schema=False, streamable=True)
