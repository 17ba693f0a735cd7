"""Personal data is made unreadable."""

import hashlib
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.pipelines.steps.harness import apply, step

TEXTS = st.lists(st.none() | st.text(max_size=8))


def masked(values: Any, method: str, **settings: Any) -> list[Any]:
    return apply("mask", {"x": values}, columns=["x"], method=method, **settings)["x"]


@given(TEXTS, st.none() | st.text(min_size=1, max_size=4))
def test_a_hash_is_that_of_salt_and_text(texts: list[str | None], salt: str | None) -> None:
    expected = [
        None if text is None else hashlib.sha256(((salt or "") + text).encode()).hexdigest() for text in texts
    ]
    assert masked(pl.Series(texts, dtype=pl.String), "HASH", salt=salt) == expected


@given(TEXTS, st.integers(1, 4))
def test_the_last_characters_stay_where_there_are_more(texts: list[str | None], characters: int) -> None:
    def last(text: str) -> str:
        hidden = len(text) - characters
        return "*" * len(text) if hidden <= 0 else "*" * hidden + text[-characters:]

    found = masked(pl.Series(texts, dtype=pl.String), "KEEP_LAST", characters=characters)
    assert found == [None if text is None else last(text) for text in texts]


def test_values_give_way_to_a_fixed_text() -> None:
    assert masked(["a", None, ""], "REDACT") == ["***", None, "***"]
    assert masked([1, None], "REDACT", text="") == ["", None]


@pytest.mark.parametrize(
    ("values", "text"),
    [([1234567], "1234567"), ([date(2024, 1, 2)], "2024-01-02"), ([[1, 2]], "[1,2]"), ([True], "true")],
)
def test_values_of_any_type_are_masked_as_text(values: Any, text: str) -> None:
    assert masked(values, "HASH") == [hashlib.sha256(text.encode()).hexdigest()]
    assert masked(values, "KEEP_LAST", characters=2) == ["*" * (len(text) - 2) + text[-2:]]


@pytest.mark.parametrize("method", ["HASH", "REDACT", "KEEP_LAST"])
def test_nothing_is_nothing_to_mask(method: str) -> None:
    assert masked([None], method) == [None]
    assert masked(pl.Series([], dtype=pl.Int64), method) == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "REDACT", "salt": "x"}, "salt is for HASH, not for REDACT"),
        ({"method": "HASH", "text": "x"}, "text is for REDACT, not for HASH"),
        ({"method": "HASH", "characters": 3}, "characters is for KEEP_LAST, not for HASH"),
        ({"method": "KEEP_LAST", "characters": 0}, "greater than or equal to 1"),
        ({"method": "ENCRYPT"}, "'HASH', 'REDACT'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        step("mask", columns=["x"], **settings)
