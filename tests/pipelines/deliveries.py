"""Rows as a job hands them to a sink, and the job."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from headgate.pipelines.endpoints.outside import Outside
from headgate.pipelines.prepared import Watch
from headgate.pipelines.rowmap import ROW_INDEX
from headgate.pipelines.sinks.sink import Delivery, SinkRows
from headgate.storage.columns import Column
from tests.pipelines.intake import unheard

JOB = "job_01test"


def rows_of(
    folder: Path, records: Sequence[Mapping[str, Any]] | pl.DataFrame, forms: Mapping[str, str] | None = None
) -> SinkRows:
    """Rows in two files, every other number of which was rejected."""
    frame = records if isinstance(records, pl.DataFrame) else pl.DataFrame(list(records))
    numbered = frame.with_columns(pl.int_range(0, 2 * frame.height, 2).alias(ROW_INDEX))
    half = frame.height // 2
    files = [folder / "rows-1.parquet", folder / "rows-2.parquet"]
    numbered[:half].write_parquet(files[0])
    numbered[half:].write_parquet(files[1])
    columns = [Column(name, dtype, (forms or {}).get(name)) for name, dtype in frame.schema.items()]
    return SinkRows(files, columns, frame.height)


def delivery_of(
    folder: Path, outside: Outside, *, job: str = JOB, number: int = 0, watch: Watch = unheard
) -> Delivery:
    """A delivery of the job's sink with this number."""
    scratch = folder / "scratch"
    scratch.mkdir(exist_ok=True)
    return Delivery(job, f"{job}:{number}", scratch, outside, watch)
