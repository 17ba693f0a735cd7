"""The rules of `benchmarks.rules` by Headgate's engine and by others, over the same damaged file: time, memory, finds.

Each runs in a process of its own, and is timed from the file to what it tells of the faults. Nothing is asked of these
figures. The others come with the extra `bench`; where one is missing, the benchmark fails.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl

from benchmarks.data import damaged_cells, write_damaged_csv
from benchmarks.figures import Figure, Sizes, alternate
from benchmarks.memory import MIB

CELL = ("row", "column", "value")
QUIET = {"RUNTIME__DLTHUB_TELEMETRY": "false"}


@dataclass(frozen=True, slots=True)
class Rival:
    """Who checks, by a module of this package, and a file of how many rows."""

    name: str
    module: str
    rows: int


def measure_rivals(folder: Path, sizes: Sizes) -> list[Figure]:
    """Have each of them check a file, in turn."""
    rivals = (
        Rival("Headgate's engine", "rivals_headgate", sizes.rival_rows),
        Rival("Pandera", "rivals_pandera", sizes.rival_rows),
        Rival("pointblank", "rivals_pointblank", sizes.rival_rows),
        Rival("dlt, into files", "rivals_dlt", sizes.slow_rival_rows),
    )
    runs = [_Runs(rival, folder) for rival in rivals]
    return [
        run.figure(taken_s)
        for run, taken_s in zip(runs, alternate(sizes, [run.again for run in runs]), strict=True)
    ]


class _Runs:
    """The runs of one of them over a file of its own."""

    def __init__(self, rival: Rival, folder: Path) -> None:
        self._rival = rival
        self._source = write_damaged_csv(folder / f"{rival.module}.csv", rival.rows)
        self._found = folder / f"{rival.module}.parquet"
        self._peaks: list[int] = []

    def again(self) -> float:
        """The seconds that one more run takes. Raises CalledProcessError where it fails."""
        command = [sys.executable, "-m", f"benchmarks.{self._rival.module}"]
        output = subprocess.run(
            [*command, str(self._source), str(self._found)],
            check=True,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **QUIET},
        ).stdout
        told: dict[str, Any] = json.loads(output.splitlines()[-1])
        self._peaks.append(told["peak_bytes"])
        return float(told["seconds"])

    def figure(self, taken_s: float) -> Figure:
        """What came of the runs."""
        found, damaged = pl.read_parquet(self._found), damaged_cells(self._rival.rows)
        exact = damaged.join(found, on=CELL, how="semi", nulls_equal=True).height
        name = f"Ten rules over {self._rival.rows:,} rows: {self._rival.name}"
        pace = (
            f"{taken_s:.1f} s ({self._rival.rows / taken_s:,.0f} rows/s), {median(self._peaks) / MIB:.0f} MiB"
        )
        told = f"{found.height:,} faults told, {exact:,} of {damaged.height:,} with row, column and value"
        return Figure(name, f"{pace}, {told}")
