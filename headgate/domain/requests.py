"""What requests that read data have in common: where the data comes from, and what its rows are held against."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from headgate.domain.acceptance import Content, NewJob
from headgate.domain.datasets import by_names
from headgate.domain.datasets import require_version as require_dataset_version
from headgate.domain.dialects import checked_dialect
from headgate.domain.files import get_many as get_files
from headgate.domain.files import require_ready
from headgate.domain.ids import require_id
from headgate.domain.rules import Rules, check_storable, referenced_datasets
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.pipelines.dialect import GivenDialect
from headgate.pipelines.outgoing import check_url
from headgate.storage.filters import RowFilter
from headgate.storage.formats import DELIMITED, TEXT_FORMATS, FileFormat
from headgate.storage.tables import Dataset, File, JobKind, Priority


@dataclass(frozen=True, slots=True)
class DatasetRef:
    """Rows of a dataset, by its name: of the newest version unless another one is given."""

    name: str
    version: int | None = None
    filter: RowFilter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DataRequest:
    """What to read: exactly one of a file's id, a text with its format, records, a URL and rows of a dataset.

    `dialect` is what is known of a delimited text.
    """

    file_id: str | None = None
    text: str | None = None
    format: FileFormat | None = None
    dialect: GivenDialect | None = None
    records: Sequence[Any] | None = None
    url: str | None = None
    rows_of: DatasetRef | None = None
    rules: Rules = field(default_factory=Rules)
    priority: Priority = Priority.MEDIUM


def content_of(request: DataRequest) -> Content | None:
    """Encode what the request itself holds; None where it names something to read.

    Raises UserFault: INVALID_DATA (not exactly one), INVALID_ID, EMPTY_DATA, INVALID_TEXT, UNSUPPORTED_FORMAT,
    INVALID_RECORDS, INVALID_URL.
    """
    sources = (request.file_id, request.text, request.records, request.url, request.rows_of)
    if sum(source is not None for source in sources) != 1:
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


@dataclass(frozen=True, slots=True)
class Named:
    """The files, by id, and the datasets, by name, that were found for requests which name them."""

    files: Mapping[str, File]
    datasets: Mapping[str, Dataset]

    @classmethod
    async def by(cls, services: Services, new: Collection[NewJob]) -> "Named":
        """Look up all that these jobs name, in two queries at most."""
        files = [each.job.file_id for each in new if each.job.file_id is not None]
        datasets = {name for each in new for name in _dataset_names(each.job.spec)}
        return cls(
            await get_files(services, files) if files else {},
            await by_names(services, datasets) if datasets else {},
        )

    def bind(self, new: NewJob) -> None:
        """Let a job read what its spec names.

        Raises UserFault: NOT_FOUND, FILE_NOT_READY.
        """
        if new.job.file_id is not None:
            self._check_file(new.job.file_id)
        source = new.job.spec["source"].get("dataset")
        if source is not None:
            dataset = self._dataset(source["name"], ("data", "dataset", "name"))
            source |= {"version": _version(dataset, source["version"]), "key": dataset.storage_key}
        if mentions := referenced_datasets(new.job.spec):
            at = () if new.job.kind is JobKind.VALIDATE else ("spec",)
            keys = {name: self._dataset(name, (*at, *path)).storage_key for name, path in mentions.items()}
            new.job.spec = {**new.job.spec, "datasets": keys}

    def _check_file(self, file_id: str) -> None:
        path = ("data", "file")
        if file_id not in self.files:
            raise UserFault("NOT_FOUND", f"There is no file {file_id}.", path)
        require_ready(self.files[file_id], path)

    def _dataset(self, name: str, path: tuple[str, ...]) -> Dataset:
        if name not in self.datasets:
            raise UserFault("NOT_FOUND", f"There is no dataset {name}.", path)
        return self.datasets[name]


def _dataset_names(spec: Mapping[str, Any]) -> set[str]:
    source = spec["source"].get("dataset")
    return {*referenced_datasets(spec), *([source["name"]] if source is not None else [])}


def _version(dataset: Dataset, wanted: int | None) -> int:
    """The version that is read: from now on no other, whatever becomes of the dataset."""
    if dataset.version is None:
        raise UserFault("NOT_FOUND", f"The dataset {dataset.name} has no version yet.", ("data", "dataset"))
    if wanted is None:
        return dataset.version
    try:
        require_dataset_version(dataset, wanted)
    except UserFault as fault:
        raise UserFault(fault.code, fault.message, ("data", "dataset", "version")) from fault
    return wanted
