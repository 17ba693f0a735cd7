"""One pass over the bytes of a delimited file: finds its records, keeps the good ones and rejects the others."""

import codecs
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import numpy as np

from headgate.errors import JobFault
from headgate.pipelines.dialect import Dialect
from headgate.pipelines.goodrecords import GoodRecords
from headgate.pipelines.onerecord import SlowRecord, mend, read_record
from headgate.pipelines.prepared import Watch
from headgate.pipelines.readers.blocks import windows
from headgate.pipelines.readers.faults import Fault, Faults, TextCheck
from headgate.pipelines.readers.naming import column_names
from headgate.pipelines.readers.othertables import OtherTables
from headgate.pipelines.records import CARRIAGE_RETURN, Mask, Positions, Window, blank_records, scan
from headgate.pipelines.rejections import Rejection, RejectionLog
from headgate.pipelines.replay import RowSet
from headgate.pipelines.rowmap import RowMap

WINDOW_BYTES = 1 << 20
"""Smaller windows cost more calls, and the arrays of larger ones leave the processor's cache."""
SCANNERS = 1
"""Threads that scan ahead; NumPy works outside the interpreter's lock."""
CAREFUL_BYTES = 4 << 10
"""The window behind a stray quote: small, since the next one is often near, and doubled while none comes."""


