"""Which delimiter, quote and escape a sample of delimited text was written with: each is tried by reading it.

After van den Burg et al., "Wrangling messy CSV files by detecting row and type patterns" (2019): the dialect is the one
under which rows have the same number of cells and cells are of known types. An unusual quote or escape has to show
itself beside that: some record can only be read with it.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from headgate.pipelines.celltypes import is_known, is_mostly_typed, is_typed
from headgate.pipelines.onerecord import mend, read_record
from headgate.pipelines.records import Grammar

SAMPLE_RECORDS = 300
TYPED_RECORDS = 150
COMMA_BLANK = b", "
DELIMITERS = (b",", b"\t", b";", b"|", COMMA_BLANK, b" ")
QUOTES = (b'"', b"'")
ESCAPES = (None, b"\\")
MIN_SPACED_WIDTH = 3
SPACE_DISCOUNT = 0.6
"""Words are parted by spaces too: what any other delimiter explains nearly as well isn't parted by them."""


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """One record of a sample: its 1-based physical line, its cells, and whether a blank line stands before it."""

    line: int
    cells: tuple[str, ...]
    raw: bytes
    broken: bool
    after_blank: bool

    @property
    def filled(self) -> int:
        """How many of its cells hold something."""
        return sum(1 for cell in self.cells if cell.strip())


@dataclass(frozen=True)
class Trial:
    """A sample as one grammar reads it."""

    grammar: Grammar
    records: Sequence[SampleRecord]

    @cached_property
    def width(self) -> int:
        """How many cells most records have."""
        widths = Counter(len(record.cells) for record in self.records if not record.broken)
        return max(widths, key=lambda width: (widths[width], width)) if widths else 1

    @cached_property
    def regular(self) -> list[SampleRecord]:
        """The records that have so many cells."""
        return [record for record in self.records if self.fits(record)]

    def fits(self, record: SampleRecord) -> bool:
        """Whether a record can be read, and has as many cells as most do."""
        return not record.broken and len(record.cells) == self.width

    @property
    def faulty(self) -> int:
        """How many records would be rejected."""
        return len(self.records) - len(self.regular)

    @property
    def evenness(self) -> float:
        """The share of records with the same number of cells."""
        return len(self.regular) / len(self.records) if self.records else 0.0

    @cached_property
    def score(self) -> float:
        """Higher where records are alike, have more cells, and these are of known types."""
        if not self.regular or (self.grammar.delimiter == b" " and not self._is_parted_by_spaces()):
            return 0.0
        cells = [cell for record in self.regular[:TYPED_RECORDS] for cell in record.cells]
        known = sum(map(is_known, cells)) / len(cells)
        parts = 1 - 1 / self.width if self.width > 1 else 0.1
        discount = SPACE_DISCOUNT if self.grammar.delimiter == b" " else 1.0
        return self.evenness**2 * parts * known * discount

    def _is_parted_by_spaces(self) -> bool:
        """Whether all records are parted alike, or most of them into columns that are plainly such."""
        if self.width < MIN_SPACED_WIDTH:
            return False
        columns = zip(*(record.cells for record in self.regular), strict=True)
        typed = sum(1 for column in columns if any(map(is_typed, column)) and is_mostly_typed(column))
        return self.evenness == 1 or (self.evenness > 0.6 and typed > 1)

    @property
    def confidence(self) -> float:
        """How sure it is, from 0 to 1."""
        return self.evenness**2 * (1 - 0.1 / self.width) if self.width > 1 else 0.1 * self.evenness

    def reads_what_is_broken_in(self, other: "Trial", *marks: bytes) -> bool:
        """Whether a record with one of these marks is regular here, and broken under the other grammar."""
        newline = bytes([self.grammar.newline])
        broken = {record.line for record in other.records if not other.fits(record)}
        return any(
            any(mark in newline + record.raw for mark in marks)
            and not broken.isdisjoint(range(record.line, record.line + record.raw.count(newline) + 1))
            for record in self.regular
        )


