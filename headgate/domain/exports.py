"""Exports: rows of one version of a dataset go to a sink, as a job."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headgate.domain.acceptance import Accepted, NewJob, replayed
from headgate.domain.audit import Deed
from headgate.domain.dataset_downloads import check_rows
from headgate.domain.datasets import at_version, required
from headgate.domain.idempotency import earlier, token_of
from headgate.domain.ingest import accept_once
from headgate.domain.parts import Path
from headgate.domain.permissions import Principal, require
from headgate.domain.requests import DataRequest, DatasetRef, source_of
from headgate.domain.services import Services
from headgate.domain.specs import check_spec, dataset_sink
from headgate.errors import UserFault
from headgate.storage.filters import RowFilter
from headgate.storage.ids import new_id
from headgate.storage.tables import Dataset, Job, JobKind, Priority, Role

PLACES: Mapping[Path, Path] = {
    ("sinks", "0"): ("sink",),
    ("data", "dataset"): (),
    ("dataset",): (),
}
"""Where what a job's spec says stands in a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRequest:
    """Which rows and columns to export, of the newest version unless another is named, and to which sink."""

    name: str
    version: int | None = None
    filter: RowFilter | None = None
    columns: Sequence[str] | None = None
    sink: Mapping[str, Any]
    priority: Priority = Priority.MEDIUM


async def submit(
    services: Services, principal: Principal, request: ExportRequest, key: str | None = None
) -> Accepted:
    """Accept an export as a durable job, once for each idempotency key; what it reads is settled by then.

    Raises UserFault: FORBIDDEN, NOT_FOUND, VERSION_EXPIRED, UNKNOWN_COLUMN, INVALID_FILTER, INVALID_ARGUMENT,
    INVALID_SPEC, WRONG_ENDPOINT and IDEMPOTENCY_MISMATCH; each `path` begins at the request.
    """
    require(principal, Role.OPERATOR)
    token = token_of(principal, key, "exportDataset", request)
    if (known := await earlier(services, token)) is not None:
        return await replayed(services, known)
    dataset = await _dataset(services, request)
    await check_rows(services, dataset, request.filter, request.columns)
    try:
        check_spec({"sinks": [request.sink]}, ())
        new = _job(principal, request, dataset)
        details = {"dataset": dataset.name, "version": dataset.version, "sink": next(iter(request.sink))}
        return await accept_once(services, new, token, Deed(principal, "exportDataset", new.job.id, details))
    except UserFault as fault:
        raise _placed(fault) from fault


async def _dataset(services: Services, request: ExportRequest) -> Dataset:
    """The dataset as it is at the version that is read."""
    dataset = await required(services, request.name)
    if dataset.version is None:
        message = f"The dataset {dataset.name} has no version yet: there is nothing to export."
        raise UserFault("NOT_FOUND", message, ("name",))
    if request.version is None:
        return dataset
    if (past := await at_version(services, dataset, request.version)) is None:
        message = f"The dataset {dataset.name} has no version {request.version}."
        raise UserFault("NOT_FOUND", message, ("version",))
    return past


def _job(principal: Principal, request: ExportRequest, dataset: Dataset) -> NewJob:
    rows_of = DatasetRef(dataset.name, dataset.version, request.filter)
    source = source_of(DataRequest(rows_of=rows_of), None)
    source["dataset"]["id"] = dataset.id
    columns = list(dict.fromkeys(request.columns or ()))
    spec = {
        "source": source,
        "steps": [{"select": {"columns": columns}}] if columns else [],
        "sinks": [dict(request.sink)],
    }
    job = Job(
        id=new_id("job"),
        kind=JobKind.EXPORT,
        priority=request.priority,
        spec=spec,
        created_by_id=principal.user_id,
    )
    target = dataset_sink(spec)
    return NewJob(job, target["name"] if target is not None else None, at=(), read_at=())


def _placed(fault: UserFault) -> UserFault:
    """The same fault, with the path of its place in a request."""
    others = [_placed(other) for other in fault.others]
    return UserFault(fault.code, fault.message, _place(fault.path), fault.retryable, others)


def _place(path: Path) -> Path:
    for known, place in PLACES.items():
        if path[: len(known)] == known:
            return (*place, *path[len(known) :])
    return path
