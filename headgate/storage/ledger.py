"""The error ledger: one Parquet file a job, one line for each fault of a row or cell, in row order."""

import functools
from collections.abc import Sequence
from pathlib import Path

import polars as pl

SCHEMA = pl.Schema(
    {
        "row": pl.Int64,
        "line": pl.Int64,
        "column": pl.String,
        "value": pl.String,
        "code": pl.String,
        "check": pl.String,
        "severity": pl.String,
        "message": pl.String,
        "suggestion": pl.String,
        "record": pl.String,
    }
)
GROUP_ROWS = 8192
"""So many errors lie together at most: who reads one page reads little more, who counts all of them seldom stops."""
GROUP_BYTES = 32 << 20
"""Whoever reads some of the errors that lie together has the records of all of them in memory."""


def merge_parts(parts: Sequence[Path], path: Path, heads: Sequence[Path] = ()) -> None:
    """Write the parts, each sorted by row, as one ledger in row order; appears at `path` whole or not at all.

    Errors of `heads` are those of no row, and come first.

    Parts are streamed and never sorted together: those that don't overlap follow each other in a lane, and the few
    lanes are merged.
    """
    staged = path.with_suffix(".staged")
    staged.parent.mkdir(parents=True, exist_ok=True)
    lanes = [pl.scan_parquet(lane, schema=SCHEMA, glob=False) for lane in _lanes(parts)]
    first = [pl.scan_parquet(head, schema=SCHEMA, glob=False) for head in heads]
    merged = [functools.reduce(lambda one, other: one.merge_sorted(other, key="row"), lanes)] if lanes else []
    pl.concat([*first, *merged]).sink_parquet(
        staged, maintain_order=True, row_group_size=_group_rows([*heads, *parts])
    )
    staged.rename(path)


def _group_rows(parts: Sequence[Path]) -> int:
    """How many errors lie together: fewer where their records are long."""
    sizes = pl.scan_parquet(list(parts), schema=SCHEMA, glob=False).select(
        pl.len(), pl.col("record").str.len_bytes().sum()
    )
    count, size = map(int, sizes.collect(engine="streaming").row(0))
    return max(1, min(GROUP_ROWS, count * GROUP_BYTES // max(size, 1)))


def _lanes(parts: Sequence[Path]) -> list[list[Path]]:
    """Parts in row order, shared out to as few lanes as hold parts that don't overlap."""
    lanes: list[list[Path]] = []
    ends: list[int] = []
    for first, last, part in sorted((*_row_range(part), part) for part in parts):
        free = next((number for number, end in enumerate(ends) if end <= first), None)
        if free is None:
            lanes.append([part])
            ends.append(last)
        else:
            lanes[free].append(part)
            ends[free] = last
    return lanes


def _row_range(part: Path) -> tuple[int, int]:
    row = pl.col("row")
    first, last = (
        pl.scan_parquet(part, glob=False).select(row.min().alias("first"), row.max()).collect().row(0)
    )
    return first, last
