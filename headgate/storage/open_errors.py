"""The open errors of one job: those of its ledger whose rows no later job has resolved."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import structlog

from headgate.storage.bucketfolders import BucketFolder
from headgate.storage.ledger import SCHEMA
from headgate.storage.locations import BucketLocation, LocalLocation, Location
from headgate.storage.object_store import StoreUnavailable

NUMBER = "number"
"""Numbers the errors of a ledger from 0; an error keeps its number for good."""
NUMBERED = pl.Schema({NUMBER: pl.get_index_type(), **SCHEMA})
FIRST_BATCH = 256
MAX_BATCH = 16_384
BATCH_BYTES = 8 << 20
SEARCHED_FIRST = 16_384
"""Among so many lines the first errors of each group are looked for first."""
SAMPLES = 3
"""So many errors of a group are shown."""
OBJECT_STORE = "object-store error"
"""What Polars says of a bucket begins with this."""

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LedgerFilter:
    """Which errors to read; an empty field matches all."""

    code: Sequence[str] = ()
    column: Sequence[str] = ()
    check: Sequence[str] = ()
    severity: str | None = None
    row: int | None = None

    def predicate(self) -> pl.Expr:
        """The filter as one expression over the ledger's columns."""
        conditions = [
            pl.col(name).is_in(list(wanted))
            for name, wanted in (("code", self.code), ("column", self.column), ("check", self.check))
            if wanted
        ]
        if self.severity is not None:
            conditions.append(pl.col("severity") == self.severity)
        if self.row is not None:
            conditions.append(pl.col("row") == self.row)
        return pl.all_horizontal(conditions) if conditions else pl.lit(True)


REJECTING = LedgerFilter(severity="ERROR")
"""The errors that keep their rows out."""
NOT_OPEN = "ROW_NOT_OPEN"
"""The code of errors that say of a row that it was not rejected, or is no longer: it is nothing to be corrected."""


File = Path | Location
"""Where a Parquet file is: on this machine, or in Headgate's own bucket, from which only what is needed is read."""


@dataclass(frozen=True, slots=True)
class OpenErrors:
    """Reads a ledger but for the rows that files of `resolved` name; errors of no row are never resolved.

    No ledger, None or a file that is missing, holds no errors; no such file of `resolved` resolves any. Frames that
    are answered are in the order of the ledger, which is that of its rows. Every method raises StoreUnavailable where
    the bucket can't be read.
    """

    ledger: File | None
    resolved: Sequence[File] = ()

    def page(self, wanted: LedgerFilter, *, after: int = -1, first: int = 20) -> pl.DataFrame:
        """Up to `first` errors behind the one with this number, as NUMBERED."""
        return self._answer(lambda errors: _page(errors.matching(wanted), after, first))

    def count(self, wanted: LedgerFilter) -> int:
        """How many errors the filter matches."""
        return int(self._answer(lambda errors: _collected(errors.matching(wanted).select(pl.len()))).item())

    def groups(self, wanted: LedgerFilter, by: Sequence[str]) -> pl.DataFrame:
        """Group the errors that the filter matches by columns: these, `count`, `rows` and `samples`, in no order.

        `rows` are distinct ones, and `samples` the numbers of the first errors.
        """
        return self._answer(lambda errors: _groups(errors, wanted, by))

    def numbered(self, numbers: Sequence[int]) -> pl.DataFrame:
        """The errors with these numbers, as NUMBERED."""
        return self._answer(lambda errors: _numbered(errors, numbers)) if numbers else NUMBERED.to_frame()

    def records(self, rows: Sequence[int]) -> pl.DataFrame:
        """`row`, `line` and `record` of those of these rows that have an open error which rejects them."""
        chosen = pl.col("row").is_in(pl.Series(rows, dtype=pl.Int64).implode())
        found = self._answer(lambda errors: _collected(errors.rejecting().filter(chosen)))
        by_row = found.group_by("row", maintain_order=True)
        return by_row.agg(pl.col("line").first(), pl.col("record").drop_nulls().first())

    def rejected_rows(self) -> pl.Series:
        """The numbers of the rows that have an open error which rejects them; some come more than once."""
        row = pl.col("row").drop_nulls()
        return self._answer(lambda errors: _collected(errors.rejecting().select(row)))["row"]

    def count_resolved(self, path: File) -> int:
        """How many rows would be taken off by one more file of `resolved`, of those that are rejected."""
        with _told():
            rows = OpenErrors(None, [path])._resolved_rows()
        return int(self.rejected_rows().unique().is_in(rows.implode()).sum())

    def batches(
        self, wanted: LedgerFilter, columns: Sequence[str] = SCHEMA.names()
    ) -> Iterator[pl.DataFrame]:
        """All errors that the filter matches, with `number` and these columns, some MiB at a time.

        They are those that are open when the first batch is read. Raises FileNotFoundError where the ledger goes away
        meanwhile.
        """
        with _told():
            errors = self._lines().matching(wanted).select(NUMBER, *columns)
            try:
                batch = _page(errors, -1, FIRST_BATCH)
            except FileNotFoundError:
                return
            while batch.height:
                yield batch
                batch = _page(errors, batch[NUMBER][-1], _batch_rows(batch))

    def _answer(self, read: Callable[["_Lines"], pl.DataFrame]) -> pl.DataFrame:
        with _told():
            try:
                return read(self._lines())
            except FileNotFoundError:
                return read(_Lines(pl.LazyFrame(schema=NUMBERED), pl.lit(True)))

    def _lines(self) -> "_Lines":
        if self.ledger is None:
            return _Lines(pl.LazyFrame(schema=NUMBERED), pl.lit(True))
        lines = _scan(self.ledger, row_index_name=NUMBER)
        resolved = self._resolved_rows()
        is_resolved = pl.lit(False)
        if not resolved.is_empty():
            is_resolved = pl.col("row").is_in(resolved.implode()).fill_null(False)
        return _Lines(lines, ~is_resolved)

    def _resolved_rows(self) -> pl.Series:
        rows = [pl.Series("row", [], pl.Int64)]
        for path in self.resolved:
            with suppress(FileNotFoundError):
                rows.append(_collected(_scan(path).select("row"))["row"])
        return pl.concat(rows)


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines of a ledger, and which of them are open."""

    all: pl.LazyFrame
    are_open: pl.Expr

    def matching(self, wanted: LedgerFilter) -> pl.LazyFrame:
        """The open errors that a filter matches."""
        return self.all.filter(self.are_open, wanted.predicate())

    def rejecting(self) -> pl.LazyFrame:
        """The open errors whose rows can be corrected."""
        return self.matching(REJECTING).filter(pl.col("code").ne_missing(NOT_OPEN))

    def between(self, first: int, last: int) -> "_Lines":
        """The lines with these numbers and those in between: no others are read."""
        return _Lines(self.all.slice(first, last - first + 1), self.are_open)


def _scan(file: File, row_index_name: str | None = None) -> pl.LazyFrame:
    if isinstance(file, BucketLocation):
        folder = BucketFolder(file)
        return pl.scan_parquet(folder.uri, glob=False, row_index_name=row_index_name, **folder.scan_options())
    path = file.path if isinstance(file, LocalLocation) else file
    return pl.scan_parquet(path, glob=False, row_index_name=row_index_name)


@contextmanager
def _told() -> Iterator[None]:
    """Say in our words that a bucket can't be read."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, pl.exceptions.ComputeError) as error:
        if OBJECT_STORE not in str(error):
            raise
        logger.warning("store.failed", operation="scan", kind=type(error).__name__)
        raise StoreUnavailable from None


