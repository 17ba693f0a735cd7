"""How delimited text is written: encoding, delimiter, quote, escape, newline and header, told from its first bytes."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from headgate.pipelines import trials
from headgate.pipelines.encodings import decode_sample, detect_encoding
from headgate.pipelines.layout import find_layout
from headgate.pipelines.records import CARRIAGE_RETURN, LINE_FEED, Grammar

SAMPLE_BYTES = 256 << 10
NO_MARK = ""
"""What a caller gives as quote or escape to say that there is none."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a text file is read. `skip_rows` counts the physical lines before the header or first record.

    `columns`: how many cells a record has, where the header doesn't say it. `extra_headers`: so many records below the
    header hold names or units. `encoding_given`: the encoding is the caller's word, and not to be doubted.
    """

    encoding: str = "utf-8"
    delimiter: str | None = ","
    quote: str | None = '"'
    escape: str | None = None
    newline: str | None = "\n"
    has_header: bool = True
    skip_rows: int = 0
    confidence: float = 1.0
    columns: int | None = None
    extra_headers: int = 0
    encoding_given: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Dialect":
        return cls(**data)

    @property
    def grammar(self) -> Grammar:
        """The bytes that structure the file once it is UTF-8."""
        return Grammar(
            (self.delimiter or ",").encode(),
            ord(self.quote) if self.quote else None,
            CARRIAGE_RETURN if self.newline == "\r" else LINE_FEED,
            ord(self.escape) if self.escape else None,
        )


@dataclass(frozen=True, slots=True)
class GivenDialect:
    """What a caller says of a dialect; None is to be found. A `quote` or `escape` of NO_MARK says there is none."""

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    newline: str | None = None
    has_header: bool | None = None
    skip_rows: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Only what was given."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> "GivenDialect":
        return cls(**(data or {}))


NOTHING_GIVEN = GivenDialect()


def detect(head: bytes, *, complete: bool, given: GivenDialect = NOTHING_GIVEN) -> Dialect:
    """The dialect of a file that begins with `head`, as far as it isn't given; `complete` where that is all of it."""
    encoding = given.encoding or detect_encoding(head)
    text = decode_sample(head, encoding)
    if not complete:
        text = text[: max(text.rfind("\n"), text.rfind("\r")) + 1] or text
    newline = given.newline or _newline(text)
    text = _without_lines(text, given.skip_rows or 0, newline)
    trial = trials.find_grammar(
        text.encode("utf-8", "replace"),
        CARRIAGE_RETURN if newline == "\r" else LINE_FEED,
        trials.DELIMITERS if given.delimiter is None else (given.delimiter.encode(),),
        *(_marks(given.quote, trials.QUOTES), _marks(given.escape, trials.ESCAPES)),
    )
    layout = find_layout(trial, has_header=given.has_header, skip_rows=given.skip_rows)
    grammar = trial.grammar
    return Dialect(
        encoding=encoding,
        delimiter=grammar.delimiter.decode(),
        quote=None if grammar.quote is None else chr(grammar.quote),
        escape=None if grammar.escape is None else chr(grammar.escape),
        newline=newline,
        has_header=layout.has_header,
        skip_rows=layout.skip_rows,
        confidence=round(trial.confidence, 3),
        columns=layout.columns,
        extra_headers=layout.extra_headers,
        encoding_given=given.encoding is not None,
    )


def _without_lines(text: str, count: int, newline: str) -> str:
    """The text behind so many lines."""
    return text.split(newline[-1], count)[-1] if count else text


def _marks(given: str | None, usual: Sequence[bytes | None]) -> Sequence[bytes | None]:
    return usual if given is None else (given.encode() or None,)


def _newline(text: str) -> str:
    """The commonest end of a line; those inside quoted cells are no ends."""
    outside = re.sub(r'"[^"]*"', "", text)
    counts = Counter(re.findall(r"\r\n|\n|\r", outside) or re.findall(r"\r\n|\n|\r", text))
    if counts["\r"] > counts["\n"] + counts["\r\n"]:
        return "\r"
    return "\r\n" if counts["\r\n"] > counts["\n"] else "\n"
