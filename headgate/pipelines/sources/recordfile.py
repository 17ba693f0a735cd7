"""A file of records that come piece by piece."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from headgate.errors import JobFault
from headgate.pipelines.sources.source import FetchedFile
from headgate.storage.formats import FileFormat

NAME = "records.ndjson"


class RecordFile:
    """Writes records into a folder, as NDJSON of at most so many bytes."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._path = folder / NAME
        self._max_bytes = max_bytes
        self.count = 0
        self.byte_size = 0

    def add(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Write some more. Raises JobFault (SOURCE_TOO_LARGE)."""
        lines = [_line(record) for record in records]
        self.byte_size += sum(map(len, lines))
        self.count += len(lines)
        if self.byte_size > self._max_bytes:
            message = f"The source has more than the {self._max_bytes:,} bytes that are taken."
            raise JobFault("SOURCE_TOO_LARGE", message, "DATA", details={"maxBytes": self._max_bytes})
        with self._path.open("ab") as file:
            file.writelines(lines)

    def files(self) -> list[FetchedFile]:
        """The file, where it has any records."""
        return [FetchedFile(NAME, FileFormat.NDJSON)] if self.count else []


def _line(record: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except orjson.JSONEncodeError:
        # It holds an integer of more than 64 bits, which stays exact.
        return json.dumps(record).encode() + b"\n"
