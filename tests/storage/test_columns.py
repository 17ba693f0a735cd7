"""Typed values travel as JSON that loses nothing."""

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.storage.columns import WHOLE, Column, column_type, json_records, plain_text


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [
        (pl.Int8(), "INTEGER"),
        (pl.UInt64(), "INTEGER"),
        (pl.Int128(), "INTEGER"),
        (pl.Float32(), "FLOAT"),
        (pl.Decimal(38, 2), "DECIMAL"),
        (pl.String(), "STRING"),
        (pl.Categorical(), "STRING"),
        (pl.Boolean(), "BOOLEAN"),
        (pl.Date(), "DATE"),
        (pl.Time(), "TIME"),
        (pl.Datetime("us", "UTC"), "DATETIME"),
        (pl.Duration("us"), "DURATION"),
        (pl.Binary(), "BINARY"),
        (pl.List(pl.Int64()), "LIST"),
        (pl.Array(pl.Int64(), 2), "LIST"),
        (pl.Struct({"a": pl.Int64()}), "STRUCT"),
        (pl.Null(), "NULL"),
    ],
)
def test_a_type_has_the_name_that_clients_know(dtype: pl.DataType, kind: str) -> None:
    assert column_type(dtype) == kind
    assert Column("x", dtype).to_json()["type"] == kind


@pytest.mark.parametrize(
    ("series", "form", "values"),
    [
        (pl.Series([2**53 - 1, 2**53, -(2**53), None]), None, [2**53 - 1, str(2**53), str(-(2**53)), None]),
        (
            pl.Series([1.5, float("nan"), float("inf"), float("-inf")]),
            None,
            [1.5, "NaN", "Infinity", "-Infinity"],
        ),
        (pl.Series([1.0, 2.5, None]), WHOLE, [1, 2.5, None]),
        (pl.Series([Decimal("1.50"), Decimal("-0.00")]), None, ["1.50", "0.00"]),
        (pl.Series([Decimal(10) ** 30], dtype=pl.Decimal(38, 2)), None, ["1" + "0" * 30 + ".00"]),
        (pl.Series([date(1, 1, 1)]), None, ["0001-01-01"]),
        (pl.Series([time(1, 2, 3, 4)]), None, ["01:02:03.000004"]),
        (pl.Series([datetime(2024, 2, 29, 1)]), None, ["2024-02-29T01:00:00"]),
        (pl.Series([datetime(2024, 2, 29, 1, tzinfo=UTC)]), None, ["2024-02-29T01:00:00Z"]),
        (pl.Series([datetime(2024, 2, 29, 1)]), "%Y-%m-%d %H:%M:%S", ["2024-02-29 01:00:00"]),
        (pl.Series([b"\x00\xff", None]), None, ["AP8=", None]),
        (pl.Series([[2**60, None], []]), None, [[str(2**60), None], []]),
        (
            pl.Series([{"a": date(2024, 1, 1), "b": [{"c": 2**60}]}]),
            None,
            [{"a": "2024-01-01", "b": [{"c": str(2**60)}]}],
        ),
        (pl.Series([True, None]), "TRUE", [True, None]),
        (pl.Series(["a", None], dtype=pl.Categorical()), None, ["a", None]),
    ],
)
def test_values_become_json(series: pl.Series, form: str | None, values: list[Any]) -> None:
    records = json_records(series.alias("x").to_frame(), {"x": form})
    assert [record["x"] for record in records] == values
    assert [type(record["x"]) for record in records] == [type(value) for value in values]
    json.dumps(records, allow_nan=False)


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.none() | st.floats(), st.none() | st.integers(-(2**63), 2**63 - 1), st.text(max_size=5))
    )
)
def test_every_number_comes_back_out_of_json(rows: list[tuple[float | None, int | None, str]]) -> None:
    frame = pl.DataFrame(rows, schema={"f": pl.Float64, "i": pl.Int64, "t": pl.String}, orient="row")
    for form in (None, WHOLE):
        records = json.loads(json.dumps(json_records(frame, {"f": form}), allow_nan=False))
        for (real, whole, text), record in zip(rows, records, strict=True):
            assert real is None or repr(float(record["f"])) == repr(real)
            assert whole is None or int(record["i"]) == whole
            assert record["t"] == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("x", "x"),
        (2**60, str(2**60)),
        (1.5, "1.5"),
        (True, "true"),
        (date(2024, 1, 1), "2024-01-01"),
        (Decimal("1.50"), "1.50"),
        (timedelta(hours=1), "1:00:00"),
        ({"a": [1, "x"]}, '{"a":[1,"x"]}'),
    ],
)
def test_a_value_as_text_has_no_quotes_of_json(value: object, text: str) -> None:
    assert plain_text(value) == text


def test_a_frame_without_rows_or_columns_has_no_records() -> None:
    assert json_records(pl.DataFrame(schema={"x": pl.Int64}), {}) == []
    assert json_records(pl.DataFrame(), {}) == []


@pytest.mark.parametrize("dtype", [pl.Int8, pl.Int16, pl.Int32, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64])
def test_integers_of_any_size_are_numbers(dtype: Any) -> None:
    values = [0, None, 100]
    records = json_records(pl.DataFrame({"x": pl.Series(values, dtype=dtype)}), {})
    assert [record["x"] for record in records] == values
