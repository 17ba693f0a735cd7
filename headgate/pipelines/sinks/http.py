"""The sink `http`."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any, ClassVar, Self

import orjson
import polars as pl
from pydantic import Field, model_validator

from headgate.errors import JobFault
from headgate.pipelines.endpoints.client import Answer, Client, open_client
from headgate.pipelines.jsonpaths import NOWHERE, found_at
from headgate.pipelines.kinds import Settings
from headgate.pipelines.rowmap import ROW_INDEX
from headgate.pipelines.sinks.sink import Delivered, Delivery, OutsideSink, Refused, SinkRows
from headgate.pipelines.sinks.spelling import record_batches

USUAL_BATCH = 100
MAX_BATCH = 10_000
MAX_REFUSED = 10_000
"""A server that refuses more rows means something else by it."""
MAX_MESSAGE_CHARACTERS = 1_000
OF_THE_CALL = frozenset({401, 403, 404, 405, 407, 408, 410, 425, 429})
"""The statuses from 400 to 499 that say nothing about rows."""
TAKEN = frozenset({"OK", "SUCCESS", "SUCCEEDED", "CREATED", "UPDATED", "ACCEPTED", "TRUE"})


class HttpMethod(StrEnum):
    """How rows are sent."""

    POST = "POST"
    PUT = "PUT"


class HttpBody(StrEnum):
    """What the body of a request is."""

    LIST = "LIST"
    OBJECT = "OBJECT"


class HttpResults(Settings):
    """Where an answer says what became of each row, in the order of the rows that were sent."""

    path: str = Field(
        default="",
        max_length=500,
        description="The names that lead to the list, with dots between them; the answer is the list by default.",
    )
    ok_field: str | None = Field(
        default=None,
        max_length=500,
        description="The field of a result that is true where the row was taken.",
    )
    status_field: str | None = Field(
        default=None,
        max_length=500,
        description=(
            "The field of a result with a status: 200 to 299, or a word such as ok or created, where the row was taken."
        ),
    )
    message_field: str = Field(
        default="message",
        max_length=500,
        description="The field of a result that says what is wrong with the row.",
    )

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if (self.ok_field is None) == (self.status_field is None):
            raise ValueError("give one of okField and statusField")
        return self

    def of(self, answer: Answer, count: int) -> list[str | None]:
        """What an answer says of each row: what is wrong with it, or null where it was taken.

        Raises JobFault (INVALID_ANSWER) where it doesn't say it of so many.
        """
        results = _at(answer.json(), self.path)
        if not isinstance(results, list) or len(results) != count:
            message = f"The answer has no list of {count} results at {self.path or 'its root'}."
            raise JobFault("INVALID_ANSWER", message, "DEPENDENCY")
        return [None if self._is_taken(result) else self._message(result) for result in results]

    def _is_taken(self, result: Any) -> bool:
        said = _at(result, self.ok_field or self.status_field or "")
        if self.ok_field is not None or isinstance(said, bool):
            return said is True
        if isinstance(said, int | float):
            return 200 <= said < 300
        return isinstance(said, str) and (said.upper() in TAKEN or (len(said) == 3 and said.startswith("2")))

    def _message(self, result: Any) -> str:
        said = _at(result, self.message_field)
        text = said if isinstance(said, str) else orjson.dumps(said).decode() if said is not None else ""
        return text[:MAX_MESSAGE_CHARACTERS] or "The server refuses the row and doesn't say why."


def _at(document: Any, path: str) -> Any:
    found = found_at(document, path)
    return None if found is NOWHERE else found


class HttpSink(OutsideSink):
    """Rows are sent to a web service, a batch of them with each request, as JSON.

    What the service says of single rows counts, where `results` says how to read it: those that it refuses are
    rejected. Without, a batch that is answered with a status from 400 to 499 is sent in halves until what is refused
    are single rows. Each request has an Idempotency-Key, the same one when a job is tried again, so that a service
    that heeds it takes no row twice.
    """

    kind: ClassVar[str] = "http"
    example: ClassVar[dict[str, Any]] = {
        "endpoint": "crm",
        "path": "/contacts/batch",
        "recordsKey": "contacts",
        "results": {"path": "results", "okField": "ok", "messageField": "error"},
    }
    records: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"email": "ada@example.com", "name": "Ada"},
        {"email": "bob@example.com", "name": "Bob"},
    )
    endpoints: ClassVar[Mapping[str, tuple[str, ...]]] = {"endpoint": ("HTTP", "SIMULATED")}

    endpoint: str = Field(description="The endpoint to send rows to.")
    path: str = Field(default="", max_length=2_000, description="The path below the endpoint's URL.")
    method: HttpMethod = Field(default=HttpMethod.POST, description="The method of the requests.")
    batch_size: int | None = Field(
        default=None,
        ge=1,
        le=MAX_BATCH,
        description=f"How many rows one request has at most; {USUAL_BATCH} by default.",
    )
    body: HttpBody = Field(
        default=HttpBody.LIST,
        description="LIST sends the rows of a batch as a list; OBJECT sends each row by itself, as an object.",
    )
    records_key: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="Send an object in which the rows are under this name; they are all of the body by default.",
    )
    results: HttpResults | None = Field(
        default=None,
        description="Where answers say what became of each row; by default a status of success is for all of a batch.",
    )

    @model_validator(mode="after")
    def _check_size(self) -> Self:
        if self.body is HttpBody.OBJECT and self.batch_size not in (None, 1):
            raise ValueError("a body of one object has one row: leave batchSize out, or send a LIST")
        if self.body is HttpBody.OBJECT and self.results is not None:
            raise ValueError(
                "a body of one object has one result, its status: leave results out, or send a LIST"
            )
        return self

    @property
    def size(self) -> int:
        """How many rows a request has at most."""
        return 1 if self.body is HttpBody.OBJECT else self.batch_size or USUAL_BATCH

    def write(self, rows: SinkRows, delivery: Delivery) -> Delivered:
        """Send all rows.

        Raises JobFault: HTTP_STATUS where the service refuses more than rows, ROWS_REFUSED where these are too many,
        and what a client raises.
        """
        endpoint = delivery.outside.endpoint(self.endpoint, *self.endpoints["endpoint"])
        with open_client(endpoint, delivery.outside, delivery.watch, stage="delivering") as client:
            sending = _Sending(self, client, delivery.key)
            for batch in _batches(rows, delivery, self.size):
                sending.send(batch)
        said = {"requests": sending.requests, "sent": rows.count, "refused": len(sending.index)}
        return Delivered(refused=Refused(sending.index, sending.messages), said=said)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that are sent together, and their ROW_INDEX."""

    index: Sequence[int]
    records: Sequence[dict[str, Any]]

    def halves(self) -> "Iterator[Batch]":
        """The same rows as two batches."""
        middle = len(self.index) // 2
        for part in (slice(middle), slice(middle, None)):
            yield Batch(self.index[part], self.records[part])


