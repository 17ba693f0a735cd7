"""Reads pages of rows from one version of a dataset: filtered, ordered, from a cursor on.

The key of a page is the values that it is ordered by and, to tell equal rows apart, the row's position in the
version, which never changes. Nothing is skipped by counting: a page in the middle costs what the first one does.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from headgate.errors import UserFault
from headgate.storage import datasets
from headgate.storage.columns import Column, json_records, json_value
from headgate.storage.datasets import Snapshot
from headgate.storage.filters import Conditions, RowFilter, known_column, typed_literal
from headgate.storage.tablefolders import TableFolder

POSITION = "__headgate_position__"
MAX_ROWS = 10_000
FEW_ROWS = 1 << 16
MANY_ROWS = 1 << 20
"""So many rows are looked through for a page before all others are."""


@dataclass(frozen=True, slots=True)
class RowQuery:
    """Which rows of a version, in which order (column and whether descending), and which columns of them."""

    filter: RowFilter | None = None
    order_by: Sequence[tuple[str, bool]] = ()
    columns: Sequence[str] | None = None
    first: int = 100
    after: str | None = None
    total: bool = False


@dataclass(frozen=True, slots=True)
class RowPageData:
    """A page: `records` are JSON objects; `end_cursor` goes into the next query's `after`."""

    columns: list[dict[str, Any]]
    records: list[dict[str, Any]]
    has_next: bool
    end_cursor: str | None
    total: int | None = None


def read_rows(folder: TableFolder, version: int, query: RowQuery, *, oldest: int = 0) -> RowPageData:
    """Read one page of a version, or of the older one that the cursor comes from: paging sees no commit between.

    Raises UserFault: UNKNOWN_COLUMN, INVALID_FILTER, INVALID_CURSOR, INVALID_ARGUMENT, and VERSION_EXPIRED where the
    cursor's version is older than the `oldest` that can be read.
    """
    key = _parse_cursor(query.after) if query.after is not None else None
    if key is not None and not 0 <= key[0] <= version:
        raise _invalid_cursor()
    if key is not None and key[0] < oldest:
        message = "The version that the cursor comes from can be read no more. Start again without it."
        raise UserFault("VERSION_EXPIRED", message, ("after",))
    return _Reader(folder, datasets.snapshot(folder, key[0] if key else version), query, key).page()


def _parse_cursor(after: str) -> list[Any]:
    """The version, the values that rows are ordered by, and the position."""
    try:
        key = json.loads(base64.urlsafe_b64decode(after + "=" * (-len(after) % 4)))
    except (ValueError, binascii.Error) as error:
        raise _invalid_cursor() from error
    if not isinstance(key, list) or len(key) < 2 or type(key[0]) is not int or type(key[-1]) is not int:
        raise _invalid_cursor()
    return key


