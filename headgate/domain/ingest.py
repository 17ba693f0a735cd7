"""Ingest: take data and make a job of it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from headgate.domain.files import require_ready
from headgate.domain.ids import require_id
from headgate.domain.permissions import Principal, require
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.datasets import WriteMode as WriteMode
from headgate.storage.formats import FileFormat
from headgate.storage.ids import new_id
from headgate.storage.tables import Dataset, File, Job, JobEvent, JobEventType, JobKind, JobStatus, Role

DATASET_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}")
TEXT_FORMATS = frozenset({FileFormat.CSV, FileFormat.TSV, FileFormat.JSON, FileFormat.NDJSON})


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """What to ingest, and into which dataset: one of a file's id, a text with its format, and records."""

    dataset: str | None = None
    file_id: str | None = None
    text: str | None = None
    format: FileFormat | None = None
    records: Sequence[Any] | None = None
    mode: WriteMode = WriteMode.APPEND
    keys: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """Data that came with the request itself, as it is written to the store."""

    format: FileFormat
    chunks: Iterable[bytes]


async def submit(services: Services, principal: Principal, request: IngestRequest) -> Job:
    """Accept data as a durable job; creates the dataset where it is missing.

    Raises UserFault: FORBIDDEN, INVALID_DATA (not exactly one of file, text and records), INVALID_ID,
    NOT_FOUND, FILE_NOT_READY, DATASET_REQUIRED, INVALID_NAME, KEYS_REQUIRED, KEYS_NOT_ALLOWED,
    INVALID_KEYS, EMPTY_DATA, INVALID_TEXT, UNSUPPORTED_FORMAT and INVALID_RECORDS; each `path` begins
    at the input object, such as `("data", "file")`.
    """
    require(principal, Role.OPERATOR)
    dataset_name = _checked_name(request.dataset)
    _check_keys(request)
    content = _content(request)
    job = Job(
        id=new_id("job"),
        kind=JobKind.INGEST,
        file_id=request.file_id,
        spec=_spec(request, dataset_name, content),
        last_event=1,
        created_by_id=principal.user_id,
    )
    if content is None:
        await _accept(services, job, dataset_name)
    else:
        await _accept_with_content(services, job, dataset_name, content)
    await services.queue.wake(job.id)
    return job


def input_key(job_id: str) -> str:
    """Name the object that holds the data which came with the job's own request."""
    return f"inputs/{job_id}"


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


def _content(request: IngestRequest) -> Content | None:
    """Encode what the request holds; None where it names a file."""
    given = [value for value in (request.file_id, request.text, request.records) if value is not None]
    if len(given) != 1:
        raise UserFault("INVALID_DATA", "Give exactly one of file, text and records.", ("data",))
    if request.file_id is not None:
        require_id(request.file_id, "file", ("data", "file"))
        return None
    if request.text is not None:
        return _text_content(request.text, request.format)
    return _records_content(request.records or ())


def _text_content(text: str, format: FileFormat | None) -> Content:
    if format not in TEXT_FORMATS:
        choices = ", ".join(sorted(TEXT_FORMATS))
        raise UserFault(
            "UNSUPPORTED_FORMAT", f"A text's format is one of {choices}.", ("data", "text", "format")
        )
    path = ("data", "text", "content")
    if not text.strip():
        raise UserFault("EMPTY_DATA", "The text is empty.", path)
    try:
        return Content(format, [text.encode()])
    except UnicodeEncodeError as error:
        raise UserFault("INVALID_TEXT", f"The text has half a character at {error.start}.", path) from error


def _records_content(records: Sequence[Any]) -> Content:
    if not records:
        raise UserFault("EMPTY_DATA", "There are no records.", ("data", "records"))
    return Content(FileFormat.NDJSON, [_line(number, record) for number, record in enumerate(records)])


def _line(number: int, record: Any) -> bytes:
    path = ("data", "records", str(number))
    if not isinstance(record, dict):
        raise UserFault("INVALID_RECORDS", f"Record {number + 1} is not an object.", path)
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError as error:
        raise UserFault("INVALID_RECORDS", f"Record {number + 1}: {error}.", path) from error


def _spec(request: IngestRequest, dataset_name: str, content: Content | None) -> dict[str, Any]:
    """Say what the job does, in the words of a pipeline's spec."""
    source = {"file": {"id": request.file_id}} if content is None else {"input": {"format": content.format}}
    sink = {"name": dataset_name, "mode": request.mode, "keys": list(request.keys)}
    return {"source": source, "sinks": [{"dataset": sink}]}


async def _accept_with_content(services: Services, job: Job, dataset_name: str, content: Content) -> None:
    """Make the content durable before the job that needs it; a job that is not accepted leaves none."""
    async with services.store.writer(input_key(job.id)) as writer:
        for chunk in content.chunks:
            await writer.write(chunk)
    try:
        await _accept(services, job, dataset_name)
    except BaseException:
        await services.store.delete(input_key(job.id))
        raise


async def _accept(services: Services, job: Job, dataset_name: str) -> None:
    async with services.database.transaction() as session:
        if job.file_id is not None:
            await _check_file(session, job.file_id)
        job.dataset_id = (await _ensure_dataset(session, dataset_name)).id
        session.add(job)
        await session.flush()
        session.add(JobEvent(job_id=job.id, seq=1, type=JobEventType.STATUS, status=JobStatus.QUEUED))


async def _check_file(session: AsyncSession, file_id: str) -> None:
    file = await session.get(File, file_id)
    path = ("data", "file")
    if file is None:
        raise UserFault("NOT_FOUND", f"There is no file {file_id}.", path)
    require_ready(file, path)


async def _ensure_dataset(session: AsyncSession, name: str) -> Dataset:
    statement = select(Dataset).where(Dataset.name == name)
    if (found := (await session.scalars(statement)).first()) is not None:
        return found
    dataset_id = new_id("dataset")
    made = Dataset(id=dataset_id, name=name, storage_key=f"datasets/{dataset_id}")
    try:
        async with session.begin_nested():
            session.add(made)
    except IntegrityError:
        # On PostgreSQL, another request may make it at the same moment.
        return (await session.scalars(statement)).one()
    return made
