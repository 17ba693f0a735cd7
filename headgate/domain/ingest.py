"""Ingest: take data and make a job of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from headgate.domain.acceptance import Accepted, Content, NewJob, accept, replayed
from headgate.domain.dialects import checked_dialect
from headgate.domain.files import get_many as get_files
from headgate.domain.files import require_ready
from headgate.domain.idempotency import earlier, token_of
from headgate.domain.ids import require_id
from headgate.domain.permissions import Principal, require
from headgate.domain.retry_policy import RetryPolicy
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.pipelines.dialect import GivenDialect
from headgate.storage.datasets import WriteMode as WriteMode
from headgate.storage.formats import FileFormat
from headgate.storage.ids import new_id
from headgate.storage.tables import File, Job, JobKind, Priority, Role

DATASET_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}")
MAX_TIMEOUT_S = 7 * 86_400
TEXT_FORMATS = frozenset({FileFormat.CSV, FileFormat.TSV, FileFormat.JSON, FileFormat.NDJSON})


@dataclass(frozen=True, slots=True)
class IngestRequest:
    """What to ingest, and into which dataset: one of a file's id, a text with its format, and records.

    `dialect` is what is known of a delimited text.
    `timeout_s` is how long one attempt may take; `retry` says when it is tried again.
    """

    dataset: str | None = None
    file_id: str | None = None
    text: str | None = None
    format: FileFormat | None = None
    dialect: GivenDialect | None = None
    records: Sequence[Any] | None = None
    mode: WriteMode = WriteMode.APPEND
    keys: Sequence[str] = ()
    priority: Priority = Priority.MEDIUM
    retry: RetryPolicy | None = None
    timeout_s: float | None = None


async def submit(
    services: Services, principal: Principal, request: IngestRequest, key: str | None = None
) -> Accepted:
    """Accept data as a durable job, once for each idempotency key; creates the dataset where it is missing.

    Raises UserFault: FORBIDDEN, INVALID_DATA (not exactly one of file, text and records), INVALID_ID,
    NOT_FOUND, FILE_NOT_READY, DATASET_REQUIRED, INVALID_NAME, KEYS_REQUIRED, KEYS_NOT_ALLOWED,
    INVALID_KEYS, INVALID_ARGUMENT, EMPTY_DATA, INVALID_TEXT, INVALID_DIALECT, UNSUPPORTED_FORMAT, INVALID_RECORDS and
    IDEMPOTENCY_MISMATCH; each `path` begins at the input object, such as `("data", "file")`.
    """
    require(principal, Role.OPERATOR)
    new = prepare(principal, request)
    token = token_of(principal, key, "ingest", request)
    if (known := await earlier(services, token)) is None:
        await _check_file(services, new)
        known = await accept(services, [new], token)
    return Accepted(new.job) if known is None else await replayed(services, known)


def prepare(principal: Principal, request: IngestRequest) -> NewJob:
    """Make the job that a request asks for, which is not accepted yet. Raises UserFault, as `submit` does."""
    dataset_name = _checked_name(request.dataset)
    _check_keys(request)
    check_limits(request.retry, request.timeout_s)
    content = _content(request)
    job = Job(
        id=new_id("job"),
        kind=JobKind.INGEST,
        priority=request.priority,
        file_id=request.file_id,
        spec=_spec(request, dataset_name, content, _dialect(request)),
        created_by_id=principal.user_id,
    )
    return NewJob(job, dataset_name, content)


def check_file(file_id: str, found: Mapping[str, File]) -> None:
    """Raise UserFault (NOT_FOUND, FILE_NOT_READY) unless the file is among those found, and can be read."""
    path = ("data", "file")
    if file_id not in found:
        raise UserFault("NOT_FOUND", f"There is no file {file_id}.", path)
    require_ready(found[file_id], path)


async def _check_file(services: Services, new: NewJob) -> None:
    if (file_id := new.job.file_id) is not None:
        check_file(file_id, await get_files(services, [file_id]))


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


def _dialect(request: IngestRequest) -> dict[str, Any]:
    """What is said of a text's dialect. Raises UserFault (INVALID_DIALECT)."""
    if request.dialect is None:
        return {}
    path = ("data", "text", "dialect")
    if request.format not in (FileFormat.CSV, FileFormat.TSV):
        raise UserFault("INVALID_DIALECT", "A dialect is for CSV and TSV.", path)
    return checked_dialect(request.dialect, path).to_json()


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


def _spec(
    request: IngestRequest, dataset_name: str, content: Content | None, dialect: dict[str, Any]
) -> dict[str, Any]:
    """Say what the job does, in the words of a pipeline's spec."""
    source: dict[str, Any] = {"file": {"id": request.file_id}}
    if content is not None:
        source = {"input": {"format": content.format, **({"dialect": dialect} if dialect else {})}}
    sink = {"name": dataset_name, "mode": request.mode, "keys": list(request.keys)}
    return {
        "source": source,
        "sinks": [{"dataset": sink}],
        **limits_json(request.retry, request.timeout_s),
    }
