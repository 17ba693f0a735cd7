"""What callers say of a text's dialect, held against what can be read."""

import codecs
from dataclasses import replace

from headgate.errors import UserFault
from headgate.pipelines.dialect import NO_MARK, GivenDialect

NEWLINES = ("\n", "\r\n", "\r")
MAX_SKIP_ROWS = 10_000
MAX_DELIMITER_BYTES = 2
NO_TEXT = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"})
"""Codecs of Python that are no encodings of files."""


def checked_dialect(given: GivenDialect, path: tuple[str, ...]) -> GivenDialect:
    """The same with the encoding's usual name; raises UserFault (INVALID_DIALECT, its path below `path`)."""
    _check_delimiter(given.delimiter, path)
    _check_mark("quote", given.quote, path)
    _check_mark("escape", given.escape, path)
    _check_marks_differ(given, path)
    if given.newline is not None and given.newline not in NEWLINES:
        raise _fault("newline", "newline is one of \\n, \\r\\n and \\r.", path)
    if given.skip_rows is not None and not 0 <= given.skip_rows <= MAX_SKIP_ROWS:
        raise _fault("skipRows", f"skipRows must be between 0 and {MAX_SKIP_ROWS}.", path)
    doubled = given.escape is not None and given.escape == (given.quote or '"')
    return replace(
        given,
        encoding=None if given.encoding is None else _encoding(given.encoding, path),
        escape=NO_MARK if doubled else given.escape,
    )


def _encoding(name: str, path: tuple[str, ...]) -> str:
    try:
        found = codecs.lookup(name)
        "".encode(name)
    except (LookupError, ValueError):
        found = None
    if found is None or found.name in NO_TEXT:
        raise _fault(
            "encoding", f"There is no encoding {name[:40]!r}. Use a name such as utf-8 or cp1252.", path
        )
    return "utf-8" if found.name == "utf-8-sig" else found.name


def _check_delimiter(delimiter: str | None, path: tuple[str, ...]) -> None:
    if delimiter is None:
        return
    size = len(delimiter.encode("utf-8", "replace"))
    repeats = len(delimiter) == MAX_DELIMITER_BYTES and delimiter[0] == delimiter[1]
    if not 1 <= size <= MAX_DELIMITER_BYTES or repeats or not _is_mark(delimiter):
        message = "A delimiter is one character or two different ones, of at most two bytes; no letter, digit or quote."
        raise _fault("delimiter", message, path)


def _check_mark(name: str, mark: str | None, path: tuple[str, ...]) -> None:
    if mark and (len(mark) > 1 or not mark.isascii() or mark == " " or not _is_mark(mark)):
        message = f'{name} is one ASCII character, no letter, digit or blank, or "" for none.'
        raise _fault(name, message, path)


def _is_mark(text: str) -> bool:
    """Whether text can structure a file: letters and digits are content, and line ends have their own place."""
    return not any(mark.isalnum() or mark in "\r\n\x00" or "\ud800" <= mark <= "\udfff" for mark in text)


def _check_marks_differ(given: GivenDialect, path: tuple[str, ...]) -> None:
    delimiter = given.delimiter or ""
    for name, mark in (("quote", given.quote), ("escape", given.escape)):
        if mark and mark in delimiter:
            raise _fault(name, f"{name} and delimiter must differ.", path)


def _fault(field: str, message: str, path: tuple[str, ...]) -> UserFault:
    return UserFault("INVALID_DIALECT", message, (*path, field))
