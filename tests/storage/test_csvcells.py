"""Cells that a spreadsheet would run as formulas are made harmless, and can be given back as they were."""

from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.storage.csvcells import escaped, unescaped

Texts = st.text(st.sampled_from("'=+-@\t\r\n1.eE5ax ٣,\"\0"), max_size=8) | st.text(max_size=20)


def applied(change: Callable[[pl.Expr], pl.Expr], texts: list[str | None]) -> list[str | None]:
    return pl.DataFrame({"text": texts}, {"text": pl.String}).select(change(pl.col("text")))["text"].to_list()


@given(st.lists(st.none() | Texts))
def test_every_text_comes_back(texts: list[str | None]) -> None:
    assert applied(unescaped, applied(escaped, texts)) == texts


@given(st.lists(Texts))
def test_no_text_begins_like_a_formula_but_negative_numbers(texts: list[str]) -> None:
    for text in applied(escaped, list(texts)):
        assert text is not None
        if text.startswith(tuple("=+-@\t\r")):
            float(text)


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+49123", "'+49123"),
        ("-5", "-5"),
        ("-1.5e-3", "-1.5e-3"),
        ("-5\n", "'-5\n"),
        ("-٣", "'-٣"),
        ("- 5", "'- 5"),
        ("@a", "'@a"),
        ("\t1", "'\t1"),
        ("\r1", "'\r1"),
        ("'=1", "''=1"),
        ("''=1", "'''=1"),
        ("'tis", "'tis"),
        ("", ""),
        ("a=1", "a=1"),
        (None, None),
    ],
)
def test_cells_are_escaped_as_the_rule_says(text: str | None, cell: str | None) -> None:
    assert applied(escaped, [text]) == [cell]
    assert applied(unescaped, [cell]) == [text]
