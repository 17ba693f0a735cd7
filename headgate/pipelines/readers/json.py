"""JSON documents and NDJSON, record by record: a broken one is rejected and the rest goes on."""

import json
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from headgate.errors import JobFault
from headgate.pipelines.encodings import detect_encoding
from headgate.pipelines.jsonscan import find_records, is_deeper, split_items
from headgate.pipelines.prepared import Prepared, Source, Watch
from headgate.pipelines.readers.faults import CUT_OFF
from headgate.pipelines.recordblocks import RecordBlocks
from headgate.pipelines.rejections import Rejection, RejectionLog
from headgate.pipelines.replay import RowSet

BLOCK_BYTES = 1 << 20
BOM = b"\xef\xbb\xbf"
MAX_RECORD_BYTES = 64 << 20
MAX_DEPTH = 100
"""JSON nested more deeply than this is no data, and too deep for what comes behind the parser."""
LONG_NUMBER = re.compile(rb"\d{19}")
DIGITS_TO_ZEROS = bytes.maketrans(b"123456789", b"000000000")
NINETEEN_ZEROS = b"0" * 19


def read_ndjson(source: Source, scratch: Path, log: RejectionLog, watch: Watch) -> Prepared:
    """One JSON object a line; blank lines are no records."""
    reader = RecordReader(scratch, log, source.only)
    path = _as_utf8(source.path, scratch, watch)
    if source.only is None and not source.cut_off:
        _read_blocks(path, reader, watch)
        return reader.finish()
    total = path.stat().st_size
    number, line = 0, b""
    with path.open("rb") as file:
        for number, line in enumerate(_lines(file), start=1):
            if source.cut_off and not line.endswith(b"\n"):
                break
            text = line.removeprefix(BOM) if number == 1 else line
            if text.strip():
                reader.take(text.strip(), number)
            if number % 5_000 == 0:
                watch("reading", rows_read=reader.records, bytes_read=file.tell(), bytes_total=total)
    if source.cut_off:
        reader.cut_off(*(b"", number + 1) if line.endswith(b"\n") else (line, number))
    return reader.finish()


def _read_blocks(path: Path, reader: "RecordReader", watch: Watch) -> None:
    """Take all lines, many at a time."""
    total, line = path.stat().st_size, 1
    with path.open("rb") as file:
        while block := file.read(BLOCK_BYTES):
            if not block.endswith(b"\n"):
                block += (rest := file.readline(MAX_RECORD_BYTES))
                if len(rest) == MAX_RECORD_BYTES and not rest.endswith(b"\n"):
                    _skip_line(file)
            line += reader.take_lines(block.removeprefix(BOM) if line == 1 else block, line)
            watch("reading", rows_read=reader.records, bytes_read=file.tell(), bytes_total=total)


def _as_utf8(path: Path, scratch: Path, watch: Watch) -> Path:
    """The file itself, or a copy where it is UTF-16 or UTF-32."""
    with path.open("rb") as file:
        encoding = detect_encoding(file.read(BLOCK_BYTES))
    if not encoding.startswith(("utf-16", "utf-32")):
        return path
    copy = scratch / "utf-8.json"
    with (
        path.open(encoding=encoding, newline="") as source,
        copy.open("w", encoding="utf-8", newline="") as target,
    ):
        while block := source.read(BLOCK_BYTES):
            target.write(block)
            watch("reading")
    return copy


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
    reader = RecordReader(scratch, log, source.only)
    path = _as_utf8(source.path, scratch, watch)
    total = path.stat().st_size
    offset, single = find_records(path, watch)
    if single and source.cut_off:
        reader.cut_off(_whole(path), 1)
        return reader.finish()
    if single:
        reader.take(_whole(path), 1)
        return reader.finish()
    with path.open("rb") as file:
        items = split_items(file, offset)
        for item, line in _but_for_the_rest(items, reader) if source.cut_off else items:
            reader.take(item, line)
            if reader.records % 5_000 == 0:
                watch("reading", rows_read=reader.records, bytes_read=file.tell(), bytes_total=total)
    return reader.finish()


