"""What the engine is told about a job."""

from pathlib import Path
from typing import Any

from headgate.domain.ingest import input_key
from headgate.domain.row_errors import ledger_key
from headgate.domain.runs import Claim
from headgate.domain.services import Services


def task_of(services: Services, claim: Claim, scratch: Path) -> dict[str, Any]:
    """Say the job as a task for the engine."""
    sink = claim.job.spec["sinks"][0]["dataset"]
    return {
        "task": "ingest",
        "job": claim.job_id,
        "attempt": claim.attempt,
        "source": _source(services, claim),
        "dataset": {
            "path": str(services.store.path(claim.dataset.storage_key)),
            "mode": sink["mode"],
            "keys": sink["keys"],
        },
        "ledger": str(services.store.path(ledger_key(claim.job_id))),
        "scratch": str(scratch),
    }


def settlement_of(services: Services, claim: Claim) -> dict[str, Any]:
    """Ask what a job's dead process had committed; where it hadn't, that attempt's files go."""
    path = str(services.store.path(claim.dataset.storage_key))
    return {"task": "settle", "job": claim.job_id, "attempt": claim.attempt, "path": path}


def _source(services: Services, claim: Claim) -> dict[str, Any]:
    if claim.file is None:
        format = claim.job.spec["source"]["input"]["format"]
        key = input_key(claim.job_id)
        return {"path": str(services.store.path(key)), "format": format, "dialect": None}
    key = f"files/{claim.file.id}"
    return {
        "path": str(services.store.path(key)),
        "format": claim.file.format,
        "dialect": claim.file.dialect,
    }
