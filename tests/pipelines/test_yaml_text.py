"""YAML is JSON in another spelling: what is written is read again, and nothing else gets in."""

from contextlib import suppress
from time import process_time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from headgate.errors import UserFault
from headgate.pipelines.yaml_text import MAX_CHARACTERS, MAX_DEPTH, read, write

ODD = [
    *(
        "no",
        "yes",
        "on",
        "~",
        "null",
        "true",
        "",
        "=",
        "<<",
        "-",
        "?",
        "---",
        "...",
        "|",
        ">",
        "@a",
        "`a",
        "%a",
    ),
    *("1", "007", "1e3", "1_0", "0x1F", "0o7", "12:30", "2026-01-01", ".5", "5.", "+1", ".inf", ".nan", "-0"),
    *("a: b", "a # b", "# a", "- a", "? a", "*a", "&a", "!a", "{a", "[a", "'", '"', " a", "a ", "a:", "a,b"),
    *(
        "\n",
        "a\n",
        "\n\na",
        "a\nb",
        " a\nb",
        "a \nb",
        "a\r\nb",
        "a\tb",
        "\t",
        "\x85",
        "\u2028",
        "\ufeff",
        "\0",
    ),
]
TEXTS = st.sampled_from(ODD) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NUMBERS = st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


@given(value=st.dictionaries(TEXTS, VALUES, max_size=4))
def test_what_is_written_is_read_again(value: dict[str, Any]) -> None:
    assert read(write(value)) == value


@given(value=st.dictionaries(TEXTS, TEXTS, max_size=4))
def test_texts_are_texts_to_readers_of_yaml_1_1_too(value: dict[str, str]) -> None:
    assert yaml.safe_load(write(value)) == value


@given(text=st.text(st.sampled_from("abc: -[]{},&*!|>?#\n\t'\"%@0"), max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(UserFault):
        read(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("2026-01-01", "2026-01-01"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("007", "007"),
        ("0x1F", "0x1F"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("-12", -12),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        ("9223372036854775807", 2**63 - 1),
        ("'1'", "1"),
        ('"null"', "null"),
        ("|-\n  12", "12"),
    ],
)
def test_a_plain_word_is_what_json_could_say_or_text(text: str, value: Any) -> None:
    [read_value] = read(f"[{text}]" if "\n" not in text else f"- {text}")
    assert (read_value, type(read_value)) == (value, type(value))


def test_keys_are_texts_whatever_they_look_like() -> None:
    assert read("1: a\nyes: b\n'': c\nnull: d") == {"1": "a", "yes": "b", "": "c", "null": "d"}


def test_an_alias_stands_for_what_it_names() -> None:
    assert read("a: &x {b: [1]}\nc: *x\nd: &x 2\ne: *x") == {"a": {"b": [1]}, "c": {"b": [1]}, "d": 2, "e": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "Line 2, column 1: Did not find expected"),
        ("a: b: c", "Line 1, column 5: Mapping values are not allowed"),
        ("a: 1\nb: 2\na: 3", "Line 3, column 1: The key a is there twice"),
        ("{'a': 1, a: 2}", "Line 1, column 10: The key a is there twice"),
        ("a: *b", "Line 1, column 4: Nothing is named b"),
        ("a: &b [*b]", "Line 1, column 8: What is named b would hold itself"),
        ("a: !!python/object/apply:os.system [ls]", "Line 1, column 4: The tag tag:yaml.org,2002:python"),
        ("a: !!str 1", "The tag tag:yaml.org,2002:str is not allowed"),
        ("!a b: 1", "The tag !a is not allowed|A key has to be"),
        ("[a]: 1", "Line 1, column 1: A key has to be a plain or quoted text"),
        ("a: 1\n---\nb: 2", "Line 2, column 1: A second document begins"),
        ("a: 9223372036854775808", "Line 1, column 4: The number is too large"),
        ("a: 1e999", "Line 1, column 4: The number is too large"),
        ("a: " + "9" * 5000, "The number is too large"),
        ("a: \x07", "characters that YAML does not allow"),
        ("a: \ud800", "characters that YAML does not allow"),
        ("[" * (MAX_DEPTH + 2), "more than 50 levels"),
        ("- " * (MAX_DEPTH + 2), "more than 50 levels"),
        ("a" * (MAX_CHARACTERS + 1), "has 262145 characters"),
    ],
    ids=range(19),
)
def test_what_json_could_not_say_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(UserFault, match=message) as refused:
        read(text)
    assert refused.value.code == "INVALID_YAML"


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [lol, lol, lol, lol, lol, lol, lol, lol]\n"
        + "".join(
            f"{mark}: &{mark} [{', '.join([f'*{before}'] * 9)}]\n"
            for before, mark in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 10_000)}]",
        "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 10_000)),
    ],
    ids=["laughs", "long text", "deep"],
)
def test_aliases_cannot_blow_a_small_text_up(text: str) -> None:
    began = process_time()
    with pytest.raises(UserFault, match="INVALID_YAML"):
        read(text)
    assert process_time() - began < 5


def test_nothing_is_nothing() -> None:
    assert [read(text) for text in ("", "# a", "---", "~")] == [None] * 4
