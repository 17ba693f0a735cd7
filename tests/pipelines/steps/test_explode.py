"""Lists become rows."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.steps.step import Effect
from tests.pipelines.steps.harness import Applied, apply, step

Lists = list[list[int | None] | None]
LISTS: st.SearchStrategy[Lists] = st.lists(st.none() | st.lists(st.none() | st.integers(0, 5), max_size=4))


def exploded(values: Any, **settings: Any) -> Applied:
    return apply("explode", {"x": values}, columns=["x"], **settings)


@given(LISTS)
def test_each_item_becomes_a_row_whatever_holds_the_list(lists: Lists) -> None:
    expected = [(row, item) for row, items in enumerate(lists) for item in items or [None]]
    texts = [None if items is None else json.dumps(items) for items in lists]
    for values in (pl.Series(lists, dtype=pl.List(pl.Int64)), pl.Series(texts, dtype=pl.String)):
        result = exploded(values)
        found = [None if item is None else int(item) for item in result["x"]]
        assert list(zip(result.indexes, found, strict=True)) == expected


@given(LISTS)
def test_several_columns_are_exploded_together(lists: Lists) -> None:
    others = [None if items is None else [str(item) for item in items] for items in lists]
    rows = pl.DataFrame(
        {"x": lists, "y": others, "n": pl.int_range(len(lists), eager=True)},
        schema={"x": pl.List(pl.Int64), "y": pl.List(pl.String), "n": pl.Int64},
    )
    result = apply("explode", rows, columns=["y", "x"])
    assert result["n"] == result.indexes == [row for row, items in enumerate(lists) for _ in items or [None]]
    assert result["y"] == [None if not items else str(item) for items in lists for item in items or [None]]


def test_texts_are_split_at_a_separator() -> None:
    result = exploded(["a, b", "c", "", None], separator=", ")
    assert (result["x"], result.indexes) == (["a", "b", "c", None, None], [0, 0, 1, 2, 3])


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["[1, 2.5]"], [1.0, 2.5]),
        (['["a", 1, null]'], ["a", "1", None]),
        (['[{"a": 1}, [2]]'], ['{"a":1}', "[2]"]),
        (["[true]", "null"], [True, None]),
        (["[]", "[null]"], [None, None]),
    ],
)
def test_items_of_json_get_a_type_that_holds_all_of_them(texts: list[str], expected: list[Any]) -> None:
    assert exploded(texts)["x"] == expected


@pytest.mark.parametrize("text", ["", "a,b", "{}", "5", "[1", "[1] 2", "[NaN]", "[" * 100_000])
def test_a_text_that_is_no_array_rejects_its_row(text: str) -> None:
    result = exploded(["[1]", text])
    assert (result["x"], result.rejected) == ([1], [(1, "x", "TYPE")])


def test_a_row_whose_columns_have_not_equally_many_items_is_rejected() -> None:
    rows = {
        "x": [[1, 2], [3], None, []],
        "y": ['["a", "b"]', '["c", "d"]', "[]", None],
        "z": ["1;2", "3", "", "4"],
    }
    result = apply("explode", rows, columns=["x", "y"])
    assert (result["y"], result.rejected) == (["a", "b", None, None], [(1, None, "LENGTH")])
    result = apply("explode", rows, columns=["x", "z"], separator=";")
    assert (result["z"], result.rejected) == (["1", "2", "3", None], [(3, None, "LENGTH")])


def test_arrays_of_fixed_length_are_lists() -> None:
    assert exploded(pl.Series([[1, 2], None], dtype=pl.Array(pl.Int64, 2)))["x"] == [1, 2, None]


@pytest.mark.parametrize(
    "values", [[None, None], pl.Series([], dtype=pl.String), pl.Series([None], dtype=pl.List(pl.Int8))]
)
def test_without_lists_rows_stay_as_they_are(values: Any) -> None:
    assert exploded(values)["x"] == list(values)


def test_only_lists_can_be_exploded() -> None:
    with pytest.raises(JobFault, match="The column x holds INTEGER values, and lists are wanted") as fault:
        exploded([5])
    assert fault.value.code == "NOT_LIST"


def test_rows_become_more() -> None:
    assert step("explode", columns=["x"]).effect is Effect.EXPANDS
    assert step("explode", columns=["x"]).sees_all


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"separator": ""}, "at least 1"),
        ({"columns": ["x", "x"]}, "named twice"),
        ({"column": "x"}, "not permitted"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        step("explode", **({"columns": ["x"]} | settings))
