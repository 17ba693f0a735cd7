"""Headgate's engine, as the child process of a `validate` job runs it."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from benchmarks.rival import run
from benchmarks.rules import CHECKS
from headgate.pipelines.checks.registry import checks_from_json
from headgate.pipelines.prepared import Source
from headgate.pipelines.screening import Screening
from headgate.pipelines.validation import Validate, validate
from headgate.storage.formats import FileFormat

SCREENING = Screening(checks=checks_from_json(CHECKS))


def find(source: Path) -> pl.DataFrame:
    """The lines of the error ledger."""
    with TemporaryDirectory() as folder:
        scratch, ledger = Path(folder), Path(folder) / "ledger.parquet"
        validate(Validate(Source(source, FileFormat.CSV), ledger, scratch, SCREENING), _unheard)
        return pl.read_parquet(ledger, columns=["row", "column", "value"])


def _unheard(stage: str, **figures: Any) -> None:
    pass


if __name__ == "__main__":
    run(find)