def _but_for_the_rest(
    items: Iterator[tuple[bytes, int]], reader: "RecordReader"
) -> Iterator[tuple[bytes, int]]:
    """The items of a document that is cut off, the last of which is rejected for it."""
    last = next(items, None)
    for item in items:
        if last is not None and (item[0] or _parses(last[0])):
            yield last
            last = item
    if last is not None:
        reader.cut_off(*last)


def _parses(text: bytes) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _whole(path: Path) -> bytes:
    if path.stat().st_size > MAX_RECORD_BYTES:
        raise JobFault("NO_RECORDS", "The JSON document is one value too large to be a record.", "DATA")
    return path.read_bytes().removeprefix(BOM)


class RecordReader:
    """Parses records one by one, those of `only` where it is given; what is no JSON object is rejected."""

    def __init__(self, scratch: Path | None, log: RejectionLog, only: RowSet | None = None) -> None:
        self.records = 0
        self._log, self._only = log, only
        self._blocks = RecordBlocks(scratch)

    def take(self, text: bytes, line: int) -> None:
        """Keep or reject one record."""
        self.records += 1
        if self._only is not None and self.records not in self._only:
            return None
        try:
            value = parse(text)
        except UnicodeDecodeError:
            return self._reject(text, line, "ENCODING", "The record holds bytes that are not UTF-8.")
        except ValueError as error:
            return self._reject(text, line, "STRUCTURE", f"The record is not valid JSON: {error}.")
        if not isinstance(value, dict):
            return self._reject(text, line, "STRUCTURE", "The record is not a JSON object.", value)
        self._blocks.add(value, self.records, line, len(text))

    def take_lines(self, block: bytes, line: int) -> int:
        """Keep or reject the records of whole lines, the first of which has this number; answers how many lines."""
        lines = block.split(b"\n")
        if not lines[-1]:
            lines.pop()
        if (records := parse_objects(block, lines)) is not None:
            self._blocks.add_all(records, self.records + 1, line, len(block))
            self.records += len(records)
            return len(lines)
        for number, text in enumerate(lines, start=line):
            if stripped := text.strip():
                self.take(stripped, number)
        return len(lines)

    def cut_off(self, text: bytes, line: int) -> None:
        """Reject what is left of the record in which the source is cut off, be it nothing."""
        self.records += 1
        if self._only is None or self.records in self._only:
            self._reject(text, line, "STRUCTURE", CUT_OFF)

    def _reject(self, text: bytes, line: int, code: str, message: str, record: Any = None) -> None:
        value = text.decode("utf-8", "replace")
        self._log.reject([Rejection(self.records, line, None, value, code, message, record)])

    def finish(self) -> Prepared:
        """Everything that was kept."""
        return self._blocks.prepare()


def parse_objects(block: bytes, lines: Sequence[bytes]) -> list[dict[str, Any]] | None:
    """The objects of a block's lines, exactly as `parse` reads them; None where it has to look at each by itself."""
    if NINETEEN_ZEROS in block.translate(DIGITS_TO_ZEROS):
        return None
    # Every object opens one bracket at least.
    if block.count(b"[") + block.count(b"{") >= len(lines) + MAX_DEPTH and any(map(_may_be_deep, lines)):
        return None
    try:
        records = list(map(orjson.loads, lines))
    except orjson.JSONDecodeError:
        return None
    return records if set(map(type, records)) <= {dict} else None


def _may_be_deep(text: bytes) -> bool:
    return text.count(b"[") + text.count(b"{") > MAX_DEPTH


def parse(text: bytes) -> Any:
    """One JSON value; integers of any size stay exact, and of the values of one key the last counts.

    Raises ValueError, which is a UnicodeDecodeError where the bytes are no UTF-8.
    """
    if not text:
        raise ValueError("nothing stands where a record should")
    if is_deeper(text, MAX_DEPTH):
        raise ValueError("it is nested too deeply")
    if LONG_NUMBER.search(text):
        return _parse_long_numbers(text.decode("utf-8"))
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        text.decode("utf-8")
        raise


def _parse_long_numbers(text: str) -> Any:
    value = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
    if "\\ud" in text.lower():
        _refuse_surrogates(value)
    return value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON value")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text} is too large a number")
    return value


def _refuse_surrogates(value: Any) -> None:
    """Half a character can't be stored."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("a text holds half a surrogate pair") from None
