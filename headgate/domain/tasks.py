"""What the engine is told about a job."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headgate.domain import endpoints
from headgate.domain.acceptance import fetched_key, input_key
from headgate.domain.appended import collect
from headgate.domain.incremental import state_of
from headgate.domain.ledgers import ledger_key, resolved_key
from headgate.domain.lineage import LINEAGE, RESOLVED_BY
from headgate.domain.mapping_tasks import mapping_task
from headgate.domain.runs import Claim
from headgate.domain.services import Services
from headgate.domain.specs import ROWS, chosen, dataset_sink
from headgate.pipelines.sources.dialect_settings import DialectSettings
from headgate.storage.datasets import WriteMode
from headgate.storage.formats import FileFormat
from headgate.storage.tables import Job, JobKind


async def task_of(services: Services, claim: Claim, scratch: Path) -> dict[str, Any]:
    """Say the job as a task for the engine."""
    if claim.job.kind is JobKind.MAPPING:
        return await mapping_task(services, claim, await _outside(services, claim.job))
    spec = claim.job.spec
    return {
        "task": TASKS[claim.job.kind],
        "job": claim.job_id,
        "attempt": claim.attempt,
        "source": await _source(services, claim),
        "rules": chosen(spec, ROWS),
        "datasets": {name: _at(services, key) for name, key in spec.get("datasets", {}).items()},
        "ledger": _at(services, ledger_key(claim.job_id)),
        "scratch": str(scratch),
        "outside": await _outside(services, claim.job),
        **(_sinks(services, claim) if claim.job.kind in WRITING else {}),
    }


TASKS = {
    JobKind.INGEST: "ingest",
    JobKind.CORRECTION: "ingest",
    JobKind.EXPORT: "ingest",
    JobKind.VALIDATE: "validate",
}


WRITING = frozenset({JobKind.INGEST, JobKind.CORRECTION, JobKind.EXPORT})


def _sinks(services: Services, claim: Claim) -> dict[str, Any]:
    spec = claim.job.spec
    return {
        "sinks": spec["sinks"],
        "dataset": dataset_of(services, claim.dataset.storage_key, spec) if claim.dataset else None,
        "replay": _replay(services, claim.job),
        "resolved": _at(services, resolved_key(claim.job_id)),
        "lineage": claim.job.spec.get(LINEAGE, []),
    }


def dataset_of(services: Services, storage_key: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Say how the rows of a spec go into the dataset that lies under this key."""
    sink = dataset_sink(spec) or {}
    number = next((number for number, each in enumerate(spec["sinks"]) if "dataset" in each), 0)
    return {
        "folder": _at(services, storage_key),
        "mode": sink.get("mode", WriteMode.APPEND),
        "keys": sink.get("keys", []),
        "partitionBy": sink.get("partitionBy"),
        "step": f"sinks.{number}.dataset",
    }


async def _outside(services: Services, job: Job) -> dict[str, Any]:
    """Say which outside systems the job may reach, with their secrets."""
    names = job.spec.get("endpoints", ())
    return await endpoints.outside_of(services, names, timeout_s=timeout_of(services, job))


def settlement_of(services: Services, claim: Claim) -> dict[str, Any] | None:
    """Ask what a job's dead process had committed; where it hadn't, that attempt's files go.

    None for a job that commits nothing.
    """
    if claim.dataset is None:
        return None
    folder = _at(services, claim.dataset.storage_key)
    return {"task": "settle", "job": claim.job_id, "attempt": claim.attempt, "folder": folder}


def _at(services: Services, key: str) -> dict[str, Any]:
    """Say where an object of the store, or a folder of it, is."""
    return services.store.location(key).to_json()


async def _source(services: Services, claim: Claim) -> dict[str, Any]:
    (kind, given), *_ = claim.job.spec["source"].items()
    if kind == "dataset":
        folder = _at(services, given["key"])
        return {"folder": folder, "version": given["version"], "filter": given.get("filter")}
    if kind == "url":
        return _fetch(services, claim, given)
    if kind == "outside":
        return await _outside_source(services, claim, given)
    if kind == "input":
        await collect(services, claim.job, given)
    file = _file(services, claim, given)
    return file if kind != "corrections" else file | {"corrections": _corrections(services, claim.job, given)}


async def _outside_source(services: Services, claim: Claim, given: Mapping[str, Any]) -> dict[str, Any]:
    """Say what is fetched; a pipeline's incremental source goes on from where its last job left it."""
    pipeline_id = claim.job.pipeline_id
    return {
        "outside": given["source"],
        "kept": _at(services, fetched_key(given.get("job", claim.job_id))),
        "max_bytes": services.max_upload_bytes,
        "state": await state_of(services, pipeline_id) if pipeline_id is not None else None,
    }


def _file(services: Services, claim: Claim, given: Mapping[str, Any]) -> dict[str, Any]:
    """Say which file is read: one that was uploaded, or what came with the request."""
    if claim.file is not None:
        file = _at(services, f"files/{claim.file.id}")
        format = given.get("format", claim.file.format)
        if "dialect" in given:
            return {
                "object": file,
                "format": format,
                "dialect": None,
                "given_dialect": _given(given["dialect"]),
            }
        return {"object": file, "format": format, "dialect": claim.file.dialect}
    sent = _at(services, input_key(given.get("job", claim.job_id)))
    source = {"object": sent, "format": given.get("format", FileFormat.NDJSON), "dialect": None}
    return source | ({"given_dialect": given["dialect"]} if "dialect" in given else {})


def _given(settings: Mapping[str, Any]) -> dict[str, Any]:
    """A spec's dialect, as the engine's readers take it."""
    return DialectSettings.model_validate(settings).given().to_json()


def _corrections(services: Services, job: Job, given: Mapping[str, Any]) -> dict[str, Any]:
    """Say what is corrected; whether data from a URL was text, its content tells."""
    fetched = given.get("fetched")
    return {
        "of": _open_errors(services, job),
        "columns": given["columns"],
        "own": given.get("own", []),
        "asText": given.get("asText"),
        "fetched": _at(services, fetched_key(fetched)) if fetched else None,
    }


def _fetch(services: Services, claim: Claim, given: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "url": given["url"],
        "kept": _at(services, fetched_key(given.get("job", claim.job_id))),
        "networks": list(services.allowed_networks),
        "max_bytes": services.max_upload_bytes,
        "timeout_s": timeout_of(services, claim.job),
    }


def _replay(services: Services, job: Job) -> dict[str, Any] | None:
    """Name the open errors of the job whose rejected rows alone are read; None where all rows are."""
    is_replay = job.resolves_id is not None and job.kind is JobKind.INGEST
    return _open_errors(services, job) if is_replay else None


def _open_errors(services: Services, job: Job) -> dict[str, Any]:
    """Name the ledger of the job that this one resolves, and the rows in it that others had resolved before."""
    assert job.resolves_id is not None
    resolved = [_at(services, resolved_key(later)) for later in job.spec[RESOLVED_BY]]
    return {"ledger": _at(services, ledger_key(job.resolves_id)), "resolved": resolved}


def timeout_of(services: Services, job: Job) -> float:
    """Tell for how many seconds an attempt at a job may take."""
    return min(job.spec.get("timeoutSeconds") or services.job_timeout_s, services.job_timeout_s)
