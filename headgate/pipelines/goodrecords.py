"""The good records of a delimited file: in place as long as all are good, else in a copy without the bad ones."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from headgate.pipelines.records import CARRIAGE_RETURN, LINE_FEED, Grammar, Positions, Window, scan

COPY_BYTES = 1 << 20
UNIT, QUOTE = 0x1F, 0x1E
"""The copy's delimiter in place of one of two bytes, and its quote where the source has none: text has neither."""
SAMPLES = 16
SAMPLE_BYTES = 64 << 10


class GoodRecords:
    """Grows record by record; afterwards `path`, from line `skip_lines` on, holds good records and nothing else.

    They are in the `grammar` that Polars reads: LF, a delimiter of one byte, doubled quotes.
    """

    def __init__(self, source: Path, copy: Path, grammar: Grammar) -> None:
        self.path = source
        self.skip_lines = 0
        self.grammar = _canonical(grammar)
        self.singly = _singly(grammar)
        self._copy, self._source_grammar = copy, grammar
        self._offset = 0
        self._size = 0
        self._anchors: list[int] = []
        self._file: BinaryIO | None = None

    def begin(self, offset: int, lines: int, *, copied: bool) -> None:
        """The records begin at this byte, behind so many lines; `copied` where they can't be scanned in place."""
        self._offset, self.skip_lines = offset, lines
        if copied or len(self._source_grammar.delimiter) > 1:
            self._start_copy()

    def keep_all(self, part: bytes, found: Window) -> None:
        """Keep all records of a window."""
        self._anchors.append(self._size)
        if self._file is None:
            self._size += len(part)
        else:
            self._write(_rewritten(part, found, self._source_grammar)[0])

    def keep(self, part: bytes, found: Window, good: npt.NDArray[np.bool_]) -> None:
        """Keep those records of a window that are good."""
        if self._file is None:
            self._start_copy()
        self._anchors.append(self._size)
        text, removed = _rewritten(part, found, self._source_grammar)
        for start, end in _spans(found, good):
            first, last = (at - int(np.searchsorted(removed, at)) for at in (start, end))
            self._write(text[first:last])

    def leave_out(self) -> None:
        """The next record is not good."""
        if self._file is None:
            self._start_copy()

    def rewrite(self, cells: Sequence[bytes | None]) -> None:
        """Keep one record that is not regular, as a regular one."""
        if self._file is None:
            self._start_copy()
        if not self._anchors or self._size - self._anchors[-1] >= SAMPLE_BYTES:
            self._anchors.append(self._size)
        quote = bytes([self.grammar.quote or QUOTE])
        quoted = [b"" if cell is None else quote + cell.replace(quote, quote * 2) + quote for cell in cells]
        self._write(self.grammar.delimiter.join(quoted) + b"\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def samples(self) -> Iterator[bytes]:
        """Whole records from places all over the file."""
        step = max(1, len(self._anchors) // SAMPLES)
        with self.path.open("rb") as file:
            for anchor in self._anchors[::step]:
                file.seek(self._offset + anchor)
                chunk = file.read(min(SAMPLE_BYTES, self._size - anchor))
                if chunk and not chunk.endswith(b"\n") and anchor + len(chunk) >= self._size:
                    chunk += b"\n"
                yield chunk[: scan(chunk, self.grammar).consumed]

    def _start_copy(self) -> None:
        self._file = self._copy.open("wb")
        with self.path.open("rb") as source:
            source.seek(self._offset)
            _copy_bytes(source, self._file, self._size)
        self.path, self._offset, self.skip_lines = self._copy, 0, 0

    def _write(self, record: bytes) -> None:
        assert self._file is not None
        self._size += self._file.write(record)


def _canonical(grammar: Grammar) -> Grammar:
    delimiter = bytes([UNIT]) if len(grammar.delimiter) > 1 else grammar.delimiter
    return Grammar(delimiter, _quote(grammar) if grammar.quote is None else grammar.quote, LINE_FEED)


def _quote(grammar: Grammar) -> int:
    return QUOTE if grammar.delimiter != bytes([QUOTE]) else UNIT


def _rewritten(part: bytes, found: Window, grammar: Grammar) -> tuple[bytes, Positions]:
    """Regular records as the copy has them, and where in `part` stood the bytes that are left out of it."""
    nothing = np.empty(0, np.int64)
    if grammar.newline != CARRIAGE_RETURN and found.delimiters is None:
        return part, nothing
    data = np.frombuffer(part, np.uint8).copy()
    if grammar.newline == CARRIAGE_RETURN:
        data[found.ends - 1] = LINE_FEED
    if found.delimiters is None:
        return data.tobytes(), nothing
    delimiters = found.delimiters[: np.searchsorted(found.delimiters, len(part))]
    data[delimiters] = UNIT
    return np.delete(data, delimiters + 1).tobytes(), delimiters + 1


def _singly(grammar: Grammar) -> tuple[bytes, ...]:
    """What must not stand in a window whose records are copied as they are: each is to be written anew."""
    special = {
        bytes([LINE_FEED]): grammar.newline == CARRIAGE_RETURN,
        bytes([UNIT]): len(grammar.delimiter) > 1,
        bytes([_quote(grammar)]): grammar.quote is None,
        bytes([grammar.escape or 0]): grammar.escape is not None,
    }
    return tuple(mark for mark, applies in special.items() if applies)


def _copy_bytes(source: BinaryIO, target: BinaryIO, size: int) -> None:
    while size > 0 and (block := source.read(min(size, COPY_BYTES))):
        target.write(block)
        size -= len(block)


def _spans(found: Window, good: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """The byte ranges of consecutive good records."""
    edges = np.diff(np.concatenate(([0], good.astype(np.int8), [0])))
    firsts, lasts = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1
    for first, last in zip(firsts, lasts, strict=True):
        yield int(found.starts[first]), int(found.ends[last])
