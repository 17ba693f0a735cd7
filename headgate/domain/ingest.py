"""Ingest: take data and make a job of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headgate.domain.acceptance import Accepted, Content, NewJob, accept, replayed
from headgate.domain.idempotency import Token, earlier, token_of
from headgate.domain.permissions import Principal, require
from headgate.domain.requests import DataRequest, Named, content_of, source_of
from headgate.domain.retry_policy import RetryPolicy
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.datasets import WriteMode as WriteMode
from headgate.storage.ids import new_id
from headgate.storage.tables import Job, JobKind, Role

DATASET_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}")
MAX_TIMEOUT_S = 7 * 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRequest(DataRequest):
    """What to ingest, and into which dataset.

    `timeout_s` is how long one attempt may take; `retry` says when it is tried again.
    """

    dataset: str | None = None
    mode: WriteMode = WriteMode.APPEND
    keys: Sequence[str] = ()
    retry: RetryPolicy | None = None
    timeout_s: float | None = None


async def submit(
    services: Services, principal: Principal, request: IngestRequest, key: str | None = None
) -> Accepted:
    """Accept data as a durable job, once for each idempotency key; creates the dataset where it is missing.

    Raises UserFault: FORBIDDEN, what `content_of` and `Named.bind` raise, DATASET_REQUIRED, INVALID_NAME,
    KEYS_REQUIRED, KEYS_NOT_ALLOWED, INVALID_KEYS, INVALID_ARGUMENT, INVALID_SPEC and IDEMPOTENCY_MISMATCH;
    each `path` begins at the input object, such as `("data", "file")`.
    """
    require(principal, Role.OPERATOR)
    return await accept_once(
        services, prepare(principal, request), token_of(principal, key, "ingest", request)
    )


async def accept_once(services: Services, new: NewJob, token: Token | None) -> Accepted:
    """Accept a job that reads what its spec names, unless an earlier request with the same key has started it."""
    if (known := await earlier(services, token)) is None:
        (await Named.by(services, [new])).bind(new)
        known = await accept(services, [new], token)
    return Accepted(new.job) if known is None else await replayed(services, known)


def prepare(principal: Principal, request: IngestRequest) -> NewJob:
    """Make the job that a request asks for, which is not accepted yet. Raises UserFault, as `submit` does."""
    dataset_name = _checked_name(request.dataset)
    _check_keys(request)
    check_limits(request.retry, request.timeout_s)
    request.rules.check(("spec",))
    content = content_of(request)
    job = Job(
        id=new_id("job"),
        kind=JobKind.INGEST,
        priority=request.priority,
        file_id=request.file_id,
        spec=_spec(request, dataset_name, content),
        created_by_id=principal.user_id,
    )
    return NewJob(job, dataset_name, content)


def check_limits(retry: RetryPolicy | None, timeout_s: float | None) -> None:
    """Raise UserFault (INVALID_ARGUMENT) for a policy or a time limit that makes no sense."""
    if retry is not None:
        retry.check(("spec", "retry"))
    if timeout_s is not None and not 0 < timeout_s <= MAX_TIMEOUT_S:
        message = f"timeoutSeconds must be above 0 and at most {MAX_TIMEOUT_S}; it is {timeout_s:g}."
        raise UserFault("INVALID_ARGUMENT", message, ("spec", "timeoutSeconds"))


def limits_json(retry: RetryPolicy | None, timeout_s: float | None) -> dict[str, Any]:
    """Say a policy and a time limit, where they are given, in the words of a job's spec."""
    said = {"retry": None if retry is None else retry.to_json(), "timeoutSeconds": timeout_s}
    return {name: value for name, value in said.items() if value is not None}


def _checked_name(name: str | None) -> str:
    if name is None:
        raise UserFault("DATASET_REQUIRED", "Name the dataset that the rows go into.", ("dataset",))
    if not DATASET_NAME.fullmatch(name):
        message = "A dataset's name is a letter and then up to 127 letters, digits, dots, - and _ (ASCII)."
        raise UserFault("INVALID_NAME", message, ("dataset",))
    return name


def _check_keys(request: IngestRequest) -> None:
    if request.mode is not WriteMode.UPSERT:
        if request.keys:
            raise UserFault("KEYS_NOT_ALLOWED", f"{request.mode} takes no keys; UPSERT does.", ("keys",))
        return
    if not request.keys:
        raise UserFault("KEYS_REQUIRED", "UPSERT needs the columns that identify a row.", ("keys",))
    if len(set(request.keys)) < len(request.keys) or not all(request.keys):
        raise UserFault("INVALID_KEYS", "Name each key column once.", ("keys",))


def _spec(request: IngestRequest, dataset_name: str, content: Content | None) -> dict[str, Any]:
    """Say what the job does, in the words of a pipeline's spec."""
    sink = {"name": dataset_name, "mode": request.mode, "keys": list(request.keys)}
    return {
        "source": source_of(request, content),
        **request.rules.to_json(),
        "sinks": [{"dataset": sink}],
        **limits_json(request.retry, request.timeout_s),
    }
