"""Where the table of a sample is: what stands above it, its header, and what stands between header and values."""

from collections.abc import Sequence
from dataclasses import dataclass

from headgate.pipelines.celltypes import is_missing, is_mostly_typed, is_typed
from headgate.pipelines.trials import SampleRecord, Trial

COMMENTS = ("#", "//", "--", "%", ";")
BLOCK_RECORDS = 3
"""So many records of one width are a table, and no preamble."""
MAX_EXTRA_HEADERS = 2
MAX_UNIT_CHARACTERS = 20


@dataclass(frozen=True, slots=True)
class Layout:
    """`skip_rows` physical lines stand before the header or first record.

    `columns` is how many cells a record has where that is not what the header says; `extra_headers` records follow the
    header that hold names or units, and no values.
    """

    has_header: bool
    skip_rows: int = 0
    columns: int | None = None
    extra_headers: int = 0


def find_layout(trial: Trial, *, has_header: bool | None = None, skip_rows: int | None = None) -> Layout:
    """The layout of a sample, as far as it isn't given: then the sample begins behind `skip_rows` lines.

    Lines are skipped only above what is plainly a header.
    """
    records = trial.records
    start, width = _first_table(records, trial.width)
    lead, body = records[:start], [r for r in records[start:] if not r.broken and len(r.cells) == width]
    votes = header_votes(body)
    is_header = has_header if has_header is not None else votes >= 0 and _is_header(body, votes)
    extra = _extra_headers(body) if is_header else 0
    if not lead:
        return Layout(is_header, skip_rows or 0, extra_headers=extra)
    if (short := _misfitting_header(lead, body, has_header)) is not None:
        return Layout(True, skip_rows or 0, width, _extra_headers([short, *body]))
    if skip_rows is None and _is_preamble(lead, records[start], is_header=is_header, sure=votes > 0):
        return Layout(is_header, records[start].line - 1, extra_headers=extra)
    return Layout(has_header or False, skip_rows or 0, None if has_header else width)


def _first_table(records: Sequence[SampleRecord], width: int) -> tuple[int, int]:
    """Where the table begins, and how many cells its records have: of several tables the first counts."""
    for index in range(_comments(records, width), len(records) - BLOCK_RECORDS + 1):
        block = records[index : index + BLOCK_RECORDS]
        own = len(block[0].cells)
        if own == width and not _is_title(records, index, width):
            return index, width
        is_block = own > 1 and not any(
            r.broken or len(r.cells) != own or r.raw.startswith(b"#") for r in block
        )
        if is_block and (own > 2 or header_votes(block) > 0) and not _is_title(records, index, own):
            return index, own
    fitting = (i for i, r in enumerate(records) if len(r.cells) == width and not r.broken)
    return next(fitting, 0), width


def _comments(records: Sequence[SampleRecord], width: int) -> int:
    """How many comments stand above a header; a commented line above values is the header itself."""
    count = next((i for i, r in enumerate(records) if not r.raw.startswith(b"#")), 0)
    below = [record for record in records[count:] if not record.broken and len(record.cells) == width]
    return count if header_votes(below) > 0 else 0


def _is_title(records: Sequence[SampleRecord], index: int, width: int) -> bool:
    """Whether a record of the right width is a title or a gap below one, which only its empty cells make so wide."""
    record = records[index]
    if width < 3 or record.filled > 1 or is_typed(record.cells[0]):
        return False
    below = next((other for other in records[index + 1 :] if other.filled), record)
    if record.filled == 0:
        return index == 0 or records[index - 1].filled <= 1
    return bool(record.cells[0].strip()) and below.filled > 1 and index < BLOCK_RECORDS


def _is_preamble(lead: Sequence[SampleRecord], first: SampleRecord, *, is_header: bool, sure: bool) -> bool:
    """Whether lines above a table are titles, comments or notes, and no records or damaged headers."""
    if all(record.raw.lstrip().startswith(tuple(mark.encode() for mark in COMMENTS)) for record in lead):
        return True
    single = all(record.filled <= 1 for record in lead)
    return is_header and (sure or first.after_blank or (single and len(first.cells) > 2))


def _misfitting_header(
    lead: Sequence[SampleRecord], body: Sequence[SampleRecord], has_header: bool | None
) -> SampleRecord | None:
    """A header of another width than its records, where that is plain: nothing is in the cells that differ."""
    header = lead[0]
    names, width = len(header.cells), len(body[0].cells) if body else 0
    if len(lead) > 1 or header.broken or has_header is False or names < 2 or not body:
        return None
    if any(is_typed(cell) for cell in header.cells):
        return None
    if names > width:
        empty = not any(cell.strip() for cell in header.cells[width:])
    else:
        empty = not any(cell.strip() for record in body for cell in record.cells[names:])
    return header if empty else None


def header_votes(records: Sequence[SampleRecord]) -> int:
    """How many columns say that the first record names them, less those that say it is a record like the others."""
    below = records[1:]
    return sum(
        _header_vote(cell, [record.cells[index] for record in below])
        for index, cell in enumerate(records[0].cells if records else ())
    )


def _is_header(records: Sequence[SampleRecord], votes: int) -> bool:
    if not records:
        return True
    cells = records[0].cells
    if len(records) < 2:
        return not any(map(is_typed, cells))
    return votes > 0 or (len(set(cells)) == len(cells) and all(cell.strip() for cell in cells))


def _header_vote(cell: str, below: Sequence[str]) -> int:
    filled = [value for value in below if value.strip()]
    if not filled:
        return 0
    if is_mostly_typed(filled):
        return -1 if is_typed(cell) else 1
    return -1 if not cell.strip() or cell in filled else 0


def _extra_headers(body: Sequence[SampleRecord]) -> int:
    """How many records below the header go on naming: units, or a second line of names."""
    for count in range(min(MAX_EXTRA_HEADERS, len(body) - 3), 0, -1):
        if all(_goes_on_naming(record, body[1 + count :]) for record in body[1 : 1 + count]):
            return count
    return 0


def _goes_on_naming(record: SampleRecord, below: Sequence[SampleRecord]) -> bool:
    """Whether a record has words in each column of numbers or dates, in two of them at least."""
    typed = [
        index
        for index in range(len(record.cells))
        if is_mostly_typed([row.cells[index] for row in below if index < len(row.cells)])
    ]
    cells = [record.cells[index] for index in typed]
    words = all(
        not is_missing(cell) and not is_typed(cell) and len(cell) <= MAX_UNIT_CHARACTERS for cell in cells
    )
    bracketed = all(cell.strip()[:1] in ("(", "[") for cell in cells)
    return words and len(cells) > (0 if bracketed else 1)
