"""Parquet and Arrow IPC files: already typed, scanned where they lie."""

from pathlib import Path

import polars as pl

from headgate.errors import JobFault
from headgate.pipelines.prepared import ROW_INDEX, Prepared, Source, Watch
from headgate.pipelines.rejections import RejectionLog
from headgate.pipelines.sources.naming import column_names


def read_parquet(source: Source, scratch: Path, log: RejectionLog, watch: Watch) -> Prepared:
    """A Parquet file; its rows have no lines."""
    return _prepare(pl.scan_parquet(source.path, glob=False))


def read_arrow(source: Source, scratch: Path, log: RejectionLog, watch: Watch) -> Prepared:
    """An Arrow IPC file (Feather version 2); its rows have no lines."""
    return _prepare(pl.scan_ipc(source.path, glob=False))


def _prepare(frame: pl.LazyFrame) -> Prepared:
    schema = frame.collect_schema()
    names = column_names(schema.names())
    if not names:
        raise JobFault("NO_COLUMNS", "The file has no columns.", "DATA")
    return Prepared(
        frame=frame.rename(dict(zip(schema.names(), names, strict=True))).with_row_index(ROW_INDEX),
        names=names,
        texts=frozenset(),
        sample=pl.DataFrame(),
        accepted=int(frame.select(pl.len()).collect(engine="streaming").item()),
    )