def _groups(errors: _Lines, wanted: LedgerFilter, by: Sequence[str]) -> pl.DataFrame:
    row = pl.col("row")
    # A null is one of the distinct values, but no row.
    rows = row.n_unique() - (row.null_count() > 0).cast(pl.UInt32)
    counted = errors.matching(wanted).group_by(by).agg(pl.len().alias("count"), rows.alias("rows"))
    groups = _collected(counted)
    # Most groups begin early, and to look for the first errors among all takes as long as to count them.
    early = _first_of_groups(errors.between(0, SEARCHED_FIRST - 1).matching(wanted), by)
    found = groups.join(early, on=by, how="left", nulls_equal=True)
    is_complete = pl.col("samples").list.len().fill_null(0) >= pl.col("count").clip(upper_bound=SAMPLES)
    late = found.filter(~is_complete).drop("samples")
    if late.is_empty():
        return found
    searched = errors.matching(wanted).join(late.select(by).lazy(), on=by, how="semi", nulls_equal=True)
    completed = late.join(_first_of_groups(searched, by), on=by, how="left", nulls_equal=True)
    return pl.concat([found.filter(is_complete), completed])


def _first_of_groups(errors: pl.LazyFrame, by: Sequence[str]) -> pl.DataFrame:
    first = pl.col(NUMBER).bottom_k(SAMPLES).sort().alias("samples")
    return _collected(errors.group_by(by).agg(first))


def _numbered(errors: _Lines, numbers: Sequence[int]) -> pl.DataFrame:
    chosen = pl.col(NUMBER).is_in(pl.Series(numbers, dtype=NUMBERED[NUMBER]).implode())
    among = errors.between(min(numbers), max(numbers)).matching(LedgerFilter())
    rows = _collected(among.filter(chosen).select("row"))["row"]
    # By their rows the reader finds out which parts of the file it needn't read.
    in_rows = pl.col("row").is_in(rows.implode()) | pl.col("row").is_null()
    return _collected(among.filter(in_rows, chosen))


def _page(errors: pl.LazyFrame, after: int, first: int) -> pl.DataFrame:
    return _collected(errors.filter(pl.col(NUMBER) > after).head(first))


def _collected(frame: pl.LazyFrame) -> pl.DataFrame:
    return frame.collect(engine="streaming")


def _batch_rows(before: pl.DataFrame) -> int:
    """So many errors make a batch, by the size of those before them."""
    return max(1, min(MAX_BATCH, before.height * BATCH_BYTES // max(int(before.estimated_size()), 1)))
