"""What all have in common that check a file side by side: the command line, the clock and the memory."""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl

from benchmarks.memory import PROC, peak_bytes_of

FAULTS = pl.Schema({"row": pl.Int64, "column": pl.String, "value": pl.String})
"""A fault as it is told: the row from 1, the column and the value as it came; null where that is not told."""


def run(find: Callable[[Path], pl.DataFrame]) -> None:
    """Run `python -m benchmarks.MODULE FILE.csv FAULTS.parquet`; prints the seconds and the most memory as JSON."""
    source, target = map(Path, sys.argv[1:])
    started = time.perf_counter()
    found = find(source)
    seconds = time.perf_counter() - started
    peak_bytes = peak_bytes_of(os.getpid()) if PROC.is_dir() else 0
    found.select(FAULTS.names()).cast(FAULTS).write_parquet(target)
    print(json.dumps({"seconds": seconds, "peak_bytes": peak_bytes}))
