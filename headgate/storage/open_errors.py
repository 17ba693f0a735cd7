"""The open errors of one job: those of its ledger whose rows no later job has resolved."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from headgate.storage.ledger import SCHEMA

NUMBER = "number"
"""Numbers the errors of a ledger from 0; an error keeps its number for good."""
NUMBERED = pl.Schema({NUMBER: pl.get_index_type(), **SCHEMA})
FIRST_BATCH = 256
MAX_BATCH = 16_384
BATCH_BYTES = 8 << 20
SAMPLES = 3
"""So many errors of a group are shown."""

Query = Callable[[pl.LazyFrame], pl.LazyFrame]


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


@dataclass(frozen=True, slots=True)
class OpenErrors:
    """Reads a ledger but for the rows that files of `resolved` name; errors of no row are never resolved.

    No ledger, None or a file that is missing, holds no errors; no such file of `resolved` resolves any. Frames that
    are answered are in the order of the ledger, which is that of its rows.
    """

    ledger: Path | None
    resolved: Sequence[Path] = ()

    def page(self, wanted: LedgerFilter, *, after: int = -1, first: int = 20) -> pl.DataFrame:
        """Up to `first` errors behind the one with this number, as NUMBERED."""
        return self._answer(lambda errors: _page(errors.filter(wanted.predicate()), after, first))

    def count(self, wanted: LedgerFilter) -> int:
        """How many errors the filter matches."""
        return int(self._answer(lambda errors: errors.filter(wanted.predicate()).select(pl.len())).item())

    def groups(self, wanted: LedgerFilter, by: Sequence[str]) -> pl.DataFrame:
        """Group the errors that the filter matches by columns: these, `count`, `rows` and `samples`, in no order.

        `rows` are distinct ones, and `samples` the numbers of the first errors.
        """
        row = pl.col("row")
        # A null is one of the distinct values, but no row.
        rows = row.n_unique() - (row.null_count() > 0).cast(pl.UInt32)
        return self._answer(
            lambda errors: (
                errors.filter(wanted.predicate())
                .group_by(by)
                .agg(
                    pl.len().alias("count"),
                    rows.alias("rows"),
                    pl.col(NUMBER).bottom_k(SAMPLES).sort().alias("samples"),
                )
            )
        )

    def numbered(self, numbers: Sequence[int]) -> pl.DataFrame:
        """The errors with these numbers, as NUMBERED."""
        chosen = pl.col(NUMBER).is_in(pl.Series(numbers, dtype=NUMBERED[NUMBER]).implode())
        rows = self._answer(lambda errors: errors.filter(chosen).select("row"))["row"]
        # By their rows the reader finds out which parts of the file it needn't read.
        in_rows = pl.col("row").is_in(rows.implode()) | pl.col("row").is_null()
        return self._answer(lambda errors: errors.filter(in_rows, chosen))

    def batches(
        self, wanted: LedgerFilter, columns: Sequence[str] = SCHEMA.names()
    ) -> Iterator[pl.DataFrame]:
        """All errors that the filter matches, with `number` and these columns, some MiB at a time.

        They are those that are open when the first batch is read. Raises FileNotFoundError where the ledger goes away
        meanwhile.
        """
        errors = self._scan().filter(wanted.predicate()).select(NUMBER, *columns)
        try:
            batch = _page(errors, -1, FIRST_BATCH).collect(engine="streaming")
        except FileNotFoundError:
            return
        while batch.height:
            yield batch
            batch = _page(errors, batch[NUMBER][-1], _batch_rows(batch)).collect(engine="streaming")

    def _answer(self, query: Query) -> pl.DataFrame:
        try:
            return query(self._scan()).collect(engine="streaming")
        except FileNotFoundError:
            return query(pl.LazyFrame(schema=NUMBERED)).collect()

    def _scan(self) -> pl.LazyFrame:
        if self.ledger is None:
            return pl.LazyFrame(schema=NUMBERED)
        errors = pl.scan_parquet(self.ledger, glob=False, row_index_name=NUMBER)
        resolved = self._resolved_rows()
        if resolved.is_empty():
            return errors
        return errors.filter(pl.col("row").is_in(resolved.implode()).fill_null(False).not_())

    def _resolved_rows(self) -> pl.Series:
        rows = [pl.Series("row", [], pl.Int64)]
        for path in self.resolved:
            with suppress(FileNotFoundError):
                rows.append(pl.read_parquet(path, columns=["row"], glob=False)["row"])
        return pl.concat(rows)


def _page(errors: pl.LazyFrame, after: int, first: int) -> pl.LazyFrame:
    return errors.filter(pl.col(NUMBER) > after).head(first)


def _batch_rows(before: pl.DataFrame) -> int:
    """So many errors make a batch, by the size of those before them."""
    return max(1, min(MAX_BATCH, before.height * BATCH_BYTES // max(int(before.estimated_size()), 1)))
