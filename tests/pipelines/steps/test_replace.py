"""Values are replaced: whole cells, parts of texts, and what a regular expression finds."""

import re
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from tests.pipelines.steps.harness import apply, step

LETTERS = st.text(alphabet="abc", max_size=6)
PAIRS = st.dictionaries(st.text(alphabet="abc", min_size=1, max_size=3), st.none() | LETTERS, min_size=1)


def replaced(values: Any, pairs: dict[Any, Any], **settings: Any) -> list[Any]:
    replacements = [{"from": old, "to": new} for old, new in pairs.items()]
    return apply("replace", {"x": values}, columns=["x"], replacements=replacements, **settings)["x"]


def found(texts: list[str | None], pattern: str, put: str, **settings: Any) -> list[Any]:
    rows = pl.DataFrame({"x": texts}, schema={"x": pl.String})
    return apply("replace", rows, columns=["x"], **{"pattern": pattern, "with": put}, **settings)["x"]


@given(st.lists(st.none() | LETTERS), PAIRS)
def test_whole_cells_and_parts_are_replaced_as_in_plain_python(
    texts: list[str | None], pairs: dict[str, str | None]
) -> None:
    series = pl.Series(texts, dtype=pl.String)
    assert replaced(series, pairs) == [text if text is None else pairs.get(text, text) for text in texts]
    regex = re.compile("|".join(map(re.escape, pairs)))
    parts = [text if text is None else regex.sub(lambda found: pairs[found[0]] or "", text) for text in texts]
    assert replaced(series, pairs, match="PART") == parts


@given(st.lists(st.none() | LETTERS), st.sampled_from(["a+", "(a|b)c", "[^c]", "ab|a"]), LETTERS)
def test_a_regular_expression_finds_what_pythons_finds(
    texts: list[str | None], pattern: str, put: str
) -> None:
    known = [text for text in texts if text is not None]
    assert [text for text in found(texts, pattern, put) if text is not None] == [
        re.sub(pattern, put, text) for text in known
    ]
    cells = found(texts, pattern, put, match="CELL")
    expected = [put if re.fullmatch(pattern, text) else text for text in known]
    assert [text for text in cells if text is not None] == expected


def test_what_a_group_has_found_can_be_put_in() -> None:
    assert found(["31.12.2024"], r"(\d+)\.(\d+)\.(\d+)", "${3}-${2}-${1}") == ["2024-12-31"]
    assert found(["5 EUR"], " EUR", "$$") == ["5$"]


@pytest.mark.parametrize(
    ("values", "pairs", "expected"),
    [
        ([-999, 5, None], {-999: None}, [None, 5, None]),
        ([1.5, 2.0], {2: 3}, [1.5, 3.0]),
        ([True, False], {True: False}, [False, False]),
        ([date(2024, 1, 1)], {"2024-01-01": "2024-01-02"}, [date(2024, 1, 2)]),
        (["1", "a"], {1: 2}, ["2", "a"]),
        (pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])), {"a": "c"}, ["c", "b"]),
        ([None], {"a": "c"}, [None]),
        ([""], {"": None}, [None]),
        (["a", "b"], {"a": "b", "b": "a"}, ["b", "a"]),
    ],
)
def test_values_of_each_type_are_replaced(values: Any, pairs: dict[Any, Any], expected: list[Any]) -> None:
    assert replaced(values, pairs) == expected


@pytest.mark.parametrize(
    ("values", "settings", "code"),
    [
        ([5], {"replacements": [{"from": "a"}]}, "UNFIT_VALUE"),
        ([5], {"replacements": [{"from": 5, "to": 0.5}]}, "UNFIT_VALUE"),
        ([5], {"replacements": [{"from": 5}], "match": "PART"}, "NOT_TEXT"),
        ([5], {"pattern": "5", "with": "6"}, "NOT_TEXT"),
        ([[5]], {"replacements": [{"from": 5}]}, "NESTED_COLUMN"),
    ],
)
def test_what_the_column_cannot_hold_is_refused(values: Any, settings: dict[str, Any], code: str) -> None:
    with pytest.raises(JobFault) as fault:
        apply("replace", {"x": values}, columns=["x"], **settings)
    assert fault.value.code == code


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "either replacements or a pattern"),
        ({"pattern": "a", "with": "b", "replacements": [{"from": "a"}]}, "either replacements or a pattern"),
        ({"pattern": "a"}, "go together"),
        ({"replacements": [{"from": "a"}], "with": "b"}, "go together"),
        ({"replacements": []}, "at least 1"),
        ({"replacements": [{"from": "a"}, {"from": "a"}]}, "replaced twice"),
        ({"replacements": [{"from": 1}, {"from": "1"}]}, "replaced twice"),
        ({"replacements": [{"from": ""}], "match": "PART"}, "empty"),
        ({"replacements": [{"from": None}]}, "give a text"),
        ({"pattern": "(", "with": ""}, "not a regular expression: unclosed group"),
        ({"pattern": "(?=a)", "with": ""}, "not a regular expression: look-around"),
        ({"pattern": "a)|(b", "with": ""}, "not a regular expression"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        step("replace", columns=["x"], **settings)
