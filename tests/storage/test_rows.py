"""Pages of rows: together they are all rows that a filter matches, in order, however few are looked through at once."""

import base64
import json
import operator
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.errors import UserFault
from headgate.storage import commits, rows
from headgate.storage.columns import Column
from headgate.storage.datasets import Part, WriteMode
from headgate.storage.filters import RowFilter
from headgate.storage.rows import RowPageData, RowQuery, read_rows
from headgate.storage.tablefolders import LocalFolder

SCHEMA = {"n": pl.Int64, "t": pl.String}
Row = tuple[int | None, str | None]
Holds = Callable[[Row], bool]

ROWS = st.tuples(st.none() | st.integers(-3, 3), st.none() | st.sampled_from(["", "a", "ab", "b"]))
COMPARE = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le, "eq": operator.eq}


def _comparison(name: str, value: int) -> tuple[RowFilter, Holds]:
    compare = COMPARE[name]
    return RowFilter.from_spec(
        {"column": "n", name: value}
    ), lambda row: row[0] is not None and compare(row[0], value)


LEAVES = st.one_of(
    st.builds(_comparison, st.sampled_from(list(COMPARE)), st.integers(-3, 3)),
    st.integers(-3, 3).map(lambda value: (RowFilter(column="n", ne=value), lambda row: row[0] != value)),
    st.just((RowFilter(column="n", in_=[0, 2]), lambda row: row[0] in (0, 2))),
    st.just((RowFilter(column="t", is_null=True), lambda row: row[1] is None)),
    st.just((RowFilter(column="t", contains="b"), lambda row: row[1] is not None and "b" in row[1])),
    st.just(
        (RowFilter(column="t", starts_with="a"), lambda row: row[1] is not None and row[1].startswith("a"))
    ),
)


def _combined(
    inner: st.SearchStrategy[tuple[RowFilter, Holds]],
) -> st.SearchStrategy[tuple[RowFilter, Holds]]:
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        inner.map(lambda one: (RowFilter(not_=one[0]), lambda row: not one[1](row))),
        several.map(
            lambda all_: (
                RowFilter(and_=[each for each, _ in all_]),
                lambda row: all(holds(row) for _, holds in all_),
            )
        ),
        several.map(
            lambda any_: (
                RowFilter(or_=[each for each, _ in any_]),
                lambda row: any(holds(row) for _, holds in any_),
            )
        ),
    )


def _cell(place: int, row: Row) -> Any:
    return row[place]


FILTERS = st.recursive(LEAVES, _combined, max_leaves=4)


def make_table(folder: Path, parts: list[list[Row]]) -> None:
    """Commit the rows as so many files."""
    written = []
    for order, part in enumerate(parts):
        name = f"job-1-{order:06}.parquet"
        pl.DataFrame(part, schema=SCHEMA, orient="row").write_parquet(folder / name, row_group_size=2)
        written.append(Part(name, len(part), (folder / name).stat().st_size, order))
    columns = [Column(name, dtype()) for name, dtype in SCHEMA.items()]
    commits.commit(
        LocalFolder(folder),
        job="job",
        mode=WriteMode.REPLACE,
        base=None,
        columns=columns,
        parts=written,
        note={},
    )


def all_pages(folder: Path, query: RowQuery) -> list[dict[str, Any]]:
    """Read one page after another."""
    found: list[dict[str, Any]] = []
    while True:
        page = read_rows(LocalFolder(folder), 0, query)
        found += page.records
        if not page.has_next:
            return found
        assert len(page.records) == query.first
        query = replace(query, after=page.end_cursor)


@given(
    parts=st.lists(st.lists(ROWS, min_size=1, max_size=6), min_size=1, max_size=3),
    wanted=st.none() | FILTERS,
    first=st.integers(1, 4),
    order=st.sampled_from([(), (("n", False),), (("t", True), ("n", True))]),
)
def test_pages_together_are_the_rows_that_match_in_order(
    parts: list[list[Row]], wanted: tuple[RowFilter, Holds] | None, first: int, order: Any
) -> None:
    query = RowQuery(filter=wanted[0] if wanted else None, order_by=order, first=first)
    expected = [row for part in parts for row in part if wanted is None or wanted[1](row)]
    for name, descending in reversed(order):
        place = list(SCHEMA).index(name)
        there = [row for row in expected if row[place] is not None]
        there.sort(key=partial(_cell, place), reverse=descending)
        expected = there + [row for row in expected if row[place] is None]
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "FEW_ROWS", 2)
        patch.setattr(rows, "MANY_ROWS", 5)
        make_table(Path(folder), parts)
        assert all_pages(Path(folder), query) == [dict(zip(SCHEMA, row, strict=True)) for row in expected]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_table(tmp_path, [[(1, "a"), (2, None)], [(3, "b")]])
    return tmp_path


def page(folder: Path, **query: Any) -> RowPageData:
    return read_rows(LocalFolder(folder), 0, RowQuery(**query))


@pytest.mark.parametrize("key", [[0, 3], [0, -1], [0, 10**30], [1, 0], [-1, 0], [0], [0, None], [0, 1, 1]])
def test_a_cursor_that_no_page_has_given_is_refused(folder: Path, key: list[Any]) -> None:
    after = base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")
    with pytest.raises(UserFault) as raised:
        page(folder, after=after)
    assert raised.value.code == "INVALID_CURSOR"


def test_a_page_behind_the_last_row_is_empty(folder: Path) -> None:
    end = page(folder).end_cursor
    last = page(folder, after=end)
    assert (last.records, last.has_next, last.end_cursor) == ([], False, None)
    assert page(folder, after=end, filter=RowFilter(column="n", gt=0)).records == []