def read_sample(text: bytes, grammar: Grammar, limit: int = SAMPLE_RECORDS) -> list[SampleRecord]:
    """The first records of a text, blank lines left out."""
    newline = bytes([grammar.newline])
    records: list[SampleRecord] = []
    at, line, blank = 0, 1, False
    while at < len(text) and len(records) < limit:
        record = read_record(text, at, grammar, final=True)
        assert record is not None
        raw, at = text[at : record.end], record.end
        if raw.strip(b"\r\n"):
            records.append(SampleRecord(line, _texts(record.cells), raw, record.fault is not None, blank))
        blank = not raw.strip(b"\r\n")
        line += raw.count(newline)
    return records


def find_grammar(
    text: bytes,
    newline: int,
    delimiters: Sequence[bytes] = DELIMITERS,
    quotes: Sequence[bytes | None] = QUOTES,
    escapes: Sequence[bytes | None] = ESCAPES,
) -> Trial:
    """The best of these grammars for a text."""
    trials = [
        _best_quoting(text, newline, delimiter, quotes, escapes)
        for delimiter in delimiters
        if delimiter in text or len(delimiters) == 1
    ]
    trials = [trial for trial in trials if not _is_without_its_blank(trial, delimiters)]
    best = max(trials, key=lambda trial: trial.score, default=None)
    if best is not None and ((best.width > 1 and best.score > 0) or len(delimiters) == 1):
        return best
    unused = next((mark for mark in delimiters if mark not in text), delimiters[0])
    return _best_quoting(text, newline, unused, quotes, escapes)


def _is_without_its_blank(trial: Trial, delimiters: Sequence[bytes]) -> bool:
    """Whether the delimiter is a comma, and a blank follows each."""
    cells = [cell for record in trial.records for cell in record.cells[1:]]
    blanks = all(cell.startswith(" ") for cell in cells) and bool(cells)
    return trial.grammar.delimiter == b"," and COMMA_BLANK in delimiters and blanks


def _best_quoting(
    text: bytes,
    newline: int,
    delimiter: bytes,
    quotes: Sequence[bytes | None],
    escapes: Sequence[bytes | None],
) -> Trial:
    """The usual quote and escape, unless an unusual one shows itself."""
    best: Trial | None = None
    for quote in quotes:
        for escape in escapes:
            shows = (quote == quotes[0] or (quote or b"") in text) and (escape or b"") in text
            if best is not None and not shows:
                continue
            grammar = Grammar(delimiter, quote[0] if quote else None, newline, escape[0] if escape else None)
            trial = _mended(Trial(grammar, read_sample(text, grammar)))
            if best is None or _is_better(trial, best):
                best = trial
    assert best is not None
    return best


def _mended(trial: Trial) -> Trial:
    """The same with those broken records read that have quotes which nobody escaped."""
    records = list(trial.records)
    for index, record in enumerate(records):
        cells = mend(record.raw, trial.grammar, trial.width) if record.broken else None
        if cells is not None:
            records[index] = replace(record, cells=_texts(cells), broken=False)
    return Trial(trial.grammar, records)


def _texts(cells: Sequence[bytes | None]) -> tuple[str, ...]:
    return tuple((cell or b"").decode("utf-8", "replace") for cell in cells)


def _is_better(trial: Trial, usual: Trial) -> bool:
    """Whether an unusual quote or escape has to be: a record needs it, or all of a column has it."""
    grammar = trial.grammar
    if grammar.quote == usual.grammar.quote:
        needed = trial.reads_what_is_broken_in(usual, bytes([grammar.escape or 0]))
        return needed and trial.faulty < usual.faulty
    quote = bytes([grammar.quote or 0])
    needed = trial.reads_what_is_broken_in(usual, grammar.delimiter + quote, bytes([grammar.newline]) + quote)
    fits = (needed and trial.faulty <= usual.faulty) or _has_quoted_column(usual, quote.decode())
    return fits and trial.score > usual.score


def _has_quoted_column(trial: Trial, quote: str) -> bool:
    """Whether every cell of some column stands between these quotes, in two records at least."""
    quoted = re.compile(f"{quote}.*{quote}", re.DOTALL)
    columns = [
        [cell for cell in column if cell]
        for column in zip(*(r.cells for r in trial.regular[1:]), strict=True)
    ]
    return any(len(column) > 1 and all(map(quoted.fullmatch, column)) for column in columns)
