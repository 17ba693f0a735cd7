"""What all sinks have in common, and what those get that write to the outside."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from headgate.pipelines.endpoints.outside import Outside
from headgate.pipelines.kinds import Kind
from headgate.pipelines.prepared import Watch
from headgate.pipelines.rowmap import ROW_INDEX
from headgate.storage.columns import Column


class Sink(Kind):
    """Where good rows go."""


@dataclass(frozen=True, slots=True)
class SinkRows:
    """The good rows of a job, in their order: Parquet files that hold ROW_INDEX and the columns."""

    files: Sequence[Path]
    columns: Sequence[Column]
    count: int

    def numbered(self) -> pl.LazyFrame:
        """ROW_INDEX and the columns."""
        return pl.scan_parquet(list(self.files), glob=False).select(
            ROW_INDEX, *(column.name for column in self.columns)
        )

    def scan(self) -> pl.LazyFrame:
        """The columns."""
        return self.numbered().drop(ROW_INDEX)


@dataclass(frozen=True, slots=True)
class Delivery:
    """For which job rows are written, and with what.

    `key` is the same for each attempt at the job and another one for every sink: what was written under it before
    counts as done, or is replaced. `scratch` is a folder for temporary files.
    """

    job: str
    key: str
    scratch: Path
    outside: Outside
    watch: Watch


@dataclass(frozen=True, slots=True)
class Refused:
    """Rows that the other end took for wrong: `index` is their ROW_INDEX, `message` what it said of each."""

    index: Sequence[int] = ()
    message: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a sink has done: `merged` rows gave way to later ones with the same keys; `said` is JSON for the result."""

    merged: int = 0
    refused: Refused = field(default_factory=Refused)
    said: dict[str, Any] = field(default_factory=dict)


class OutsideSink(Sink):
    """A sink that lies outside. Writing again, for the same job, changes nothing there."""

    @abstractmethod
    def write(self, rows: SinkRows, delivery: Delivery) -> Delivered:
        """Write all rows, or none where that is possible. Raises JobFault."""
