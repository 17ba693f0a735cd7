"""A text file as windows of UTF-8 that end with a line."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from headgate.pipelines.records import MAX_RECORD_BYTES


def windows(file: BinaryIO, encoding: str, newline: bytes, size: int) -> Iterator[bytes]:
    """The file in pieces that end with a line, but for the last one and for lines without end."""
    tail = b""
    for block in _blocks(file, encoding, size):
        tail += block
        cut = len(tail) if len(tail) >= MAX_RECORD_BYTES else tail.rfind(newline) + 1
        if cut:
            yield tail[:cut]
            tail = tail[cut:]
    yield tail


def _blocks(file: BinaryIO, encoding: str, size: int) -> Iterator[bytes]:
    if encoding == "utf-8":
        while block := file.read(size):
            yield block
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
    while block := file.read(size):
        if text := decoder.decode(block).encode("utf-8", "replace"):
            yield text
    if rest := decoder.decode(b"", final=True):
        yield rest.encode("utf-8", "replace")