def _batches(rows: SinkRows, delivery: Delivery, size: int) -> Iterator[Batch]:
    numbered = rows.numbered().with_columns(pl.col(ROW_INDEX).cast(pl.Int64))
    for records in record_batches(numbered, rows.columns, delivery.watch, size):
        yield Batch([record.pop(ROW_INDEX) for record in records], records)


@dataclass(slots=True)
class _Sending:
    """Sends batches; `index` and `messages` are of the rows that were refused."""

    sink: HttpSink
    client: Client
    key: str
    requests: int = 0
    index: list[int] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def send(self, batch: Batch) -> None:
        """Send a batch, and where the server refuses it as a whole, parts of it."""
        try:
            answer = self._call(batch)
        except JobFault as fault:
            if not _is_of_rows(fault):
                raise
            if len(batch.index) == 1:
                return self._refuse(batch.index[0], fault.message)
            for half in batch.halves():
                self.send(half)
            return None
        if self.sink.results is not None:
            for index, message in zip(
                batch.index, self.sink.results.of(answer, len(batch.index)), strict=True
            ):
                if message is not None:
                    self._refuse(index, message)

    def _call(self, batch: Batch) -> Answer:
        content = orjson.dumps(self._body(batch))
        # The same rows at the same place have the same key; whatever else is sent has another one.
        told = f"{self.key}:{batch.index[0]}:{sha256(content).hexdigest()}"
        self.requests += 1
        return self.client.call(
            self.sink.method,
            self.sink.path,
            headers={"content-type": "application/json"},
            content=content,
            idempotency_key=sha256(told.encode()).hexdigest()[:40],
        )

    def _body(self, batch: Batch) -> Any:
        records = batch.records[0] if self.sink.body is HttpBody.OBJECT else batch.records
        return records if self.sink.records_key is None else {self.sink.records_key: records}

    def _refuse(self, index: int, message: str) -> None:
        self.index.append(index)
        self.messages.append(message)
        if len(self.index) > MAX_REFUSED:
            message = f"The endpoint {self.sink.endpoint} refuses more than {MAX_REFUSED:,} rows."
            raise JobFault("ROWS_REFUSED", message, "DEPENDENCY", details={"message": self.messages[0]})


def _is_of_rows(fault: JobFault) -> bool:
    """Whether a server refused what was sent, and not who sent it or where."""
    status = (fault.details or {}).get("status", 0) if fault.code == "HTTP_STATUS" else 0
    return 400 <= status < 500 and status not in OF_THE_CALL
