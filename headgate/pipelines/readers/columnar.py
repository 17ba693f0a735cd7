"""Parquet and Arrow IPC files: already typed, scanned where they lie."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from headgate.errors import JobFault
from headgate.pipelines.prepared import ROW_INDEX, SAMPLE_ROWS, Prepared, Source, Watch
from headgate.pipelines.readers.json import MAX_DEPTH
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
    _check_depth(schema.values())
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


def _check_depth(types: Iterable[pl.DataType]) -> None:
    """Raise JobFault (NESTED_TOO_DEEPLY) for types that no table can have; the same depth is too much for JSON."""
    level = list(types)
    for _ in range(MAX_DEPTH + 1):
        level = [inner for each in level for inner in _inner(each)]
    if level:
        message = (
            f"The file has values that nest more than {MAX_DEPTH} levels deep, which no dataset can keep."
        )
        raise JobFault("NESTED_TOO_DEEPLY", message, "DATA")


def _inner(kind: pl.DataType) -> Iterator[Any]:
    if isinstance(kind, pl.Struct):
        yield from (field.dtype for field in kind.fields)
    elif isinstance(kind, pl.List | pl.Array):
        yield kind.inner


def _chosen(rows: pl.LazyFrame, only: RowSet, watch: Watch) -> pl.LazyFrame:
    def choose(batch: pl.DataFrame) -> pl.DataFrame:
        watch("writing")
        return batch.filter(only.mask(batch[ROW_INDEX].to_numpy().astype(np.int64) + 1))

    return rows.map_batches(choose, validate_output_schema=False, streamable=True)
