"""Ledgers as the engine writes them."""

from pathlib import Path
from typing import Any

import polars as pl

from headgate.storage.ledger import SCHEMA


def an_error(row: int | None, **values: Any) -> dict[str, Any]:
    """One line of a ledger: the age of a record is no number, unless `values` say something else."""
    filled = {
        "column": "age",
        "code": "TYPE",
        "severity": "ERROR",
        "message": "no number",
        "record": '{"age":"x"}',
    }
    return dict.fromkeys(SCHEMA) | filled | {"row": row} | values


def write_ledger(path: Path, errors: list[dict[str, Any]]) -> None:
    """Write these lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(errors, schema=SCHEMA).write_parquet(path)
