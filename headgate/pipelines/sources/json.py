"""JSON documents and NDJSON, record by record: a broken one is rejected and the rest goes on."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from headgate.errors import JobFault
from headgate.pipelines.jsonscan import find_records, split_items
from headgate.pipelines.prepared import Prepared, Source, Watch
from headgate.pipelines.recordblocks import RecordBlocks
from headgate.pipelines.rejections import Rejection, RejectionLog

BLOCK_BYTES = 1 << 20
MAX_RECORD_BYTES = 64 << 20
LONG_NUMBER = re.compile(rb"\d{19}")


def read_ndjson(source: Source, scratch: Path, log: RejectionLog, watch: Watch) -> Prepared:
    """One JSON object a line; blank lines are no records."""
    reader = RecordReader(scratch, log)
    total = source.path.stat().st_size
    with source.path.open("rb") as file:
        for number, line in enumerate(_lines(file), start=1):
            text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if text.strip():
                reader.take(text.strip(), number)
            if number % 5_000 == 0:
                watch("reading", rows_read=reader.records, bytes_read=file.tell(), bytes_total=total)
    return reader.finish()


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(MAX_RECORD_BYTES):
        yield line
        if len(line) == MAX_RECORD_BYTES and not line.endswith(b"\n"):
            _skip_line(file)


def _skip_line(file: BinaryIO) -> None:
    while (rest := file.readline(BLOCK_BYTES)) and not rest.endswith(b"\n"):
        pass


def read_json(source: Source, scratch: Path, log: RejectionLog, watch: Watch) -> Prepared:
    """An array of objects, an object with one such array, or a single object."""
    reader = RecordReader(scratch, log)
    total = source.path.stat().st_size
    offset, single = find_records(source.path)
    if single:
        reader.take(_whole(source.path), 1)
        return reader.finish()
    with source.path.open("rb") as file:
        for item, line in split_items(file, offset):
            reader.take(item, line)
            if reader.records % 5_000 == 0:
                watch("reading", rows_read=reader.records, bytes_read=file.tell(), bytes_total=total)
    return reader.finish()


def _whole(path: Path) -> bytes:
    if path.stat().st_size > MAX_RECORD_BYTES:
        raise JobFault("NO_RECORDS", "The JSON document is one value too large to be a record.", "DATA")
    return path.read_bytes().removeprefix(b"\xef\xbb\xbf")


class RecordReader:
    """Parses records one by one; what is no JSON object is rejected."""

    def __init__(self, scratch: Path, log: RejectionLog) -> None:
        self.records = 0
        self._log = log
        self._blocks = RecordBlocks(scratch)

    def take(self, text: bytes, line: int) -> None:
        """Keep or reject one record."""
        self.records += 1
        try:
            value = parse(text)
        except UnicodeDecodeError:
            return self._reject(text, line, "ENCODING", "The record holds bytes that are not UTF-8.")
        except (ValueError, RecursionError) as error:
            return self._reject(text, line, "STRUCTURE", f"The record is not valid JSON: {_reason(error)}.")
        if not isinstance(value, dict):
            return self._reject(text, line, "STRUCTURE", "The record is not a JSON object.", value)
        self._blocks.add(value, self.records, line, len(text))

    def _reject(self, text: bytes, line: int, code: str, message: str, record: Any = None) -> None:
        value = text.decode("utf-8", "replace")
        self._log.reject([Rejection(self.records, line, None, value, code, message, record)])

    def finish(self) -> Prepared:
        """Everything that was kept."""
        return self._blocks.prepare()


def parse(text: bytes) -> Any:
    """One JSON value; integers of any size stay exact."""
    if LONG_NUMBER.search(text):
        return json.loads(text.decode("utf-8"), parse_constant=_refuse_constant)
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        text.decode("utf-8")
        raise


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error).rstrip(".")
