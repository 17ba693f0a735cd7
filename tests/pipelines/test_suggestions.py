"""Suggestions: plain meanings only, and never one that would fail again."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.pipelines import suggestions
from tests.pipelines.checks.harness import failing
from tests.pipelines.checks.harness import suggestions as proposed

PIECES = [
    *("0", "1", "7", "12", "31", "123", "999", "2024", "9" * 19, "9" * 38, ".", ",", "-", "+", "e", "E5", "e-99"),
    *(" ", "\u00a0", "€", "$", "'", "/", ":", "T", "00:00:00", "Z", "²", "\u0661", "\u2212", "\n"),
    *("Dec", "December", "may", "true", "Yes", "n", "ABC", "activ", "a", "b.de", "@", "@@", "..", "<", ">", "mailto:"),
    *("http", "https", "//", "www.", "\\", "%"),
]  # fmt: skip
TEXTS = st.lists(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map("".join), min_size=1, max_size=30
)
PLAIN_DATES = st.dates().map(lambda day: f"{day.day}.{day.month}.{day.year:04}")
CHECKS: list[tuple[str, dict[str, Any]]] = [
    ("numeric", {}),
    ("type", {"type": "INTEGER"}),
    ("type", {"type": "FLOAT"}),
    ("type", {"type": "DECIMAL"}),
    ("type", {"type": "BOOLEAN"}),
    ("type", {"type": "DATE"}),
    ("date", {"format": "%d.%m.%Y"}),
    ("email", {}),
    ("url", {}),
    ("pattern", {"regex": "[A-Z]+"}),
    ("oneOf", {"values": ["active", "ABC", 12, True]}),
]


@pytest.mark.parametrize(("kind", "set_to"), CHECKS)
@settings(max_examples=20)
@given(texts=TEXTS | st.lists(PLAIN_DATES, min_size=1))
def test_a_suggestion_passes_the_check_that_made_it(
    kind: str, set_to: dict[str, Any], texts: list[str]
) -> None:
    meant = [text for text in proposed(kind, texts, **set_to).values() if text is not None]
    assert failing(kind, pl.Series(meant, dtype=pl.String), **set_to) == {}


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *(("1,234.50", "1234.5"), ("1.234,50", "1234.5"), ("1'234.5", "1234.5"), ("1 234,5", "1234.5")),
        *(("12 €", "12"), ("$12", "12"), ("\u22125", "-5"), ("1.234.567", "1234567"), ("0,5", "0.5"), ("1,50", "1.5")),
        *(("1,234", None), ("12 5", None), ("12%", None), ("1,2,3", None), ("12,34,567", None)),
        *(("", None), ("-", None)),
        ("0." + "123456789" * 5 + "0", "0." + "123456789" * 5),
    ],
)  # fmt: skip
def test_numbers_are_read_where_they_can_mean_one_thing_only(text: str, meant: str | None) -> None:
    assert suggestions.number(text) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *(("31.12.2024", "2024-12-31"), ("1. 2. 2024", "2024-02-01"), ("12/31/2024", "2024-12-31")),
        *(("31-12-2024", "2024-12-31"), ("05/05/2024", "2024-05-05"), ("20241231", "2024-12-31")),
        *(("2024/1/5", "2024-01-05"), ("Dec 31, 2024", "2024-12-31"), ("31 december 2024", "2024-12-31")),
        *((" 2024-12-31 ", "2024-12-31"), ("2024-12-31T00:00:00Z", "2024-12-31")),
        *(("01/02/2024", None), ("30.02.2024", None), ("1.2.24", None), ("3 foo 2024", None), ("soon", None)),
        *(("2024-12-31T10:00:00", None), ("2024.1-5", None), ("1.1.0999", None)),
    ],
)  # fmt: skip
def test_dates_are_read_where_they_can_mean_one_day_only(text: str, meant: str | None) -> None:
    assert suggestions.date_as()(text) == meant


@pytest.mark.parametrize(
    ("choices", "text", "meant"),
    [
        (["active", "inactive"], "actve", "active"),
        (["active", "inactive"], " INACTIVE", "inactive"),
        (["germany", "france"], "gemrany", "germany"),
        (["cat", "car"], "caz", None),
        (["yes", "no"], "maybe", None),
        ([f"value {number}" for number in range(1_001)], "VALUE 7", "value 7"),
        ([f"value {number}" for number in range(1_001)], "valu 7", None),
    ],
)
def test_the_one_closest_choice_is_found(choices: list[str], text: str, meant: str | None) -> None:
    assert suggestions.closest(choices)(text) == meant


def test_each_text_is_asked_for_once_and_only_so_many_of_them() -> None:
    asked: list[str] = []

    def propose(text: str) -> str:
        asked.append(text)
        return text.upper()

    cells = pl.Series(["a", "b", "a", None, "x" * 300], dtype=pl.String)
    assert suggestions.suggesting(propose)(cells).to_list() == ["A", "B", "A", None, None]
    assert asked == ["a", "b"]
    many = pl.Series([str(number) for number in range(suggestions.MAX_TEXTS + 1)])
    assert suggestions.suggesting(propose)(many).to_list()[-2:] == [str(suggestions.MAX_TEXTS - 1), None]
