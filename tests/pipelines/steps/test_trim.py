"""Blanks and other characters are taken off the ends of texts."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from tests.pipelines.steps.harness import apply, step

TEXTS = st.lists(st.none() | st.text(alphabet=" \t\n\u00a0\u3000ax-"))


def frame_of(texts: list[str | None]) -> pl.DataFrame:
    return pl.DataFrame({"x": texts}, schema={"x": pl.String})


@given(TEXTS)
def test_blanks_go_and_a_text_of_blanks_becomes_null(texts: list[str | None]) -> None:
    assert apply("trim", frame_of(texts))["x"] == [
        (text and (text.strip() or None)) or None for text in texts
    ]


@given(TEXTS, st.text(alphabet="x-a", min_size=1))
def test_the_characters_named_go_and_empty_text_may_stay(texts: list[str | None], chars: str) -> None:
    result = apply("trim", frame_of(texts), columns=["x"], chars=chars, emptyAsNull=False)
    assert result["x"] == [None if text is None else text.strip(chars) for text in texts]


def test_all_texts_are_trimmed_and_nothing_else() -> None:
    rows = {"x": [" a"], "n": [1], "c": pl.Series([" b "], dtype=pl.Categorical()), "z": [None]}
    assert apply("trim", rows).rows == [{"x": "a", "n": 1, "c": "b", "z": None}]
    assert apply("trim", rows, columns=["x", "z"]).rows == [{"x": "a", "n": 1, "c": " b ", "z": None}]
    assert apply("trim", {"n": [1]}).rows == [{"n": 1}]


def test_what_is_no_text_cannot_be_trimmed() -> None:
    with pytest.raises(JobFault, match="The column n holds INTEGER values, and texts are wanted") as fault:
        apply("trim", {"n": [1]}, columns=["n"])
    assert fault.value.code == "NOT_TEXT"


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"chars": ""}, "at least 1"), ({"columns": []}, "at least 1"), ({"all": 1}, "not")],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        step("trim", **settings)