class Sweep:
    """Counts and rejects records, and knows where the good ones can be scanned.

    Where `only` is given, all other records are neither kept nor rejected. Of a file that is `cut_off`, what follows
    the last whole record is rejected.
    """

    def __init__(
        self,
        path: Path,
        dialect: Dialect,
        canonical: Path,
        log: RejectionLog,
        only: RowSet | None = None,
        *,
        cut_off: bool = False,
    ) -> None:
        self.grammar = dialect.grammar
        self.names: list[str] = []
        self.accepted = 0
        self.rows = RowMap()
        self.good = GoodRecords(path, canonical, self.grammar)
        self._newline = bytes([self.grammar.newline])
        self._path, self._dialect, self._log, self._only = path, dialect, log, only
        self._cut_off = cut_off
        self._faults, self._text = Faults(dialect), TextCheck(dialect)
        self._others: OtherTables
        self._other_line: int | None = None
        self._other_fits = False
        self._gap = False
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
        self.good.close()
        if not self.names:
            raise JobFault(
                "EMPTY_FILE", "The file holds no records. Send a file with at least a header.", "DATA"
            )

    def _follow(self, rest: bytes, window: bytes, scanned: Future[Window]) -> bytes:
        """Take the records of the next window; `rest` is what the one before left over."""
        if self.names and not rest:
            found = scanned.result()
            is_regular = found.consumed == len(window) and not found.broken
            if is_regular and self._others.first_merged(window, found) is None:
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
        if self.names and rest and not self._cut_off:
            self._advance(rest, final=True)
        if self.names and self._cut_off:
            self._reject_rest(rest)

    def _reject_rest(self, rest: bytes) -> None:
        """Reject what is left of the record in which the file is cut off, be it nothing."""
        self._record += 1
        if self._only is None or self._record in self._only:
            self.good.leave_out()
            self._reject(self._record, self._line, rest, self._faults.cut_off())

    def _scanned(self, file: BinaryIO, scanners: Executor) -> Iterator[tuple[bytes, Future[Window]]]:
        """The windows of the file, each scanned ahead as if a record began with it."""
        ahead: deque[tuple[bytes, Future[Window]]] = deque()
        for window in windows(file, self._dialect.encoding, self._newline, WINDOW_BYTES):
            ahead.append((window, scanners.submit(scan, window, self.grammar)))
            if len(ahead) > SCANNERS:
                yield ahead.popleft()
        yield from ahead

    def _begin(self, window: bytes, *, final: bool) -> bytes:
        """Take the byte order mark, the skipped lines and the header off; what is left are records."""
        marked = window.startswith(codecs.BOM_UTF8)
        at = len(codecs.BOM_UTF8) if marked else 0
        for _ in range(self._dialect.skip_rows):
            at = window.find(self._newline, at) + 1 or len(window)
        rest = window[at:].lstrip(b"\r\n")
        first = read_record(rest, 0, self.grammar, final=final) if rest else None
        if first is None:
            return window
        header = rest[: first.end] if self._dialect.has_header else b""
        self.names = self._named(rest[: first.end], first)
        self._faults.names = self.names
        rest = rest[len(header) :]
        head = window[: len(window) - len(rest)]
        self._line += head.count(self._newline)
        self._others = OtherTables(header, len(self.names), rest, self.grammar)
        copied = self._dialect.encoding != "utf-8" or self.grammar.newline == CARRIAGE_RETURN
        copied = copied or (marked and self._line == 1) or self._only is not None
        self.good.begin(len(head), head.count(b"\n"), copied=copied)
        return rest

    def _named(self, raw: bytes, first: SlowRecord) -> list[str]:
        """Names for the columns, of the first record where that is the header."""
        whole = first.fault is None
        cells = [(cell or b"").decode("utf-8", "replace") for cell in first.cells] if whole else []
        cells = cells or self._faults.cells(raw)
        width = self._dialect.columns or len(cells)
        return column_names([*cells, *[""] * width][:width] if self._dialect.has_header else [""] * width)

    def _advance(self, window: bytes, *, final: bool) -> bytes:
        """Take all complete records off the window; the bytes that remain begin the next one."""
        if final and window and window[-1] != self.grammar.newline:
            window += self._newline
        at = 0
        while at < len(window):
            end = min(at + self._window_bytes, len(window))
            part = window[at:end]
            found = scan(part, self.grammar)
            if (merged := self._others.first_merged(part, found)) is not None:
                found = found.before(merged)
            self._take(part[: found.consumed], found)
            at += found.consumed
            if not found.broken and (found.consumed or end < len(window)):
                longest = WINDOW_BYTES if found.consumed else len(window)
                self._window_bytes = min(self._window_bytes * 2, longest)
                continue
            record = read_record(window, at, self.grammar, final=final)
            if record is None:
                break
            raw = window[at : record.end]
            if record.fault is None and self._others.holds_rows(raw):
                raw = raw[: raw.index(self._newline) + 1]
                record = read_record(raw, 0, self.grammar, final=True) or record
            self._take_slowly(raw, record)
            at, self._window_bytes = at + len(raw), CAREFUL_BYTES
        return window[at:]

    def _take(self, part: bytes, found: Window) -> None:
        """Keep the good records of a regular window, reject the others."""
        count = len(found.starts)
        if not count:
            return
        if any(mark in part for mark in self.good.singly):
            self._take_singly(part, found)
        elif self._only is None and self._is_clean(part, found):
            self.rows.add_run(self.accepted, self._record + 1, self._line)
            self.good.keep_all(part, found)
            self.accepted, self._record, self._line = (
                self.accepted + count,
                self._record + count,
                self._line + count,
            )
        else:
            self._sort_out(part, found)

    def _is_clean(self, part: bytes, found: Window) -> bool:
        """Whether every line is one good record."""
        if self._gap or self._other_line is not None or self._record < self._dialect.extra_headers:
            return False
        whole = len(found.newlines) == len(found.ends) and bool((found.widths == len(self.names)).all())
        return (
            whole
            and part.isascii()
            and (len(self.names) > 1 or not blank_records(part, found).any())
            and next(self._others.headers(part, found), None) is None
        )

    def _sort_out(self, part: bytes, found: Window) -> None:
        blank = blank_records(part, found)
        rows = self._record + np.cumsum(~blank)
        lines = self._line + np.searchsorted(found.newlines, found.starts)
        wanted = ~blank if self._only is None else ~blank & self._only.mask(rows)
        broken = self._text.broken(part, found)
        strange = self._strange(part, found, blank, rows, lines)
        good = (found.widths == len(self.names)) & wanted & ~broken
        good[list(strange)] = False
        self.rows.add(self.accepted, rows[good], lines[good])
        self.good.keep(part, found, good)
        for index in np.flatnonzero(~good & wanted).tolist():
            raw = part[found.starts[index] : found.ends[index]]
            fault = self._faults.encoding(raw) if broken[index] else strange.get(index)
            fault = fault or self._faults.width(int(found.widths[index]))
            self._reject(int(rows[index]), int(lines[index]), raw, fault)
        self.accepted += int(good.sum())
        self._record = int(rows[-1])
        self._line += int(np.searchsorted(found.newlines, len(part)))

    def _strange(
        self, part: bytes, found: Window, blank: Mask, rows: Positions, lines: Positions
    ) -> dict[int, Fault]:
        """The records of a window that may be regular, and yet are none of the table's, by their index."""
        faults = dict.fromkeys(self._others.headers(part, found), self._faults.repeated_header())
        extra = np.flatnonzero((rows <= self._dialect.extra_headers) & ~blank).tolist()
        faults |= dict.fromkeys(extra, self._faults.extra_header())
        first: int | None = 0
        if self._other_line is None:
            cells_of = self._faults.cells
            first = self._others.begins_in(part, found, blank, cells_of, gap_before=self._gap)
            if first is not None:
                self._other_line = int(lines[first])
                self._other_fits = int(found.widths[first]) == len(self.names)
        self._gap = bool(blank[-1] or (len(self.names) > 1 and found.widths[-1] == 1))
        if first is not None and self._other_line is not None:
            last = len(blank) if self._other_fits else self._others.goes_on(part, found, first)
            others = np.flatnonzero(~blank[first:last]) + first
            faults |= dict.fromkeys(others.tolist(), self._faults.other_table(self._other_line))
            self._other_line = self._other_line if last == len(blank) else None
        return faults

    def _take_singly(self, part: bytes, found: Window) -> None:
        """Take records one by one: what the canonical form has to write in another way stands in them."""
        for start, end in zip(found.starts, found.ends, strict=True):
            raw = part[start:end]
            if raw in (self._newline, b"\r" + self._newline):
                self._line += raw.count(self._newline)
                self._gap = True
            elif (record := read_record(raw, 0, self.grammar, final=True)) is not None:
                self._take_slowly(raw, record)

    def _take_slowly(self, raw: bytes, record: SlowRecord) -> None:
        """Keep or reject one record that was read byte by byte."""
        line, self._record = self._line, self._record + 1
        self._line += raw.count(self._newline)
        cells = record.cells
        if record.fault is not None and (mended := mend(raw, self.grammar, len(self.names))):
            cells, record = mended, SlowRecord(record.end, mended)
        fault = self._slow_fault(raw, record, line)
        if self._only is not None and self._record not in self._only:
            return
        if fault is not None:
            self.good.leave_out()
            return self._reject(self._record, line, raw, fault)
        self.rows.add_run(self.accepted, self._record, line)
        self.good.rewrite(cells)
        self.accepted += 1

    def _slow_fault(self, raw: bytes, record: SlowRecord, line: int) -> Fault | None:
        width, behind_gap = len(record.cells), self._gap
        self._gap = len(self.names) > 1 and width == 1 and record.fault is None
        if behind_gap and self._other_line is None and record.fault is None:
            cells = [(cell or b"").decode("utf-8", "replace") for cell in record.cells]
            if self._others.begins_with(raw, cells):
                self._other_line, self._other_fits = line, width == len(self.names)
        elif not self._other_fits and width == len(self.names) and self._others.is_row(raw):
            self._other_line = None
        if self._text.is_broken(raw):
            return self._faults.encoding(raw)
        if self._other_line is not None:
            return self._faults.other_table(self._other_line)
        if self._record <= self._dialect.extra_headers:
            return self._faults.extra_header()
        if self._others.repeats_header(raw):
            return self._faults.repeated_header()
        if record.fault is not None:
            return self._faults.broken(record)
        return None if width == len(self.names) else self._faults.width(width)

    def _reject(self, row: int, line: int, raw: bytes, fault: Fault) -> None:
        text = raw.decode("utf-8", "replace").rstrip("\r\n")
        cells = self._faults.cells(raw)
        self._log.reject([Rejection(row, line, fault.column, text, fault.code, fault.message, cells)])
