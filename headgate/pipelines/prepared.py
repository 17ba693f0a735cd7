"""What a reader hands to the engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import polars as pl

from headgate.pipelines.dialect import NOTHING_GIVEN, Dialect, GivenDialect
from headgate.pipelines.rejections import RejectionLog
from headgate.pipelines.replay import RowSet
from headgate.pipelines.rowmap import ROW_INDEX as ROW_INDEX
from headgate.pipelines.rowmap import RowMap
from headgate.storage.formats import FileFormat


@dataclass(frozen=True, slots=True)
class Source:
    """A stored file and how to read it; a delimited file without a dialect has its own found, as far as it isn't given.

    Of a file that is `cut_off`, the rest behind its last whole record is rejected.
    A reader takes the records of `only` as if there were no others, under the numbers and lines that they have.
    """

    path: Path
    format: FileFormat
    dialect: Dialect | None = None
    only: RowSet | None = None
    given: GivenDialect = NOTHING_GIVEN
    cut_off: bool = False


SAMPLE_ROWS = 1_000
"""So many typed rows are a sample."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The good records of a source, ready for one lazy scan.

    `frame` holds ROW_INDEX and the source's columns; columns named in `texts` are the source's own text, whose types
    are still to be found; `sample` holds some rows, without ROW_INDEX; `accepted` is the number of rows that the scan
    must yield. `taken` are the numbers of all rows that were read, rejected ones included, where those are rows that
    an earlier job had rejected.
    """

    frame: pl.LazyFrame
    names: Sequence[str]
    texts: frozenset[str]
    sample: pl.DataFrame
    accepted: int
    rows: RowMap | None = None
    taken: RowSet | None = None


class Watch(Protocol):
    """Hears how far the engine is; called often, from any thread."""

    def __call__(self, stage: str, **figures: Any) -> None: ...


class Reader(Protocol):
    """Reads a source once, logs what it rejects, and leaves temporary files only in `scratch`."""

    def __call__(self, source: Source, scratch: Path, log: RejectionLog, watch: Watch) -> Prepared: ...
