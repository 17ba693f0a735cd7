"""What is wrong with records of delimited text, in the words of the error ledger."""

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from headgate.pipelines.dialect import Dialect
from headgate.pipelines.onerecord import SlowRecord, read_record
from headgate.pipelines.records import Grammar, Window

REPLACEMENT = "\ufffd".encode()
UTF8_IN_CP1252 = re.compile(
    rb"\xc3[\x82-\xb4](?:\xc2[\xa0-\xbf]|\xe2[\x80-\x84].|[\xc5\xc6\xcb].)", re.DOTALL
)
"""What a character of UTF-8 with two bytes or more becomes when it is read as CP1252 and written as UTF-8."""
FOREIGN = re.compile(b"%b|%b" % (REPLACEMENT, UTF8_IN_CP1252.pattern), re.DOTALL)

CUT_OFF = "The file is cut off or damaged here, and nothing behind this place was read. Send it again."

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fault:
    """The code of a fault, the column of the first faulty cell where that is known, and what to do."""

    code: str
    column: str | None
    message: str


@dataclass(slots=True)
class Faults:
    """Words for the faults of a file's records; `names` are its columns once they are known."""

    dialect: Dialect
    names: Sequence[str] = field(default=())

    def width(self, width: int) -> Fault:
        """The record has another number of cells than there are columns."""
        expected = len(self.names)
        trouble = "some are missing" if width < expected else "there are too many"
        said = "the header names" if self.dialect.has_header else "the others have"
        message = f"The row has {_cells(width)} where {said} {expected}: {trouble}."
        return Fault("STRUCTURE", self.names[width] if width < expected else None, message)

    def broken(self, record: SlowRecord) -> Fault:
        """One of the record's quotes is where none can be."""
        width = len(record.cells)
        column = self.names[width] if width < len(self.names) else None
        escape = f"Write {self.dialect.escape} before" if self.dialect.escape else "Double"
        return Fault(
            "STRUCTURE", column, f"The cell {record.fault}. {escape} each quote inside a quoted cell."
        )

    def extra_header(self) -> Fault:
        """The record goes on with the header."""
        return Fault(
            "STRUCTURE", None, "The row goes on naming the columns, or their units: it holds no values."
        )

    def repeated_header(self) -> Fault:
        """The record says what the header says."""
        return Fault(
            "STRUCTURE", None, "The row repeats the header. The rows below it are read as those above."
        )

    def other_table(self, line: int) -> Fault:
        """The record belongs to another table."""
        message = (
            f"The row belongs to another table, which begins at line {line}. Send it as a file of its own."
        )
        return Fault("STRUCTURE", None, message)

    def cut_off(self) -> Fault:
        """The file ends here, though it should not."""
        message = (
            "The file is cut off or damaged here, and nothing behind this place was read. Send it again."
        )
        return Fault("STRUCTURE", None, message)

    def encoding(self, raw: bytes) -> Fault:
        """Some of the record's bytes are no text in the file's encoding."""
        cells = self.cells(raw)
        faulty = next((i for i, cell in enumerate(cells) if FOREIGN.search(cell.encode())), len(self.names))
        column = self.names[faulty] if faulty < len(self.names) else None
        encoding = self.dialect.encoding.upper()
        message = f"The cell holds bytes that are not {encoding}. Save the file as UTF-8."
        if REPLACEMENT not in raw and self.dialect.encoding == "cp1252":
            message = f"The row is UTF-8, where the file is {encoding} otherwise. Save all of it as UTF-8."
        return Fault("ENCODING", column, message)

    def cells(self, raw: bytes) -> list[str]:
        """The cells of a record as far as they can be told."""
        grammar = self.dialect.grammar
        if len(grammar.delimiter) > 1 or grammar.escape is not None or grammar.quote is None:
            record = read_record(raw, 0, grammar, final=True)
            if record is not None and record.fault is None:
                return [(cell or b"").decode("utf-8", "replace") for cell in record.cells]
            return raw.decode("utf-8", "replace").rstrip("\r\n").split(grammar.delimiter.decode())
        return self._regular_cells(raw.decode("utf-8", "replace").rstrip("\r\n"), grammar)

    def _regular_cells(self, text: str, grammar: Grammar) -> list[str]:
        delimiter, quote = grammar.delimiter.decode(), chr(grammar.quote or 0)
        try:
            return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote), [])
        except csv.Error:
            return text.split(delimiter)


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"


class TextCheck:
    """Finds the records whose bytes are no text in the file's encoding."""

    def __init__(self, dialect: Dialect) -> None:
        self._transcoded = dialect.encoding != "utf-8"
        self._doubtful = dialect.encoding == "cp1252" and not dialect.encoding_given

    def broken(self, part: bytes, found: Window) -> Mask:
        """Which records of a window are no text."""
        broken = np.zeros(len(found.starts), np.bool_)
        at = 0
        while not part.isascii() and at < len(part):
            position = self._first_broken(part, at)
            if position < 0:
                break
            index = int(np.searchsorted(found.ends, position, side="right"))
            broken[index] = True
            at = int(found.ends[index])
        if self._doubtful and not part.isascii():
            self._mark_utf8(part, found, broken)
        return broken

    def is_broken(self, raw: bytes) -> bool:
        """Whether a record is no text."""
        return self._first_broken(raw, 0) >= 0 or (self._doubtful and _is_utf8(raw))

    def _first_broken(self, part: bytes, at: int) -> int:
        if self._transcoded:
            return part.find(REPLACEMENT, at)
        try:
            codecs.utf_8_decode(memoryview(part)[at:], "strict", True)
        except UnicodeDecodeError as error:
            return at + error.start
        return -1

    def _mark_utf8(self, part: bytes, found: Window, broken: Mask) -> None:
        places = [match.start() for match in UTF8_IN_CP1252.finditer(part)]
        for index in set(np.searchsorted(found.ends, places, side="right").tolist()):
            broken[index] |= _is_utf8(part[found.starts[index] : found.ends[index]])


def _is_utf8(raw: bytes) -> bool:
    """Whether a record was UTF-8 before it was read as CP1252: of both, bytes that are UTF-8 are hardly the latter."""
    if raw.isascii():
        return False
    try:
        raw.decode().encode("cp1252").decode()
    except UnicodeError:
        return False
    return True
