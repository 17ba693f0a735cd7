"""The tables that are profiled: a version of a dataset, or a file with the types that an ingest would give it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from headgate.errors import JobFault
from headgate.pipelines import formats
from headgate.pipelines.damage import scannable
from headgate.pipelines.prepared import Prepared, Source
from headgate.pipelines.rejections import RejectionLog
from headgate.pipelines.types import TypePlan
from headgate.storage import datasets
from headgate.storage.columns import Column
from headgate.storage.tablefolders import TableFolder

UNKNOWN_COLUMN = "UNKNOWN_COLUMN"
MAX_COLUMNS = 200
SHOWN_COLUMNS = 20
"""So many names an error lists."""


@dataclass(frozen=True, slots=True)
class TypedTable:
    """Typed columns, and a frame of them that can be scanned again and again."""

    columns: Sequence[Column]
    frame: pl.LazyFrame


def of_dataset(folder: TableFolder, version: int, names: Sequence[str] | None) -> TypedTable:
    """These columns of a version, or all of them. Raises JobFault: UNKNOWN_COLUMN, TOO_MANY_COLUMNS."""
    snapshot = datasets.snapshot(folder, version)
    known = {column.name: column for column in snapshot.columns}
    wanted = _wanted(list(known), names)
    return TypedTable([known[name] for name in wanted], datasets.scan(folder, snapshot).select(wanted))


def of_file(source: Source, scratch: Path, names: Sequence[str] | None) -> TypedTable:
    """These columns of a file's readable rows, or all of them, kept in `scratch`.

    Raises JobFault: UNKNOWN_COLUMN, TOO_MANY_COLUMNS, or what the reader raises.
    """
    prepared = formats.read(source, scratch, RejectionLog(scratch), _ignore)
    wanted = _wanted(prepared.names, names)
    frame, kept = prepared.frame.select(wanted), scratch / "typed.parquet"
    with scannable(source.format, prepared):
        plan = _verified_plan(prepared, frame)
        frame.select(_typed(plan, wanted)).sink_parquet(kept, compression="lz4", engine="streaming")
    columns = [Column(name, plan.chosen[name].dtype, plan.chosen[name].form) for name in wanted]
    return TypedTable(columns, pl.scan_parquet(kept, glob=False))


def _wanted(known: Sequence[str], names: Sequence[str] | None) -> list[str]:
    wanted = list(known if names is None else dict.fromkeys(names))
    for name in wanted:
        if name not in known:
            raise _unknown(name, known)
    if len(wanted) > MAX_COLUMNS:
        message = f"These are {len(wanted)} columns. Name up to {MAX_COLUMNS}."
        raise JobFault("TOO_MANY_COLUMNS", message, "CONFIG")
    return wanted


def _unknown(name: str, known: Sequence[str]) -> JobFault:
    message = f"There is no column {name}. The columns are: {', '.join(known[:SHOWN_COLUMNS])}."
    return JobFault(UNKNOWN_COLUMN, message, "CONFIG", details={"column": name})


def _verified_plan(prepared: Prepared, frame: pl.LazyFrame) -> TypePlan:
    """The types that lose no value of any row, as an ingest finds them."""
    schema = frame.collect_schema()
    plan = TypePlan.guess(schema, prepared.texts, prepared.sample)
    doubtful = list(schema)
    while doubtful:
        doubtful = _broken(plan, frame, doubtful)
        plan.demote(doubtful)
    return plan


def _broken(plan: TypePlan, frame: pl.LazyFrame, names: Sequence[str]) -> list[str]:
    lost = frame.select(
        (plan.chosen[name].exact(pl.col(name)).is_null() & pl.col(name).is_not_null()).any().alias(name)
        for name in names
    )
    found = lost.collect(engine="streaming").row(0)
    return [name for name, is_lost in zip(names, found, strict=True) if is_lost]


def _typed(plan: TypePlan, names: Sequence[str]) -> list[pl.Expr]:
    return [plan.chosen[name].exact(pl.col(name)).alias(name) for name in names]


def _ignore(stage: str, **figures: Any) -> None:
    """Nobody waits for the progress of a profile."""
