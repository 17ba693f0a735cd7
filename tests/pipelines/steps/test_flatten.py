"""Structs, and JSON objects in texts, become columns."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from tests.pipelines.steps.harness import Applied, apply, step

VALUES = st.none() | st.integers(-5, 5)
OBJECTS = st.recursive(
    st.dictionaries(st.sampled_from("ab"), VALUES),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), VALUES | inner),
    max_leaves=6,
)


def flat(values: Any, **settings: Any) -> Applied:
    return apply(
        "flatten", {"n": pl.int_range(len(values), eager=True), "x": values}, columns=["x"], **settings
    )


def leaves(value: Any, depth: int, way: str) -> dict[str, Any]:
    if not isinstance(value, dict) or depth == 0:
        return {way: value}
    found: dict[str, Any] = {}
    for name, inner in value.items():
        found |= leaves(inner, depth - 1, f"{way}.{name}")
    return found


@given(st.lists(st.none() | OBJECTS), st.integers(1, 4))
def test_json_objects_are_taken_apart_as_in_plain_python(objects: list[Any], depth: int) -> None:
    texts = pl.Series([None if each is None else json.dumps(each) for each in objects], dtype=pl.String)
    result = flat(texts, separator=".", depth=depth)
    found = [leaves(each, depth, "x") if each else {} for each in objects]
    names = {name for each in found for name in each}
    assert set(result.frame.columns) == {"n", *names}
    for name in names:
        kept = [each.get(name) for each in found]
        if result.frame.schema[name] == pl.String:
            kept = [value if value is None else json.dumps(value, separators=(",", ":")) for value in kept]
        assert result[name] == kept


def test_structs_are_taken_apart_down_to_a_depth() -> None:
    values = [{"a": 1, "b": {"c": {"d": "x"}}}, None, {"a": None, "b": None}]
    result = flat(values)
    assert result.frame.columns == ["n", "x_a", "x_b_c_d"]
    assert (result["x_a"], result["x_b_c_d"]) == ([1, None, None], ["x", None, None])
    assert flat(values, depth=2, separator="/")["x/b/c"] == [{"d": "x"}, None, None]
    assert flat(values, depth=1)["x_b"] == [{"c": {"d": "x"}}, None, None]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (['{"a": 1}', '{"a": 2.5}'], [1.0, 2.5]),
        (['{"a": true}', '{"a": null}'], [True, None]),
        (['{"a": 1}', '{"a": "b"}'], ["1", "b"]),
        (['{"a": true}', '{"a": 1}'], ["true", "1"]),
        (['{"a": [1, {"b": 2}]}', "{}"], ['[1,{"b":2}]', None]),
        (['{"a": 12345678901234567890123}'], ["12345678901234567890123"]),
        (['{"a": null}', "null"], [None, None]),
    ],
)
def test_fields_of_json_get_types_that_hold_all_their_values(texts: list[str], expected: list[Any]) -> None:
    assert flat(texts)["x_a"] == expected


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", "5", '"a"', '{"a": NaN}', "{'a': 1}", '{"a":' * 2_000, "[" * 100_000]
)
def test_a_text_that_is_no_object_rejects_its_row(text: str) -> None:
    result = flat(['{"a": 1}', text, None])
    assert (result["x_a"], result.rejected) == ([1, None], [(1, "x", "TYPE")])


@pytest.mark.parametrize(
    "values", [[None], pl.Series([], dtype=pl.String), pl.Series([None], dtype=pl.String), ["{}"]]
)
def test_without_fields_nothing_is_left_of_a_column(values: Any) -> None:
    assert flat(values).frame.columns == ["n"]


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ({"x": [5]}, "NOT_STRUCT"),
        ({"x": [{"a": 1}], "X_A": [1]}, "COLUMN_EXISTS"),
        ({"x": [{"a_b": 1, "a": {"b": 2}}]}, "COLUMN_EXISTS"),
        ({"x": ['{"a_b": 1, "a": {"b": 2}}']}, "COLUMN_EXISTS"),
        ({"x": ['{"a": 1, "A": 2}']}, "COLUMN_EXISTS"),
        ({"x": ['{"a\\u0000": 1}']}, "INVALID_COLUMN_NAME"),
        ({"x": [json.dumps({str(number): 1 for number in range(2_001)})]}, "TOO_MANY_FIELDS"),
        ({"y": [1]}, "UNKNOWN_COLUMN"),
    ],
)
def test_what_makes_no_columns_fails_the_job(rows: dict[str, Any], code: str) -> None:
    with pytest.raises(JobFault) as fault:
        apply("flatten", rows, columns=["x"])
    assert fault.value.code == code


def test_fields_stand_where_their_columns_stood() -> None:
    rows = {"x": [{"a": 1}], "n": [0], "y": ['{"b": 2}']}
    result = apply("flatten", rows, columns=["x", "y"])
    assert list(result.rows[0]) == ["x_a", "n", "y_b"]
    assert result.rows == [{"x_a": 1, "n": 0, "y_b": 2}]


def test_a_field_can_have_the_name_of_a_column_that_is_opened() -> None:
    rows = {"x": [{"b": {"c": 1}}], "x_b": [{"c": {"d": 2}}]}
    result = apply("flatten", rows, columns=["x", "x_b"], depth=1)
    assert result.rows == [{"x_b": {"c": 1}, "x_b_c": {"d": 2}}]


def test_thousands_of_fields_become_columns() -> None:
    fields = {f"f{number}": number for number in range(2_000)}
    assert apply("flatten", {"x": [json.dumps(fields)] * 3}, columns=["x"])["x_f1999"] == [1999] * 3
    assert apply("flatten", {"x": [fields] * 3}, columns=["x"])["x_f1999"] == [1999] * 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"separator": ""}, "at least 1"),
        ({"depth": 0}, "greater than or equal to 1"),
        ({"depth": 33}, "equal to 32"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        step("flatten", columns=["x"], **settings)
