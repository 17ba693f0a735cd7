"""Ingest: take data and make a job of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.storage.formats import FileFormat
from headgate.storage.tables import Job


class WriteMode(StrEnum):
    """How rows go into a dataset that has some already."""

    APPEND = "APPEND"
    REPLACE = "REPLACE"
    UPSERT = "UPSERT"


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


async def submit(services: Services, principal: Principal, request: IngestRequest) -> Job:
    """Accept data as a durable job; creates the dataset where it is missing.

    Raises UserFault: FORBIDDEN, INVALID_DATA (not exactly one of file, text and records), INVALID_ID,
    NOT_FOUND, FILE_NOT_READY, DATASET_REQUIRED, INVALID_NAME, KEYS_REQUIRED, KEYS_NOT_ALLOWED,
    INVALID_KEYS, EMPTY_DATA, INVALID_TEXT, UNSUPPORTED_FORMAT and INVALID_RECORDS; each `path` begins
    at the input object, such as `("data", "file")`.
    """
    raise NotImplementedError
