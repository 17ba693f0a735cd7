"""CSV, TSV and their like.

One sweep over the bytes finds every record and rejects the broken ones. A file without faults is then scanned by
Polars where it lies; any other is first copied to a canonical form (UTF-8, LF) that holds its good records only.
"""

import codecs
import csv
import io
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import polars as pl

from headgate.errors import JobFault
from headgate.pipelines import dialect as dialects
from headgate.pipelines.dialect import Dialect
from headgate.pipelines.goodrecords import GoodRecords
from headgate.pipelines.prepared import ROW_INDEX, Prepared, Source, Watch
from headgate.pipelines.records import (
    CARRIAGE_RETURN,
    LINE_FEED,
    MAX_RECORD_BYTES,
    Grammar,
    SlowRecord,
    Window,
    read_record,
    scan,
)
from headgate.pipelines.rejections import Rejection, RejectionLog
from headgate.pipelines.replay import RowSet
from headgate.pipelines.rowmap import RowMap
from headgate.pipelines.sources.naming import column_names

WINDOW_BYTES = 1 << 20
"""Smaller windows cost more calls, and the arrays of larger ones leave the processor's cache."""
SCANNERS = 1
"""Threads that scan ahead; NumPy works outside the interpreter's lock."""
CAREFUL_BYTES = 4 << 10
"""The window behind a stray quote: small, since the next one is often near, and doubled while none comes."""
REPLACEMENT = "\ufffd".encode()
# Polars reads this where it first scans. By default it takes larger pieces the larger the file is: half a GiB of
# memory for ten million rows in place of a quarter, and no faster.
os.environ.setdefault("POLARS_CSV_CHUNK_SIZE", str(1_000_000))

Mask = npt.NDArray[np.bool_]
Fault = tuple[str, str | None, str]
"""The code, the column and the message of a broken record."""


def read(source: Source, scratch: Path, log: RejectionLog, watch: Watch) -> Prepared:
    """Sweep a delimited file; every column of the result is the source's own text."""
    dialect = source.dialect or detect_dialect(source.path)
    sweep = Sweep(source.path, dialect, scratch / "canonical.csv", log, source.only)
    sweep.run(watch)
    return Prepared(
        frame=sweep.frame().with_row_index(ROW_INDEX),
        names=sweep.names,
        texts=frozenset(sweep.names),
        sample=sweep.sample(),
        accepted=sweep.accepted,
        rows=sweep.rows,
    )


def detect_dialect(path: Path, delimiter: str | None = None) -> Dialect:
    """The dialect found in the file's first bytes."""
    with path.open("rb") as file:
        head = file.read(dialects.SAMPLE_BYTES)
    return dialects.detect(head, complete=len(head) < dialects.SAMPLE_BYTES, delimiter=delimiter)


