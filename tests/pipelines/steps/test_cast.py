"""Columns get other types, and rows whose values can't have them are rejected."""

import math
import re
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.rules import Severity
from tests.pipelines.steps.harness import Applied, apply, step, table_of

DAY, MOMENT = date(2024, 12, 31), datetime(2024, 12, 31, 23, 59)


def cast(values: Any, type: str, on_error: str = "REJECT", **settings: Any) -> Applied:
    column = {"name": "x", "type": type} | settings
    return apply("cast", {"x": values}, columns=[column], onError=on_error)


@pytest.mark.parametrize(
    ("values", "settings", "expected"),
    [
        (["007", "-1", None], {"type": "INTEGER"}, [7, -1, None]),
        (["1e3", "-0.5"], {"type": "FLOAT"}, [1000.0, -0.5]),
        (["1.5", "2"], {"type": "DECIMAL", "scale": 2}, [Decimal("1.50"), Decimal("2.00")]),
        (["TRUE", "false"], {"type": "BOOLEAN"}, [True, False]),
        (["2024-12-31"], {"type": "DATE"}, [DAY]),
        (["31.12.2024"], {"type": "DATE", "format": "%d.%m.%Y"}, [DAY]),
        (["23:59"], {"type": "TIME"}, [time(23, 59)]),
        (["2024-12-31T23:59:00"], {"type": "DATETIME"}, [MOMENT]),
        (["2024-12-31T23:59:00+01:00"], {"type": "DATETIME"}, [datetime(2024, 12, 31, 22, 59, tzinfo=UTC)]),
        (["12/31/24 11:59 PM"], {"type": "DATETIME", "format": "%m/%d/%y %I:%M %p"}, [MOMENT]),
        ([7, None], {"type": "STRING"}, ["7", None]),
        ([[1, 2], None], {"type": "STRING"}, ["[1,2]", None]),
        ([{"a": 1}], {"type": "STRING"}, ['{"a":1}']),
        ([DAY], {"type": "STRING"}, ["2024-12-31"]),
        ([1.0, -3.0], {"type": "INTEGER"}, [1, -3]),
        ([1, None], {"type": "FLOAT"}, [1.0, None]),
        ([True, None], {"type": "INTEGER"}, [1, None]),
        ([True], {"type": "DECIMAL"}, [Decimal(1)]),
        ([1, 0, None], {"type": "BOOLEAN"}, [True, False, None]),
        ([MOMENT], {"type": "DATE"}, [DAY]),
        ([MOMENT], {"type": "TIME"}, [time(23, 59)]),
        ([DAY], {"type": "DATETIME"}, [datetime(2024, 12, 31)]),
        (pl.Series(["1"], dtype=pl.Categorical()), {"type": "INTEGER"}, [1]),
        ([None, None], {"type": "DATE"}, [None, None]),
        (pl.Series([], dtype=pl.String), {"type": "INTEGER"}, []),
    ],
)
def test_values_are_cast(values: Any, settings: dict[str, Any], expected: list[Any]) -> None:
    result = cast(values, **settings)
    assert (result["x"], result.rejected) == (expected, [])


@pytest.mark.parametrize(
    ("values", "type"),
    [
        (["1", "1.5"], "INTEGER"),
        (["1", "9223372036854775808"], "INTEGER"),
        (["1", "NaN"], "FLOAT"),
        (["true", "yes"], "BOOLEAN"),
        (["2024-01-01", "2024-02-30"], "DATE"),
        (["12:00", "25:00"], "TIME"),
        (["2024-01-01T00:00", "2024-01-01"], "DATETIME"),
        ([1.0, 1.5], "INTEGER"),
        ([1.0, float("inf")], "INTEGER"),
        ([1, 2], "BOOLEAN"),
    ],
)
def test_the_row_of_a_value_that_cannot_be_cast_is_rejected_or_loses_the_value(
    values: Any, type: str
) -> None:
    kept = cast(values[:1], type)["x"]
    result = cast(values, type)
    assert (result["x"], result.indexes, result.rejected) == (kept, [0], [(1, "x", "TYPE")])
    result = cast(values, type, "NULL")
    assert (result["x"], result.rejected) == ([*kept, None], [])


@pytest.mark.parametrize("dtype", [pl.List(pl.Int64), pl.Struct({"a": pl.Int64}), pl.Binary])
def test_what_is_nested_can_only_be_text(dtype: pl.DataType) -> None:
    with pytest.raises(JobFault, match="NESTED_COLUMN"):
        cast(pl.Series([None], dtype=dtype), "INTEGER", "NULL")


def test_a_rejected_value_is_told_of_with_what_it_may_mean() -> None:
    table = table_of({"x": ["1,234.50"]})
    (rule,) = step("cast", columns=[{"name": "x", "type": "FLOAT"}]).rules(table)
    assert (rule.code, rule.column, rule.check, rule.severity) == ("TYPE", "x", "cast", Severity.ERROR)
    assert rule.message == "The value can't be cast: it is no FLOAT."
    assert rule.suggest is not None
    assert rule.suggest(pl.Series(["1,234.50"])).to_list() == ["1234.5"]


@given(st.lists(st.none() | st.text(alphabet="0123456789+-.eE ", max_size=6)))
def test_numbers_are_told_as_plain_python_tells_them(texts: list[str | None]) -> None:
    def number(text: str | None) -> float | None:
        spelled = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text or "")
        value = float(spelled[0]) if spelled else None
        return value if value is not None and math.isfinite(value) else None

    series = pl.Series(texts, dtype=pl.String)
    assert cast(series, "FLOAT", "NULL")["x"] == [number(text) for text in texts]
    kept = [text for text in texts if text is None or number(text) is not None]
    assert cast(series, "FLOAT")["x"] == [number(text) for text in kept]


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ({"name": "x", "type": "LIST"}, "nothing can be cast to LIST"),
        ({"name": "x", "type": "NULL"}, "nothing can be cast to NULL"),
        ({"name": "x", "type": "INTEGER", "format": "%Y"}, "format is for DATE"),
        ({"name": "x", "type": "DATE", "format": "%d.%m."}, "no format that tells a DATE in full"),
        ({"name": "x", "type": "FLOAT", "scale": 2}, "scale is for DECIMAL"),
        ({"name": "x", "type": "DECIMAL", "scale": 13}, "less than or equal to 12"),
        ({"name": "x", "type": "integer"}, "'STRING', 'INTEGER'"),
        ({"name": "x"}, "Field required"),
    ],
)
def test_types_that_make_no_sense_are_refused(column: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        step("cast", columns=[column])
    with pytest.raises(ValidationError, match="x is named twice"):
        step("cast", columns=[{"name": "x", "type": "DATE"}] * 2)


def test_thousands_of_columns_are_cast() -> None:
    rows = {f"c{number}": ["1", "x"] for number in range(2_000)}
    columns = [{"name": name, "type": "INTEGER"} for name in rows]
    result = apply("cast", rows, columns=columns, onError="NULL")
    assert result["c1999"] == [1, None]
    with pytest.raises(JobFault, match=r"There is no column y; there are c0, .* and 1,950 others"):
        apply("cast", rows, columns=[{"name": "y", "type": "DATE"}])
