"""Corrections: rejected rows with other values, checked again and ingested where they pass now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from headgate.domain import datasets, files
from headgate.domain.acceptance import Accepted, Content, NewJob, accept, replayed
from headgate.domain.audit import Deed
from headgate.domain.idempotency import earlier, token_of
from headgate.domain.ids import require_id
from headgate.domain.jobs import require_job
from headgate.domain.ledgers import open_errors, reading
from headgate.domain.lineage import open_rows_refusal
from headgate.domain.permissions import Principal, require
from headgate.domain.retries import partial_acceptance
from headgate.domain.services import Services
from headgate.domain.specs import RUNNING, dataset_sink
from headgate.errors import UserFault
from headgate.storage.formats import DELIMITED, FileFormat
from headgate.storage.ids import new_id
from headgate.storage.tables import Job, JobKind, Role

MAX_CORRECTIONS = 10_000
PATH = ("corrections",)
KEPT = ("contract", "steps", "checks", "sinks", *RUNNING, "datasets", "endpoints")
"""What goes for corrections as it went for the job; not its acceptance, which was about all rows."""


class Correction(NamedTuple):
    """The values, as JSON, to put into one row; its other values stay as they were."""

    row: int
    values: Any


@dataclass(frozen=True, slots=True)
class CorrectRequest:
    """Which rejected rows of a job to correct: these, or those of a file, as rejected rows are downloaded."""

    job_id: str
    corrections: Sequence[Correction] | None = None
    file_id: str | None = None


async def submit(
    services: Services, principal: Principal, request: CorrectRequest, key: str | None = None
) -> Accepted:
    """Accept corrections as a job of their own, once for each idempotency key.

    Raises UserFault: FORBIDDEN, INVALID_ID, NOT_FOUND, NOT_CORRECTABLE, INVALID_DATA, INVALID_CORRECTIONS,
    ROW_NOT_OPEN, FILE_NOT_READY, ROWS_TAKEN, IDEMPOTENCY_MISMATCH.
    """
    require(principal, Role.OPERATOR)
    job = await require_job(services, request.job_id, ("jobId",))
    token = token_of(principal, key, "correctErrors", request)
    if (known := await earlier(services, token)) is not None:
        return await replayed(services, known)
    if (reason := open_rows_refusal(job)) is not None:
        raise UserFault("NOT_CORRECTABLE", reason, ("jobId",))
    new = await _prepare(services, principal, job, request)
    known = await accept(services, [new], token, deed=_deed(principal, request, new))
    return Accepted(new.job) if known is None else await replayed(services, known)


def _deed(principal: Principal, request: CorrectRequest, new: NewJob) -> Deed:
    source = {"file": request.file_id} if request.corrections is None else {"rows": len(request.corrections)}
    return Deed(principal, "correctErrors", request.job_id, {"job": new.job.id, **source})


async def _prepare(services: Services, principal: Principal, job: Job, request: CorrectRequest) -> NewJob:
    if (request.corrections is None) == (request.file_id is None):
        raise UserFault("INVALID_DATA", "Give corrections or a file that holds them.", PATH)
    content = None
    if request.corrections is not None:
        await _check(services, job, request.corrections)
        lines = [_line(number, correction) for number, correction in enumerate(request.corrections)]
        content = Content(FileFormat.NDJSON, lines)
    if request.file_id is not None:
        await _check_file(services, request.file_id)
    sink = dataset_sink(job.spec)
    correcting = Job(
        id=new_id("job"),
        kind=JobKind.CORRECTION,
        priority=job.priority,
        retry_of_id=job.id,
        resolves_id=job.id,
        pipeline_id=job.pipeline_id,
        pipeline_version=job.pipeline_version,
        file_id=request.file_id,
        spec={
            "source": {"corrections": await _described(services, job)},
            **{name: job.spec[name] for name in KEPT if name in job.spec},
            "acceptance": partial_acceptance(job),
        },
        created_by_id=principal.user_id,
    )
    return NewJob(correcting, sink["name"] if sink is not None else None, content)


async def _check(services: Services, job: Job, corrections: Sequence[Correction]) -> None:
    if not 1 <= len(corrections) <= MAX_CORRECTIONS:
        message = (
            f"At once 1 to {MAX_CORRECTIONS} rows can be corrected, not {len(corrections)}; more in a file."
        )
        raise UserFault("INVALID_CORRECTIONS", message, PATH)
    seen: set[int] = set()
    for number, correction in enumerate(corrections):
        path = (*PATH, str(number))
        if not isinstance(correction.values, Mapping) or not correction.values:
            message = "values is an object with at least one column and its new value."
            raise UserFault("INVALID_CORRECTIONS", message, (*path, "values"))
        if correction.row in seen:
            message = f"Row {correction.row} comes twice."
            raise UserFault("INVALID_CORRECTIONS", message, (*path, "row"))
        seen.add(correction.row)
    await _check_open(services, job, corrections)


async def _check_open(services: Services, job: Job, corrections: Sequence[Correction]) -> None:
    errors = open_errors(services, job.id, job.resolved_by)
    found = set((await reading(errors.records, [each.row for each in corrections]))["row"])
    for number, correction in enumerate(corrections):
        if correction.row not in found:
            message = f"Row {correction.row} of the job has no open error that rejects it."
            raise UserFault("ROW_NOT_OPEN", message, (*PATH, str(number), "row"))


async def _check_file(services: Services, file_id: str) -> None:
    path = ("file",)
    require_id(file_id, "file", path)
    file = await files.get(services, file_id)
    if file is None:
        raise UserFault("NOT_FOUND", f"There is no file {file_id}.", path)
    files.require_ready(file, path)
    if file.format not in DELIMITED:
        raise UserFault("INVALID_CORRECTIONS", "Corrections come as CSV, as they were downloaded.", path)


def _line(number: int, correction: Correction) -> bytes:
    try:
        return orjson.dumps(correction._asdict(), option=orjson.OPT_APPEND_NEWLINE)
    except TypeError as error:
        message = f"The values of row {correction.row} can't be kept as JSON: {error}."
        raise UserFault("INVALID_CORRECTIONS", message, (*PATH, str(number), "values")) from error


async def _described(services: Services, job: Job) -> dict[str, Any]:
    """Say of the data which columns it has and may have, as far as that is known, and whether it was text."""
    source = job.spec["source"]
    if (known := source.get("corrections")) is not None:
        return {name: value for name, value in known.items() if name != "job"}
    file = await files.get(services, job.file_id) if job.file_id is not None else None
    own = [column["name"] for column in file.columns] if file is not None else []
    columns = [*own, *await _dataset_columns(services, job)]
    described: dict[str, Any] = {"own": own, "columns": list(dict.fromkeys(columns))}
    if (fetched := source.get("url", source.get("outside"))) is not None:
        return described | {"fetched": fetched.get("job", job.id)}
    format = source["input"]["format"] if "input" in source else None
    return described | {"asText": (file.format if file is not None else format) in DELIMITED}


async def _dataset_columns(services: Services, job: Job) -> list[str]:
    if job.dataset_id is None:
        return []
    dataset = (await datasets.get_many(services, [job.dataset_id]))[job.dataset_id]
    return [column["name"] for column in dataset.columns]
