"""Finds the records of a JSON document without parsing it: byte spans of an array's items, in bounded memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from headgate.errors import JobFault
from headgate.pipelines.prepared import Watch

BLOCK_BYTES = 1 << 20
HEAD_BYTES = 64 << 10
MAX_ITEM_BYTES = 64 << 20
QUOTE, BACKSLASH, COMMA = ord('"'), ord("\\"), ord(",")
OPENING, CLOSING = (ord("["), ord("{")), (ord("]"), ord("}"))
WHITESPACE = b" \t\r\n"

Positions = npt.NDArray[np.int64]


@dataclass
class Marks:
    """The brackets and commas of a window that stand outside strings, and the depth behind each."""

    at: Positions
    kinds: npt.NDArray[np.uint8]
    depths: Positions


def marks(window: bytes) -> Marks:
    """Structural bytes of a window that begins outside any string."""
    data = np.frombuffer(window, np.uint8)
    structural = np.isin(data, (*OPENING, *CLOSING, COMMA, QUOTE))
    at = np.flatnonzero(structural)
    if BACKSLASH in window:
        at = at[~((data[at] == QUOTE) & _escaped(data, at))]
    is_quote = data[at] == QUOTE
    at = at[~is_quote & ((np.cumsum(is_quote) & 1) == 0)]
    kinds = data[at]
    steps = np.isin(kinds, OPENING).astype(np.int64) - np.isin(kinds, CLOSING)
    return Marks(at, kinds, np.cumsum(steps))


def is_deeper(text: bytes, limit: int) -> bool:
    """Whether a JSON value is nested more deeply than so many levels."""
    if text.count(b"[") + text.count(b"{") <= limit:
        return False
    return bool(marks(text).depths.max(initial=0) > limit)


def _escaped(data: npt.NDArray[np.uint8], at: Positions) -> npt.NDArray[np.bool_]:
    """Whether an odd run of backslashes stands before each position."""
    ordinary = np.flatnonzero(data != BACKSLASH)
    before = np.searchsorted(ordinary, at, side="left") - 1
    run_start = np.where(before >= 0, ordinary[np.maximum(before, 0)] + 1, 0)
    odd: npt.NDArray[np.bool_] = ((at - run_start) & 1) == 1
    return odd


def split_items(file: BinaryIO, offset: int) -> Iterator[tuple[bytes, int]]:
    """The items of the array whose content begins at `offset`, each with its 1-based line.

    A missing item is empty: also behind the last one of an array that nothing closes. Raises JobFault where an item
    is too large, or, behind an array that is the whole document, text goes on.
    """
    line, alone = _lines_before(file, offset)
    window = b""
    while True:
        block = file.read(BLOCK_BYTES)
        window += block
        consumed, ended = 0, False
        for start, end, closes in _items(window):
            item = window[start:end]
            leading = len(item) - len(item.lstrip(WHITESPACE))
            if item.strip(WHITESPACE) or not closes:
                yield item.strip(WHITESPACE), line + window.count(b"\n", consumed, start + leading)
            line += window.count(b"\n", consumed, end + 1)
            consumed, ended = end + 1, closes
        window = window[consumed:]
        if ended:
            return _refuse_more(file, window) if alone else None
        if not block:
            yield from _unclosed(window.strip(WHITESPACE), line)
            return
        if len(window) > MAX_ITEM_BYTES:
            message = (
                f"The record at line {line} is larger than 64 MiB, or one of its quotes is never closed."
            )
            raise JobFault("RECORD_TOO_LARGE", message, "DATA")


def _unclosed(rest: bytes, line: int) -> Iterator[tuple[bytes, int]]:
    """What stands at the end of a document that is cut off: at least one item is not whole."""
    yield rest, line
    if rest.endswith(b"}"):
        yield b"", line


def _refuse_more(file: BinaryIO, rest: bytes) -> None:
    """Nothing but white space may stand behind a document."""
    while not rest.strip(WHITESPACE):
        rest = file.read(BLOCK_BYTES)
        if not rest:
            return
    message = "More text stands behind the JSON document. Send one document, or one object a line as NDJSON."
    raise JobFault("AMBIGUOUS_RECORDS", message, "DATA")


def _lines_before(file: BinaryIO, offset: int) -> tuple[int, bool]:
    """The line at an offset, and whether nothing but a bracket stands before it."""
    line, left, alone = 1, offset, True
    while left and (block := file.read(min(left, BLOCK_BYTES))):
        line += block.count(b"\n")
        left -= len(block)
        alone = alone and not block.strip(WHITESPACE + b"[\xef\xbb\xbf")
    return line, alone


def _items(window: bytes) -> Iterator[tuple[int, int, bool]]:
    """Spans between the commas of the array's own level; the last one where the array closes."""
    found = marks(window)
    own = ((found.kinds == COMMA) & (found.depths == 0)) | (found.depths < 0)
    start = 0
    for index in np.flatnonzero(own):
        end = int(found.at[index])
        closes = bool(found.depths[index] < 0)
        yield start, end, closes
        if closes:
            return
        start = end + 1


def find_records(path: Path, watch: Watch) -> tuple[int, bool]:
    """Where the content of the array of records begins, or (0, True) where the document is one record."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        start = len(head) - len(head.removeprefix(b"\xef\xbb\xbf").lstrip(WHITESPACE))
        if head[start : start + 1] == b"[":
            return start + 1, False
        if head[start : start + 1] != b"{":
            raise JobFault(
                "NO_RECORDS", "The JSON document is neither an array of objects nor an object.", "DATA"
            )
        file.seek(start)
        arrays = list(_arrays_of_objects(file, start, watch))
    if len(arrays) > 1:
        message = (
            "The JSON document holds several arrays of objects. Send the one whose items are the records."
        )
        raise JobFault("AMBIGUOUS_RECORDS", message, "DATA")
    return (arrays[0], False) if arrays else (0, True)


def _arrays_of_objects(file: BinaryIO, offset: int, watch: Watch) -> Iterator[int]:
    """Where the content of each array of objects directly in the document's object begins."""
    depth, window, base = 0, b"", offset
    while block := file.read(BLOCK_BYTES):
        watch("reading")
        window += block
        safe = _before_open_bracket(window, _outside_string(window))
        found = marks(window[:safe])
        depths = found.depths + depth
        for index in np.flatnonzero((found.kinds == OPENING[0]) & (depths == 2)):
            at = int(found.at[index]) + 1
            if window[at:].lstrip(WHITESPACE).startswith(b"{"):
                yield base + at
        if (ends := np.flatnonzero(depths <= 0)).size:
            return _refuse_more(file, window[int(found.at[ends[0]]) + 1 :])
        depth = int(depths[-1]) if len(depths) else depth
        base, window = base + safe, window[safe:]


def _before_open_bracket(window: bytes, safe: int) -> int:
    """The end of the part of a window that shows what stands in the last of its arrays."""
    shown = window[:safe].rstrip(WHITESPACE)
    return len(shown) - 1 if safe == len(window) and shown.endswith(b"[") else safe


def _outside_string(window: bytes) -> int:
    """The end of the part of a window behind which no string is open."""
    data = np.frombuffer(window, np.uint8)
    quotes = np.flatnonzero(data == QUOTE)
    quotes = quotes[~_escaped(data, quotes)]
    return int(quotes[-1]) if len(quotes) & 1 else len(window)
