"""Missing values are filled in."""

from collections import Counter
from datetime import date
from decimal import Decimal
from statistics import fmean, median
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from tests.pipelines.steps.harness import apply, step

Cells = list[Any]


def filled(values: Cells | pl.Series, method: str, **settings: Any) -> Cells:
    column = pl.Series("x", values) if isinstance(values, list) else values.alias("x")
    return apply("fill", column.to_frame(), columns=["x"], method=method, **settings)["x"]


@pytest.mark.parametrize(
    ("values", "value", "expected"),
    [
        (pl.Series(["1", None, "2.5"]), 0, [1.0, 0.0, 2.5]),
        (pl.Series(["1", None]), "none", ["1", "none"]),
        (pl.Series(["a", None]), 0, ["a", "0"]),
        (pl.Series([None, None], dtype=pl.String), 1.0, ["1", "1"]),
        (pl.Series([None, None]), 7, [7, 7]),
        (pl.Series([None]), "x", ["x"]),
        (pl.Series([], dtype=pl.String), 7, []),
        (pl.Series([1, None]), 2.0, [1, 2]),
        (pl.Series([1, None]), "2", [1, 2]),
        (pl.Series([1.5, None]), 2, [1.5, 2.0]),
        (pl.Series([Decimal("1.50"), None]), 2, [Decimal("1.50"), Decimal("2.00")]),
        (pl.Series([date(2024, 1, 2), None]), "2024-12-31", [date(2024, 1, 2), date(2024, 12, 31)]),
        (pl.Series([True, None]), False, [True, False]),
        (pl.Series(["true", None]), False, [True, False]),
        (pl.Series(["a", None], dtype=pl.Enum(["a"])), "b", ["a", "b"]),
        (pl.Series(["a", None], dtype=pl.Categorical()), "b", ["a", "b"]),
    ],
)
def test_a_constant_is_filled_in_as_a_value_of_the_columns_type(
    values: pl.Series, value: Any, expected: Cells
) -> None:
    assert filled(values, "CONSTANT", value=value) == expected


@pytest.mark.parametrize(
    ("values", "value"),
    [
        (pl.Series([1, None]), 0.5),
        (pl.Series([1, None]), "x"),
        (pl.Series([True, None]), 1),
        (pl.Series([date(2024, 1, 2), None]), 5),
        (pl.Series(["2024-01-02", None]), 5),
        (pl.Series([[1], None]), 5),
        (pl.Series([{"a": 1}, None]), "a"),
    ],
)
def test_a_constant_that_the_column_cannot_hold_is_refused(values: pl.Series, value: Any) -> None:
    with pytest.raises(JobFault) as fault:
        filled(values, "CONSTANT", value=value)
    assert (fault.value.code, fault.value.category) == ("UNFIT_VALUE", "CONFIG")


def test_the_mean_of_decimals_is_a_decimal_and_that_of_integers_a_float() -> None:
    assert filled(pl.Series([Decimal("1.50"), Decimal("1.52"), None]), "MEAN")[2] == Decimal("1.51")
    assert filled([1, 2, None], "MEAN") == [1.0, 2.0, 1.5]
    assert filled(pl.Series([1.0, None], dtype=pl.Float32), "MEDIAN") == [1.0, 1.0]


def test_what_is_no_number_takes_no_part_in_a_mean() -> None:
    inf = float("inf")
    assert filled([1.0, inf, 3.0, None], "MEAN") == [1.0, inf, 3.0, 2.0]
    result = apply("fill", {"x": ["1", "soon", "3", None]}, columns=["x"], method="MEAN")
    assert (result["x"], result.rejected) == ([1.0, 3.0, 2.0], [(1, "x", "TYPE")])


@pytest.mark.parametrize("values", [["a", "b", None], [True, None], [[1], None], [date(2024, 1, 1)]])
@pytest.mark.parametrize("method", ["MEAN", "MEDIAN"])
def test_only_numbers_have_a_mean_or_median(method: str, values: Cells) -> None:
    with pytest.raises(JobFault, match="NOT_NUMERIC"):
        filled(values, method)


@pytest.mark.parametrize("method", ["MEAN", "MEDIAN", "MODE", "FORWARD", "BACKWARD"])
@pytest.mark.parametrize("dtype", [pl.Null, pl.String, pl.Int64, pl.Float64])
def test_a_column_without_values_stays_so(method: str, dtype: pl.DataType) -> None:
    assert filled(pl.Series([None, None], dtype=dtype), method) == [None, None]
    assert filled(pl.Series([], dtype=dtype), method) == []


@given(st.lists(st.none() | st.integers(-5, 5)))
def test_each_method_fills_in_what_plain_python_finds(values: list[int | None]) -> None:
    series, known = pl.Series(values, dtype=pl.Int64), [value for value in values if value is not None]
    forward: Cells = []
    backward: Cells = []
    last = None
    for value in values:
        forward.append(last := last if value is None else value)
    last = None
    for value in reversed(values):
        backward.insert(0, last := last if value is None else value)
    counts = Counter(known)
    mode = min(known, key=lambda value: (-counts[value], value), default=None)
    mean, middle = (fmean(known), median(known)) if known else (None, None)
    assert filled(series, "FORWARD") == forward
    assert filled(series, "BACKWARD") == backward
    assert filled(series, "MODE") == [mode if value is None else value for value in values]
    assert filled(series, "MEAN") == pytest.approx([mean if value is None else value for value in values])
    assert filled(series, "MEDIAN") == [middle if value is None else value for value in values]


@pytest.mark.parametrize("method", ["CONSTANT", "MEAN", "MEDIAN", "MODE", "FORWARD"])
def test_many_columns_are_filled_each_by_itself(method: str) -> None:
    rows = {f"c{number}": [None, str(number), None] for number in range(2_000)}
    settings = {"value": -1} if method == "CONSTANT" else {}
    result = apply("fill", rows, columns=list(rows), method=method, **settings)
    last = result["c1999"][2]
    assert float(last) == (-1 if method == "CONSTANT" else 1999)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"columns": ["x"], "method": "CONSTANT"}, "needs a value"),
        ({"columns": ["x"], "method": "MEAN", "value": 1}, "is for CONSTANT"),
        ({"columns": ["x"], "method": "CONSTANT", "value": [1]}, "give a text"),
        ({"columns": ["x"], "method": "CONSTANT", "value": float("nan")}, "give a text"),
        ({"columns": ["x"], "method": "CONSTANT", "value": 2**63}, "give a text"),
        ({"columns": [], "method": "MEAN"}, "at least 1"),
        ({"columns": ["x", "x"], "method": "MEAN"}, "x is named twice"),
        ({"columns": [""], "method": "MEAN"}, "at least 1"),
        ({"columns": ["x"], "method": "AVERAGE"}, "'CONSTANT', 'MEAN'"),
        ({"columns": ["x"], "method": "MEAN", "values": 1}, "not permitted"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        step("fill", **settings)


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(JobFault, match="There is no column X; there are x") as fault:
        apply("fill", {"x": [1]}, columns=["X"], method="MODE")
    assert fault.value.code == "UNKNOWN_COLUMN"


def test_only_a_constant_leaves_rows_to_themselves() -> None:
    assert not step("fill", columns=["x"], method="CONSTANT", value=1).sees_all
    assert all(
        step("fill", columns=["x"], method=method).sees_all
        for method in ("MEAN", "MEDIAN", "MODE", "FORWARD", "BACKWARD")
    )