class _Reader:
    def __init__(
        self, folder: TableFolder, version: Snapshot, query: RowQuery, key: list[Any] | None
    ) -> None:
        self._folder, self._version, self._query = folder, version, query
        self._types = {column.name: column for column in version.columns}
        self._order = [(self._column(name), descending) for name, descending in query.order_by]
        if key is not None and len(key) != len(self._order) + 2:
            raise _invalid_cursor()
        if key is not None and not 0 <= key[-1] < version.row_count:
            raise _invalid_cursor()
        self._key = key[1:] if key else None
        self._shown = self._shown_columns()
        self._condition = (
            pl.lit(True) if query.filter is None else Conditions(self._types).expression(query.filter)
        )

    def _column(self, name: str) -> Column:
        return known_column(self._types, name)

    def _shown_columns(self) -> list[Column]:
        if self._query.columns is None:
            return list(self._version.columns)
        return [self._column(name) for name in dict.fromkeys(self._query.columns)]

    def page(self) -> RowPageData:
        if not 1 <= self._query.first <= MAX_ROWS:
            raise UserFault("INVALID_ARGUMENT", f"first must be from 1 to {MAX_ROWS}.", ("first",))
        rows = self._ordered_rows() if self._order else self._rows_by_position()
        frame = rows.head(self._query.first)
        shown = frame.select([column.name for column in self._shown])
        return RowPageData(
            columns=[column.to_json() for column in self._shown],
            records=json_records(shown, {column.name: column.form for column in self._shown}),
            has_next=rows.height > frame.height,
            end_cursor=self._cursor(frame.row(-1, named=True)) if frame.height else None,
            total=self._total() if self._query.total else None,
        )

    def _total(self) -> int:
        if self._query.filter is None:
            return self._version.row_count
        rows = datasets.scan(self._folder, self._version).filter(self._condition)
        return int(rows.select(pl.len()).collect(engine="streaming").item())

    def _needed(self) -> list[str]:
        names = [column.name for column in self._shown] + [column.name for column, _ in self._order]
        return list(dict.fromkeys([POSITION, *names]))

    def _rows_by_position(self) -> pl.DataFrame:
        """One row more than asked for, so that it shows whether there is a next page.

        Looked for in a few rows first, then in more: a page that is soon full is not worth many rows' decoding.
        """
        begin = self._key[-1] + 1 if self._key else 0
        wanted = self._query.first + 1
        found: list[pl.DataFrame] = []
        for end in self._ends(begin, wanted):
            found.append(self._rows_between(begin, end, wanted))
            begin, wanted = end, wanted - found[-1].height
            if wanted <= 0:
                break
        return pl.concat(found)

    def _ends(self, begin: int, wanted: int) -> Iterator[int]:
        """Positions up to which to look, one after the other."""
        count = self._version.row_count
        if self._query.filter is None:
            yield min(begin + wanted, count)
            return
        for end in (begin + FEW_ROWS, begin + MANY_ROWS):
            if end < count:
                yield end
        yield count

    def _rows_between(self, begin: int, end: int, most: int) -> pl.DataFrame:
        """The first rows that the filter matches, from one position on and before another."""
        rows = datasets.scan(self._folder, self._version, begin=begin, end=end, row_index=POSITION)
        position = pl.col(POSITION)
        rows = rows.filter(position >= begin, position < end, self._condition).select(self._needed())
        return rows.head(most).collect(engine="streaming")

    def _ordered_rows(self) -> pl.DataFrame:
        rows = datasets.scan(self._folder, self._version, row_index=POSITION).filter(self._condition)
        if self._key is not None:
            rows = rows.filter(self._behind(self._key))
        by = [pl.col(column.name) for column, _ in self._order] + [pl.col(POSITION)]
        descending = [descending for _, descending in self._order] + [False]
        ordered = rows.select(self._needed()).sort(by, descending=descending, nulls_last=True)
        return ordered.head(self._query.first + 1).collect(engine="streaming")

    def _behind(self, key: Sequence[Any]) -> pl.Expr:
        """Rows behind a key: later in the first column that differs; nulls come last in either direction."""
        *values, position = key
        behind: pl.Expr = pl.col(POSITION) > position
        for (column, descending), value in reversed(list(zip(self._order, values, strict=True))):
            cell = pl.col(column.name)
            if value is None:
                behind = cell.is_null() & behind
                continue
            literal = _cursor_literal(column, value)
            later = (cell < literal) if descending else (cell > literal)
            behind = later | cell.is_null() | ((cell == literal) & behind)
        return behind

    def _cursor(self, row: Mapping[str, Any]) -> str:
        key = [json_value(row[column.name]) for column, _ in self._order]
        text = json.dumps([self._version.version, *key, row[POSITION]], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


def _invalid_cursor() -> UserFault:
    return UserFault(
        "INVALID_CURSOR", "The cursor is not one of this list. Start again without it.", ("after",)
    )


def _cursor_literal(column: Column, value: Any) -> pl.Expr:
    try:
        return typed_literal(column, value)
    except UserFault as fault:
        raise _invalid_cursor() from fault
