"""Several files read as one: rows are numbered through all of them, and columns are united by their names."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from headgate.errors import JobFault
from headgate.pipelines import formats
from headgate.pipelines.prepared import SAMPLE_ROWS, Prepared, Source, Watch
from headgate.pipelines.readers.uniting import Part, unite
from headgate.pipelines.rejections import RejectionLog
from headgate.pipelines.replay import Mask, RowSet
from headgate.pipelines.rowmap import ROW_INDEX, JoinedRows, Numbers
from headgate.storage.formats import FileFormat

SCANNED_WHERE_THEY_LIE = (FileFormat.PARQUET, FileFormat.ARROW)


@dataclass(frozen=True, slots=True)
class Files:
    """Files whose rows are read one file after the other.

    The records of `only` are taken as if there were no others; their numbers count through all files.
    """

    files: Sequence[Source]
    only: RowSet | None = None

    @property
    def format(self) -> FileFormat | None:
        """The format of one that may turn out damaged when it is scanned, else of any; None where there is no file."""
        formats_found = [source.format for source in self.files]
        late = (format for format in formats_found if format in SCANNED_WHERE_THEY_LIE)
        return next(late, formats_found[0] if formats_found else None)


def read_files(given: Files, scratch: Path, log: RejectionLog, watch: Watch) -> Prepared:
    """Read files as one.

    The numbers of rows go on from file to file, and lines are those of each file. A column that a file lacks is null
    there; one whose types have none in common becomes text. No files make no rows and no columns. Raises JobFault: what
    reading one of them raises, with its name.
    """
    numbers = None if given.only is None else given.only.rows()
    heard = _Hearing(watch, [source.path.stat().st_size for source in given.files])
    parts: list[Part] = []
    before = 0
    for number, source in enumerate(given.files):
        only = None if numbers is None else _Share(numbers[numbers > before] - before)
        folder = scratch / f"file-{number:06}"
        folder.mkdir(exist_ok=True)
        with log.behind(before), _named(source):
            rejected = log.rows
            prepared = formats.read(replace(source, only=only), folder, log, heard.of(number, before))
            read = prepared.accepted + log.rows - rejected if only is None else only.records
        parts.append(Part(_with_small_sample(prepared, len(given.files)), before))
        before += read
    return _joined(parts)


def _joined(parts: Sequence[Part]) -> Prepared:
    if not parts:
        nothing = pl.LazyFrame(schema={ROW_INDEX: pl.get_index_type()})
        return Prepared(nothing, (), frozenset(), pl.DataFrame(), accepted=0)
    united = unite(parts)
    return Prepared(
        frame=pl.concat(united.frames),
        names=united.names,
        texts=united.texts,
        sample=pl.concat(united.samples),
        accepted=sum(part.prepared.accepted for part in parts),
        rows=JoinedRows([(part.rows_before, part.prepared.rows) for part in parts]),
    )


def _with_small_sample(prepared: Prepared, files: int) -> Prepared:
    """Keep so many rows of a sample that those of all files together are one, taken from all over it."""
    most = max(SAMPLE_ROWS // files, 1)
    every = -(-prepared.sample.height // most)
    return replace(prepared, sample=prepared.sample.gather_every(every)) if every > 1 else prepared


@contextmanager
def _named(source: Source) -> Iterator[None]:
    """Say which file it is that can't be read."""
    try:
        yield
    except JobFault as fault:
        message = f"{source.path.name}: {fault.message}"
        raise JobFault(fault.code, message, fault.category, fault.retryable, fault.details) from fault


class _Share(RowSet):
    """The rows of a set that may lie in one file; `records` is the last of its records that was asked for.

    A reader asks for each record, so that this is how many there are, whether they are in the set or not.
    """

    def __init__(self, rows: Numbers) -> None:
        super().__init__(rows)
        self.records = 0

    def __contains__(self, row: int) -> bool:
        self.records = max(self.records, row)
        return super().__contains__(row)

    def mask(self, rows: Numbers) -> Mask:
        self.records = max(self.records, int(rows.max(initial=0)))
        return super().mask(rows)

    def count_up_to(self, row: int) -> int:
        self.records = max(self.records, row)
        return super().count_up_to(row)


class _Hearing:
    """Tells of the reading of one file as a part of reading all, whose sizes in bytes these are."""

    def __init__(self, watch: Watch, sizes: Sequence[int]) -> None:
        self._watch, self._sizes = watch, sizes

    def of(self, number: int, rows_before: int) -> Watch:
        """A watch for one of the files."""
        bytes_before, size, total = sum(self._sizes[:number]), self._sizes[number], sum(self._sizes)

        def hear(stage: str, **figures: Any) -> None:
            if "rows_read" in figures:
                figures["rows_read"] += rows_before
            if figures.get("bytes_total"):
                # A file that was unpacked has other bytes than those that are stored.
                read = bytes_before + size * figures["bytes_read"] // figures["bytes_total"]
                figures.update(bytes_read=read, bytes_total=total)
            self._watch(stage, **figures)

        return hear