class Sweep:
    """One pass over a file's bytes: counts and rejects records, and knows where the good ones can be scanned.

    Where `only` is given, all other records are neither kept nor rejected.
    """

    def __init__(
        self,
        path: Path,
        dialect: Dialect,
        canonical: Path,
        log: RejectionLog,
        only: RowSet | None = None,
    ) -> None:
        newline = CARRIAGE_RETURN if dialect.newline == "\r" else LINE_FEED
        self.grammar = Grammar(ord(dialect.delimiter or ","), ord(dialect.quote or '"'), newline)
        self.names: list[str] = []
        self.accepted = 0
        self.rows = RowMap()
        self._path, self._dialect, self._log, self._only = path, dialect, log, only
        self._transcoded = dialect.encoding != "utf-8"
        self._good = GoodRecords(path, canonical, self.grammar)
        self._record, self._line, self._window_bytes = 0, 1, WINDOW_BYTES

    def run(self, watch: Watch) -> None:
        """Read the file to its end."""
        total = self._path.stat().st_size
        with self._path.open("rb") as file, ThreadPoolExecutor(SCANNERS) as scanners:
            rest = b""
            for window, scanned in self._scanned(file, scanners):
                rest = self._follow(rest, window, scanned)
                watch("reading", rows_read=self._record, bytes_read=file.tell(), bytes_total=total)
            self._finish(rest)
        self._good.close()
        if not self.names:
            raise JobFault(
                "EMPTY_FILE", "The file holds no records. Send a file with at least a header.", "DATA"
            )

    def _follow(self, rest: bytes, window: bytes, scanned: Future[Window]) -> bytes:
        """Take the records of the next window; `rest` is what the one before left over."""
        if self.names and not rest:
            found = scanned.result()
            if found.consumed == len(window) and not found.broken:
                self._take(window, found)
                return b""
        window = rest + window
        if not self.names:
            window = self._begin(window, final=False)
        return self._advance(window, final=False) if self.names else window

    def _finish(self, rest: bytes) -> None:
        """Take what the last window left over."""
        if not self.names:
            rest = self._begin(rest, final=True)
        if self.names and rest:
            self._advance(rest, final=True)

    def _scanned(self, file: BinaryIO, scanners: Executor) -> Iterator[tuple[bytes, Future[Window]]]:
        """The windows of the file, each scanned ahead as if a record began with it."""
        ahead: deque[tuple[bytes, Future[Window]]] = deque()
        for window in self._windows(file):
            ahead.append((window, scanners.submit(scan, window, self.grammar)))
            if len(ahead) > SCANNERS:
                yield ahead.popleft()
        yield from ahead

    def _windows(self, file: BinaryIO) -> Iterator[bytes]:
        """The file in pieces that end with a line, but for the last one and for lines without end."""
        newline = bytes([self.grammar.newline])
        tail = b""
        for block in self._blocks(file):
            tail += block
            cut = len(tail) if len(tail) >= MAX_RECORD_BYTES else tail.rfind(newline) + 1
            if cut:
                yield tail[:cut]
                tail = tail[cut:]
        yield tail

    def _blocks(self, file: BinaryIO) -> Iterator[bytes]:
        """The file as UTF-8."""
        decoder = codecs.getincrementaldecoder(self._dialect.encoding)(errors="replace")
        while block := file.read(WINDOW_BYTES):
            text = decoder.decode(block).encode("utf-8") if self._transcoded else block
            if text:
                yield text
        if self._transcoded and (rest := decoder.decode(b"", final=True)):
            yield rest.encode("utf-8")

    def _begin(self, window: bytes, *, final: bool) -> bytes:
        """Take the byte order mark, the skipped lines and the header off; what is left are records."""
        newline = bytes([self.grammar.newline])
        rest = window.removeprefix(codecs.BOM_UTF8)
        marked = len(rest) < len(window)
        for _ in range(self._dialect.skip_rows):
            rest = rest.partition(newline)[2]
        rest = rest.lstrip(b"\r\n")
        first = read_record(rest, 0, self.grammar, final=final) if rest else None
        if first is None:
            return window
        cells = [(cell or b"").decode("utf-8", "replace") for cell in first.cells]
        self.names = column_names(cells) if self._dialect.has_header else column_names([""] * len(cells))
        if self._dialect.has_header:
            rest = rest[first.end :]
        head = window[: len(window) - len(rest)]
        self._line += head.count(newline)
        copied = self._transcoded or self.grammar.newline == CARRIAGE_RETURN or (marked and self._line == 1)
        self._good.begin(len(head), head.count(b"\n"), copied=copied or self._only is not None)
        return rest

    def _advance(self, window: bytes, *, final: bool) -> bytes:
        """Take all complete records off the window; the bytes that remain begin the next one."""
        if final and window and window[-1] != self.grammar.newline:
            window += bytes([self.grammar.newline])
        at = 0
        while at < len(window):
            end = min(at + self._window_bytes, len(window))
            part = window[at:end]
            found = scan(part, self.grammar)
            self._take(part[: found.consumed], found)
            at += found.consumed
            if not found.broken and (found.consumed or end < len(window)):
                longest = WINDOW_BYTES if found.consumed else len(window)
                self._window_bytes = min(self._window_bytes * 2, longest)
                continue
            record = read_record(window, at, self.grammar, final=final)
            if record is None:
                break
            self._take_slowly(window[at : record.end], record)
            at, self._window_bytes = record.end, CAREFUL_BYTES
        return window[at:]

    def _take(self, part: bytes, found: Window) -> None:
        """Keep the good records of a regular window, reject the others."""
        count = len(found.starts)
        if not count:
            return
        if self.grammar.newline == CARRIAGE_RETURN and LINE_FEED in part:
            self._take_singly(part, found)
        elif self._only is None and self._is_clean(part, found):
            self.rows.add_run(self.accepted, self._record + 1, self._line)
            self._good.keep_all(part, found)
            self.accepted, self._record, self._line = (
                self.accepted + count,
                self._record + count,
                self._line + count,
            )
        else:
            self._sort_out(part, found)

    def _is_clean(self, part: bytes, found: Window) -> bool:
        """Whether every line is one good record."""
        whole = len(found.newlines) == len(found.ends) and bool((found.widths == len(self.names)).all())
        return whole and part.isascii() and (len(self.names) > 1 or not _blank(part, found).any())

    def _sort_out(self, part: bytes, found: Window) -> None:
        blank = _blank(part, found)
        broken = _broken_text(part, found, transcoded=self._transcoded)
        rows = self._record + np.cumsum(~blank)
        wanted = ~blank if self._only is None else ~blank & self._only.mask(rows)
        good = (found.widths == len(self.names)) & wanted & ~broken
        lines = self._line + np.searchsorted(found.newlines, found.starts)
        self.rows.add(self.accepted, rows[good], lines[good])
        self._good.keep(part, found, good)
        for index in np.flatnonzero(~good & wanted):
            raw = part[found.starts[index] : found.ends[index]]
            width = int(found.widths[index])
            fault = self._encoding_fault(raw) if broken[index] else self._width_fault(width)
            self._reject(int(rows[index]), int(lines[index]), raw, *fault)
        self.accepted += int(good.sum())
        self._record = int(rows[-1])
        self._line += int(np.searchsorted(found.newlines, len(part)))

    def _take_singly(self, part: bytes, found: Window) -> None:
        """Take records one by one: where CR ends the lines, an LF is text that the canonical form has to quote."""
        for start, end in zip(found.starts, found.ends, strict=True):
            raw = part[start:end]
            record = read_record(raw, 0, self.grammar, final=True)
            if len(raw) == 1:
                self._line += 1
            elif record is not None:
                self._take_slowly(raw, record)

    def _take_slowly(self, raw: bytes, record: SlowRecord) -> None:
        """Keep or reject one record that was read byte by byte."""
        line, self._record = self._line, self._record + 1
        self._line += raw.count(bytes([self.grammar.newline]))
        if self._only is not None and self._record not in self._only:
            return
        fault = self._slow_fault(raw, record)
        if fault is not None:
            self._good.leave_out()
            return self._reject(self._record, line, raw, *fault)
        self.rows.add(self.accepted, np.array([self._record]), np.array([line]))
        self._good.rewrite(record.cells)
        self.accepted += 1

    def _slow_fault(self, raw: bytes, record: SlowRecord) -> Fault | None:
        if _first_broken(raw, 0, transcoded=self._transcoded) >= 0:
            return self._encoding_fault(raw)
        width = len(record.cells)
        if record.fault is not None:
            column = self.names[width] if width < len(self.names) else None
            return "STRUCTURE", column, f"The cell {record.fault}. Double each quote inside a quoted cell."
        return None if width == len(self.names) else self._width_fault(width)

    def _reject(self, row: int, line: int, raw: bytes, code: str, column: str | None, message: str) -> None:
        text = raw.decode("utf-8", "replace").rstrip("\r\n")
        self._log.reject([Rejection(row, line, column, text, code, message, self._cells(text))])

    def _cells(self, text: str) -> list[str]:
        try:
            return next(csv.reader(io.StringIO(text, newline=""), delimiter=chr(self.grammar.delimiter)), [])
        except csv.Error:
            return [text]

    def _width_fault(self, width: int) -> Fault:
        expected = len(self.names)
        trouble = "some are missing" if width < expected else "there are too many"
        message = f"The row has {_cells(width)} where the header names {expected}: {trouble}."
        return "STRUCTURE", self.names[width] if width < expected else None, message

    def _encoding_fault(self, raw: bytes) -> Fault:
        cells = self._cells(raw.decode("utf-8", "replace").rstrip("\r\n"))
        faulty = next((index for index, cell in enumerate(cells) if "\ufffd" in cell), len(self.names))
        column = self.names[faulty] if faulty < len(self.names) else None
        encoding = self._dialect.encoding.upper()
        return "ENCODING", column, f"The cell holds bytes that are not {encoding}. Save the file as UTF-8."

    def frame(self) -> pl.LazyFrame:
        """The good records, all columns as text: an empty cell is null, a quoted empty one empty text."""
        if not self.accepted:
            return pl.LazyFrame(schema=dict.fromkeys(self.names, pl.String))
        return pl.scan_csv(self._good.path, skip_lines=self._good.skip_lines, glob=False, **self._options())

    def sample(self) -> pl.DataFrame:
        """Records from all over the file, to guess types from."""
        text = b"".join(self._good.samples())
        if not text:
            return pl.DataFrame(schema=dict.fromkeys(self.names, pl.String))
        return pl.read_csv(text, **self._options())

    def _options(self) -> dict[str, Any]:
        return {
            "has_header": False,
            "extra_columns": "raise",
            "schema": dict.fromkeys(self.names, pl.String),
            "separator": chr(self.grammar.delimiter),
            "quote_char": chr(self.grammar.quote),
        }


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"


def _blank(part: bytes, found: Window) -> Mask:
    """Which records are blank lines: they are no records at all."""
    sizes = found.ends - found.starts
    data = np.frombuffer(part, np.uint8)
    blank: Mask = (sizes == 1) | ((sizes == 2) & (data[found.starts] == CARRIAGE_RETURN))
    return blank


def _broken_text(part: bytes, found: Window, *, transcoded: bool) -> Mask:
    """Which records hold bytes that the file's encoding has no character for."""
    broken = np.zeros(len(found.starts), np.bool_)
    at = 0
    while not part.isascii() and at < len(part):
        position = _first_broken(part, at, transcoded=transcoded)
        if position < 0:
            break
        index = int(np.searchsorted(found.ends, position, side="right"))
        broken[index] = True
        at = int(found.ends[index])
    return broken


def _first_broken(part: bytes, at: int, *, transcoded: bool) -> int:
    if transcoded:
        return part.find(REPLACEMENT, at)
    try:
        codecs.utf_8_decode(memoryview(part)[at:], "strict", True)
    except UnicodeDecodeError as error:
        return at + error.start
    return -1
