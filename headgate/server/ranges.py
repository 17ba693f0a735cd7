"""The part of a file that a request asks for (RFC 9110, section 14): one range of bytes."""

import re
from dataclasses import dataclass

RANGE = re.compile(r"bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes `start` to `end`, the last one not counted."""

    start: int
    end: int


class Unsatisfiable(Exception):
    """The file has none of the bytes that were asked for."""


@dataclass(frozen=True, slots=True)
class WantedRange:
    """A range as it was asked for: from `first` to `last`, or the `last` so many bytes where there is no first."""

    first: int | None
    last: int | None

    def of(self, byte_size: int) -> ByteRange:
        """Find it in a file of this size. Raises Unsatisfiable."""
        if self.first is None:
            assert self.last is not None
            start, end = max(byte_size - self.last, 0), byte_size
        else:
            start, end = self.first, byte_size if self.last is None else min(self.last + 1, byte_size)
        if start >= end:
            raise Unsatisfiable
        return ByteRange(start, end)


def wanted_range(header: str | None) -> WantedRange | None:
    """Read a Range header; None for one that means all: none, several ranges, other units, or what makes no sense."""
    found = RANGE.fullmatch(header) if header else None
    if found is None or found[1] == found[2] == "":
        return None
    first, last = (int(number) if number else None for number in found.groups())
    if first is not None and last is not None and last < first:
        return None
    return WantedRange(first, last)
