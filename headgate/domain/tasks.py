"""What the engine is told about a job."""

from pathlib import Path
from typing import Any

from headgate.domain.acceptance import input_key
from headgate.domain.row_errors import ledger_key
from headgate.domain.runs import Claim
from headgate.domain.services import Services
from headgate.storage.tables import Job


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
        "replay": _replay(services, claim.job),
        "scratch": str(scratch),
    }


def settlement_of(services: Services, claim: Claim) -> dict[str, Any]:
    """Ask what a job's dead process had committed; where it hadn't, that attempt's files go."""
    path = str(services.store.path(claim.dataset.storage_key))
    return {"task": "settle", "job": claim.job_id, "attempt": claim.attempt, "path": path}


def _source(services: Services, claim: Claim) -> dict[str, Any]:
    if claim.file is None:
        given = claim.job.spec["source"]["input"]
        key = input_key(given.get("job", claim.job_id))
        source = {"path": str(services.store.path(key)), "format": given["format"], "dialect": None}
        return source | ({"given_dialect": given["dialect"]} if "dialect" in given else {})
    key = f"files/{claim.file.id}"
    return {
        "path": str(services.store.path(key)),
        "format": claim.file.format,
        "dialect": claim.file.dialect,
    }


def _replay(services: Services, job: Job) -> str | None:
    """Name the ledger of the job whose rejected rows alone are read; None where all rows are."""
    replayed = job.spec.get("replay")
    return str(services.store.path(ledger_key(replayed))) if replayed else None


def timeout_of(services: Services, job: Job) -> float:
    """Tell for how many seconds an attempt at a job may take."""
    return min(job.spec.get("timeoutSeconds") or services.job_timeout_s, services.job_timeout_s)
