"""What requests that read data have in common: where the data comes from, and what their specs name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from headgate.domain.acceptance import Content
from headgate.domain.dialects import checked_dialect
from headgate.domain.ids import require_id
from headgate.domain.specs import Spec, check_storable
from headgate.errors import UserFault
from headgate.pipelines.dialect import GivenDialect
from headgate.pipelines.outgoing import check_url
from headgate.storage.filters import RowFilter
from headgate.storage.formats import DELIMITED, TEXT_FORMATS, FileFormat
from headgate.storage.tables import Priority


@dataclass(frozen=True, slots=True)
class DatasetRef:
    """Rows of a dataset, by its name: of the newest version unless another one is given."""

    name: str
    version: int | None = None
    filter: RowFilter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRequest:
    """What to read: exactly one of a file's id, a text with its format, records, a URL and rows of a dataset.

    `dialect` is what is known of a delimited text. What is done with it is said by one of a pipeline's name, a
    template's and a spec; where none of the data is given, that says what to read too.
    """

    file_id: str | None = None
    text: str | None = None
    format: FileFormat | None = None
    dialect: GivenDialect | None = None
    records: Sequence[Any] | None = None
    url: str | None = None
    rows_of: DatasetRef | None = None
    pipeline: str | None = None
    template: str | None = None
    spec: Spec | None = None
    priority: Priority = Priority.MEDIUM


def content_of(request: DataRequest) -> Content | None:
    """Encode what the request itself holds; None where it names something to read.

    Raises UserFault: INVALID_DATA (not exactly one), INVALID_ID, EMPTY_DATA, INVALID_TEXT, UNSUPPORTED_FORMAT,
    INVALID_RECORDS, INVALID_URL.
    """
    if _given(request) != 1:
        raise UserFault(
            "INVALID_DATA", "Give exactly one of file, text, records, url and dataset.", ("data",)
        )
    if request.file_id is not None:
        require_id(request.file_id, "file", ("data", "file"))
    if request.url is not None:
        check_url(request.url, ("data", "url"))
    if request.text is not None:
        return _text_content(request.text, request.format)
    return None if request.records is None else _records_content(request.records)


def has_data(request: DataRequest) -> bool:
    """Whether a request says what to read."""
    return _given(request) > 0


def _given(request: DataRequest) -> int:
    data = (request.file_id, request.text, request.records, request.url, request.rows_of)
    return sum(each is not None for each in data)


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


def _dialect(request: DataRequest) -> dict[str, Any]:
    """What is said of a text's dialect. Raises UserFault (INVALID_DIALECT)."""
    if request.dialect is None:
        return {}
    path = ("data", "text", "dialect")
    if request.format not in DELIMITED:
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


def source_of(request: DataRequest, content: Content | None) -> dict[str, Any]:
    """Say what is read, in the words of a job's spec. Raises UserFault (INVALID_DIALECT, INVALID_FILTER)."""
    if content is not None:
        dialect = _dialect(request)
        return {"input": {"format": content.format, **({"dialect": dialect} if dialect else {})}}
    if request.rows_of is not None:
        return {"dataset": _dataset_source(request.rows_of)}
    if request.url is not None:
        return {"url": {"url": request.url}}
    return {"file": {"id": request.file_id}}


def _dataset_source(wanted: DatasetRef) -> dict[str, Any]:
    source: dict[str, Any] = {"name": wanted.name, "version": wanted.version}
    if wanted.filter is not None:
        source["filter"] = wanted.filter.to_json()
        check_storable(source["filter"], ("data", "dataset", "filter"), "INVALID_FILTER")
    return source
