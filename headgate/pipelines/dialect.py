"""How delimited text is written: encoding, delimiter, quote, newline and header, told from its first bytes."""

import codecs
import csv
import io
import re
from collections import Counter
from dataclasses import asdict, dataclass, replace
from typing import Any

SAMPLE_BYTES = 256 << 10
SAMPLE_RECORDS = 500
DELIMITERS = (",", "\t", ";", "|", " ")
BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
TYPED_CELL = re.compile(
    r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?%?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ].*)?|true|false", re.I
)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text file is read. `skip_rows` counts the physical lines before the header or first record."""

    encoding: str = "utf-8"
    delimiter: str | None = ","
    quote: str | None = '"'
    escape: str | None = None
    newline: str | None = "\n"
    has_header: bool = True
    skip_rows: int = 0
    confidence: float = 1.0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Dialect":
        return cls(**data)


def detect(head: bytes, *, complete: bool, delimiter: str | None = None) -> Dialect:
    """The dialect of a file that begins with `head`; `complete` where that is the whole file.

    The delimiter is the one that splits the sample's records most evenly into the most cells, after the idea
    of van den Burg et al., "Wrangling messy CSV files by detecting row and type patterns" (2019).
    """
    encoding = detect_encoding(head)
    text = decode_sample(head, encoding)
    if not complete:
        text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text
    newline = _newline(text)
    lines = text.replace("\r\n", "\n").replace("\r", "\n") if newline != "\n" else text
    candidates = (delimiter,) if delimiter else DELIMITERS
    scored = [(_score(lines, mark), mark) for mark in candidates]
    score, mark = max(scored, key=lambda pair: pair[0])
    rows = _records(lines, mark)
    found = Dialect(encoding=encoding, delimiter=mark, newline=newline, confidence=round(min(score, 1.0), 3))
    return replace(found, has_header=_has_header(rows))


def detect_encoding(head: bytes) -> str:
    """UTF-8, or what a byte order mark, zero bytes or invalid UTF-8 say instead."""
    for mark, encoding in BOMS:
        if head.startswith(mark):
            return encoding
    pairs = head[: len(head) // 2 * 2]
    if pairs and pairs[1::2].count(0) > len(pairs) // 5:
        return "utf-16-le"
    if pairs and pairs[0::2].count(0) > len(pairs) // 5:
        return "utf-16-be"
    return "utf-8" if _mostly_utf8(head) else "cp1252"


def _mostly_utf8(head: bytes) -> bool:
    """Whether most of the non-ASCII text is valid UTF-8: a few bad rows don't make it another encoding."""
    text = head.decode("utf-8", errors="replace")
    broken = text.count("\ufffd")
    if broken <= 1:
        return True
    return sum(1 for character in text if ord(character) > 127) > 2 * broken


def decode_sample(head: bytes, encoding: str) -> str:
    """The sample as text, byte order mark and a character cut off at its end left out."""
    return head.decode(encoding, errors="replace").removeprefix("\ufeff").rstrip("\ufffd")


def _newline(text: str) -> str:
    counts = Counter(re.findall(r"\r\n|\n|\r", text))
    return counts.most_common(1)[0][0] if counts else "\n"


def _records(text: str, delimiter: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if row:
                rows.append(row)
            if len(rows) >= SAMPLE_RECORDS:
                break
    except csv.Error:
        pass
    return rows


def _score(text: str, delimiter: str) -> float:
    """How evenly a delimiter splits: the share of records with the commonest width, more where it is wide.

    Words are parted by spaces too, so a space must part every record into the same three cells or more.
    """
    widths = Counter(len(row) for row in _records(text, delimiter))
    if not widths:
        return 0.0
    width, count = widths.most_common(1)[0]
    evenness = count / widths.total()
    if delimiter == " " and (width < 3 or evenness < 1):
        return 0.0
    if width == 1:
        return 0.1 * evenness
    return evenness * evenness * (1.0 - 0.1 / width)


def _has_header(rows: list[list[str]]) -> bool:
    """Whether the first record names columns: its cells are not of the kind that stands below them."""
    if len(rows) < 2:
        return bool(rows) and not any(TYPED_CELL.fullmatch(cell.strip()) for cell in rows[0])
    votes = sum(
        _header_vote(cell, [row[index] for row in rows[1:] if index < len(row)])
        for index, cell in enumerate(rows[0])
    )
    if votes != 0:
        return votes > 0
    return len(set(rows[0])) == len(rows[0]) and all(cell.strip() for cell in rows[0])


def _header_vote(cell: str, below: list[str]) -> int:
    filled = [value for value in below if value.strip()]
    if not filled:
        return 0
    typed = sum(1 for value in filled if TYPED_CELL.fullmatch(value.strip())) > 0.8 * len(filled)
    if typed:
        return -1 if TYPED_CELL.fullmatch(cell.strip()) else 1
    return -1 if not cell.strip() else 0
