"""Categories become numbers."""

import hashlib
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from tests.pipelines.steps.harness import Applied, apply, step

TEXTS = st.lists(st.none() | st.sampled_from(["a", "b", "c", "é"]))


def encoded(values: Any, method: str, **settings: Any) -> Applied:
    return apply("encode", {"x": values}, columns=["x"], method=method, **settings)


@given(TEXTS, st.none() | st.lists(st.sampled_from("abc"), min_size=1, unique=True))
def test_texts_are_encoded_as_in_plain_python(texts: list[str | None], given: list[str] | None) -> None:
    series = pl.Series(texts, dtype=pl.String)
    categories = given or sorted({text for text in texts if text is not None})
    one_hot = encoded(series, "ONE_HOT", categories=given)
    assert one_hot.frame.columns == [f"x_{category}" for category in categories]
    assert all(
        one_hot[f"x_{category}"] == [int(text == category) for text in texts] for category in categories
    )
    ordinal = encoded(series, "ORDINAL", categories=given)["x"]
    assert ordinal == [categories.index(text) if text in categories else None for text in texts]


@given(st.lists(st.none() | st.text(max_size=5)), st.integers(2, 50))
def test_a_hash_is_the_same_everywhere(texts: list[str | None], buckets: int) -> None:
    def bucket(text: str) -> int:
        return int(hashlib.sha256(text.encode()).hexdigest()[:16], 16) % buckets

    found = encoded(pl.Series(texts, dtype=pl.String), "HASH", buckets=buckets)["x"]
    assert found == [None if text is None else bucket(text) for text in texts]


def test_a_hash_is_what_it_was_when_this_was_written() -> None:
    assert encoded(["a", "b", None], "HASH", buckets=1_000_000)["x"] == [962_250, 87_946, None]


@pytest.mark.parametrize(
    ("values", "columns", "places"),
    [
        ([10, 9, 10], ["x_9", "x_10"], [1, 0, 1]),
        ([True, False], ["x_false", "x_true"], [1, 0]),
        (["b", "B"], ["x_B", "x_b_2"], [1, 0]),
        (pl.Series(["b", "a"], dtype=pl.Enum(["b", "a"])), ["x_a", "x_b"], [1, 0]),
    ],
)
def test_values_of_any_type_are_categories(values: Any, columns: list[str], places: list[int]) -> None:
    assert encoded(values, "ONE_HOT").frame.columns == columns
    assert encoded(values, "ORDINAL")["x"] == places


def test_given_categories_are_values_of_the_columns_type() -> None:
    assert encoded([2, 1, 3], "ORDINAL", categories=[1, "2"])["x"] == [1, 0, None]
    with pytest.raises(JobFault, match="UNFIT_VALUE"):
        encoded([2, 1], "ORDINAL", categories=["a"])


def test_several_columns_are_encoded_beside_the_others() -> None:
    result = apply("encode", {"x": ["a"], "n": [1], "y": ["b"]}, columns=["x", "y"], method="ONE_HOT")
    assert result.rows == [{"n": 1, "x_a": 1, "y_b": 1}]


def test_without_values_there_are_no_categories() -> None:
    for values in ([None, None], pl.Series([None], dtype=pl.String)):
        result = apply("encode", {"x": values, "y": values}, columns=["x"], method="ONE_HOT")
        assert result.frame.columns == ["y"]
        assert encoded(values, "ONE_HOT", categories=["a"])["x_a"] == [0] * len(values)
        assert encoded(values, "ORDINAL")["x"] == [None] * len(values)
        assert encoded(values, "HASH", buckets=2)["x"] == [None] * len(values)


@pytest.mark.parametrize("method", ["ONE_HOT", "ORDINAL"])
def test_too_many_categories_fail_the_job(method: str) -> None:
    assert encoded(["a", "b"], method, maxCategories=2).rejected == []
    with pytest.raises(JobFault, match="more than 2 different values") as fault:
        encoded(["a", "b", "c"], method, maxCategories=2)
    assert (fault.value.code, fault.value.category) == ("TOO_MANY_CATEGORIES", "DATA")


@pytest.mark.parametrize("other", ["x_a", "X_A"])
def test_a_name_that_is_taken_is_refused(other: str) -> None:
    with pytest.raises(JobFault, match="COLUMN_EXISTS"):
        apply("encode", {"x": ["a"], other: [1]}, columns=["x"], method="ONE_HOT")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "HASH"}, "HASH needs buckets"),
        ({"method": "ORDINAL", "buckets": 5}, "buckets are for HASH alone"),
        ({"method": "HASH", "buckets": 5, "categories": ["a"]}, "HASH knows no categories"),
        ({"method": "HASH", "buckets": 1}, "greater than or equal to 2"),
        ({"method": "ORDINAL", "categories": []}, "at least 1"),
        ({"method": "ORDINAL", "categories": ["a", "a"]}, "given twice"),
        (
            {"method": "ORDINAL", "categories": ["a"], "maxCategories": 5},
            "either categories or maxCategories",
        ),
        ({"method": "ONE_HOT", "maxCategories": 2_001}, "up to 2,000 categories"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        step("encode", columns=["x"], **settings)


def test_only_categories_that_are_found_depend_on_other_rows() -> None:
    assert step("encode", columns=["x"], method="ORDINAL").sees_all
    assert not step("encode", columns=["x"], method="ORDINAL", categories=["a"]).sees_all
    assert not step("encode", columns=["x"], method="HASH", buckets=2).sees_all
