"""Steps that leave out rows: `dropMissing` and `deduplicate`."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.rowmap import ROW_INDEX
from headgate.pipelines.steps.step import Effect
from tests.pipelines.steps.harness import apply, run, step, table_of, with_frame

Pairs = list[tuple[int | None, str | None]]
PAIRS = st.lists(st.tuples(st.none() | st.integers(0, 3), st.none() | st.sampled_from("ab")))


def frame_of(pairs: Pairs) -> pl.DataFrame:
    return pl.DataFrame(pairs, schema={"x": pl.Int64, "y": pl.String}, orient="row")


@given(PAIRS)
def test_rows_with_missing_values_are_left_out_and_the_others_keep_their_order(pairs: Pairs) -> None:
    rows = frame_of(pairs)
    assert apply("dropMissing", rows).frame.rows() == [pair for pair in pairs if None not in pair]
    assert apply("dropMissing", rows, how="ALL").frame.rows() == [
        pair for pair in pairs if pair != (None, None)
    ]
    assert apply("dropMissing", rows, columns=["y"]).frame.rows() == [
        pair for pair in pairs if pair[1] is not None
    ]


@given(PAIRS, st.sampled_from([None, ["x"], ["y"], ["y", "x"]]))
def test_the_first_or_the_last_of_equal_rows_stays_in_its_place(
    pairs: Pairs, columns: list[str] | None
) -> None:
    def key(pair: tuple[Any, Any]) -> tuple[Any, ...]:
        return tuple(pair[0 if column == "x" else 1] for column in columns or ("x", "y"))

    keys = [key(pair) for pair in pairs]
    first = [number for number, each in enumerate(keys) if each not in keys[:number]]
    last = [number for number, each in enumerate(keys) if each not in keys[number + 1 :]]
    for keep, kept in (("FIRST", first), ("LAST", last)):
        result = apply("deduplicate", frame_of(pairs), columns=columns, keep=keep)
        assert result.frame.rows() == [pairs[number] for number in kept]
        assert result.indexes == kept


def test_equal_rows_are_told_in_large_tables_in_order() -> None:
    rows = pl.DataFrame(
        {"x": pl.int_range(300_000, eager=True) % 70_000, "y": pl.int_range(300_000, eager=True)}
    )
    assert apply("deduplicate", rows, columns=["x"])["y"] == list(range(70_000))
    assert apply("deduplicate", rows, columns=["x"], keep="LAST")["y"] == list(range(230_000, 300_000))


def test_the_order_of_the_rows_says_which_is_first_and_not_their_numbers() -> None:
    table = table_of({"x": ["a", "a"], "y": [1, 2]})
    turned = with_frame(table, table.frame.sort(ROW_INDEX, descending=True))
    assert run(step("deduplicate", columns=["x"]), turned)["y"] == [2]
    assert run(step("deduplicate", columns=["x"], keep="LAST"), turned)["y"] == [1]


@pytest.mark.parametrize("keep", ["FIRST", "LAST"])
@pytest.mark.parametrize(
    "cells",
    [
        [[1, 2], [1, 2], None, None, []],
        [{"a": 1}, {"a": 1}, {"a": None}],
        [float("nan"), float("nan"), 0.0, -0.0],
        [None, None],
        [True, True, False],
    ],
)
def test_values_of_any_type_can_be_equal(keep: str, cells: list[Any]) -> None:
    result = apply("deduplicate", {"x": cells}, keep=keep)
    distinct: list[str] = []
    for cell in cells:
        text = "0.0" if cell == 0 and isinstance(cell, float) else str(cell)
        distinct += [] if text in distinct else [text]
    assert len(result["x"]) == len(distinct)


def test_no_rows_and_no_columns_are_nothing_to_leave_out() -> None:
    empty = pl.DataFrame(schema={"x": pl.String})
    for kind in ("dropMissing", "deduplicate"):
        assert apply(kind, empty)["x"] == []


def test_thousands_of_columns_are_looked_at() -> None:
    rows = {f"c{number}": [1, 1, None] for number in range(2_000)}
    assert apply("dropMissing", rows).indexes == [0, 1]
    assert apply("deduplicate", rows).indexes == [0, 2]
    assert apply("deduplicate", rows, keep="LAST").indexes == [1, 2]


def test_what_becomes_of_the_rows_is_said() -> None:
    assert step("dropMissing").effect is Effect.FILTERS
    assert not step("dropMissing").sees_all
    assert step("deduplicate").effect is Effect.MERGES
    assert step("deduplicate").sees_all


@pytest.mark.parametrize("kind", ["dropMissing", "deduplicate"])
def test_columns_that_make_no_sense_are_refused(kind: str) -> None:
    with pytest.raises(JobFault, match="There is no column y"):
        apply(kind, {"x": [1]}, columns=["y"])
    with pytest.raises(ValidationError, match="at least 1"):
        step(kind, columns=[])
