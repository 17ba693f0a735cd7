"""Filters of rows are kept as JSON in the specs of jobs, and mean the same when they are read again."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.storage.columns import Column
from headgate.storage.filters import COMPARISONS, UNSET, Conditions, RowFilter

ROWS = pl.DataFrame({"n": [1, 2, None, 4], "t": ["a", "ab", None, ""]})
COLUMNS = {name: Column(name, dtype) for name, dtype in ROWS.schema.items()}


def again(wanted: RowFilter) -> RowFilter:
    """The filter as a job's spec gives it back."""
    return RowFilter.from_json(json.loads(json.dumps(wanted.to_json())))


def chosen(wanted: RowFilter) -> list[Any]:
    """The numbers of the rows that a filter chooses."""
    rows = ROWS.with_row_index("row").filter(Conditions(COLUMNS).expression(wanted))
    return rows["row"].to_list()


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (RowFilter(), {}),
        (RowFilter("n", eq=None), {"column": "n", "eq": None}),
        (RowFilter("n", ne=0, is_null=False), {"column": "n", "ne": 0, "is_null": False}),
        (RowFilter("n", in_=[]), {"column": "n", "in_": []}),
        (RowFilter("t", contains="", starts_with="a"), {"column": "t", "contains": "", "starts_with": "a"}),
        (RowFilter(or_=[]), {"or_": []}),
        (RowFilter(and_=[RowFilter("n", gt=1)]), {"and_": [{"column": "n", "gt": 1}]}),
        (RowFilter(not_=RowFilter(or_=[RowFilter()])), {"not_": {"or_": [{}]}}),
    ],
)
def test_only_what_is_used_is_said(wanted: RowFilter, said: dict[str, Any]) -> None:
    assert wanted.to_json() == said
    assert again(wanted).to_json() == said


NUMBERS = st.none() | st.integers(0, 5)
COMPARED = st.dictionaries(st.sampled_from(sorted(COMPARISONS)), st.integers(0, 5), max_size=2)
OF_NUMBERS = st.builds(
    lambda eq, compared, in_, is_null: RowFilter("n", **{"eq": eq, **compared}, in_=in_, is_null=is_null),
    st.just(UNSET) | NUMBERS,
    COMPARED,
    st.none() | st.lists(NUMBERS, max_size=3),
    st.none() | st.booleans(),
)
OF_TEXTS = st.builds(
    lambda contains, starts_with: RowFilter("t", contains=contains, starts_with=starts_with),
    st.none() | st.sampled_from(["", "a", "b"]),
    st.none() | st.sampled_from(["", "a"]),
)
FILTERS = st.recursive(
    OF_NUMBERS | OF_TEXTS,
    lambda inner: st.builds(
        lambda and_, or_, not_: RowFilter(and_=and_, or_=or_, not_=not_),
        st.lists(inner, max_size=2),
        st.none() | st.lists(inner, max_size=2),
        st.none() | inner,
    ),
    max_leaves=6,
)


@settings(max_examples=80, deadline=None)
@given(FILTERS)
def test_a_filter_that_was_kept_chooses_the_same_rows(wanted: RowFilter) -> None:
    assert chosen(again(wanted)) == chosen(wanted)
