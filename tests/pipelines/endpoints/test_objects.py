"""A path with wildcards means the objects that it says, and is judged in no more time than its length takes."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from headgate.pipelines.endpoints.objects import ObjectPath, Pattern

MATCHING = [
    ("a.csv", "a.csv"),
    ("*.csv", "a.csv"),
    ("a?.csv", "a1.csv"),
    ("in/*/a.csv", "in/x/a.csv"),
    ("in/**/a.csv", "in/a.csv"),
    ("in/**/a.csv", "in/x/y/a.csv"),
    ("in/", "in/x/a.csv"),
    ("in/**", "in/a.csv"),
    ("**/*.csv", "a.csv"),
    ("**/*.csv", "x/y/a.csv"),
    ("_mark/*.csv", "_mark/a.csv"),
    ("a[1].csv", "a[1].csv"),
    ("day=*/part-*.parquet", "day=1/part-0.parquet"),
    ("/srv/in/*.csv", "/srv/in/a.csv"),
]
OTHER = [
    ("a.csv", "b.csv"),
    ("*.csv", "in/a.csv"),
    ("*.csv", ".a.csv"),
    ("*", "_SUCCESS"),
    ("?a", "_a"),
    ("in/**/a.csv", "in/_temporary/a.csv"),
    ("in/", "inside/a.csv"),
    ("in/", "in"),
    ("a?.csv", "a.csv"),
    ("a?.csv", "a/.csv"),
    ("a[1].csv", "a1.csv"),
    ("*a*b", "xaxbx"),
]


@pytest.mark.parametrize(("path", "key"), MATCHING, ids=str)
def test_a_path_means(path: str, key: str) -> None:
    assert Pattern(path).matches(key)
    assert key.startswith(Pattern(path).prefix)


@pytest.mark.parametrize(("path", "key"), OTHER, ids=str)
def test_a_path_does_not_mean(path: str, key: str) -> None:
    assert not Pattern(path).matches(key)


@given(path=st.text("ab*?", min_size=1, max_size=8), name=st.text("ab", min_size=1, max_size=8))
def test_wildcards_in_names_mean_what_regular_expressions_say(path: str, name: str) -> None:
    regex = path.replace("*", ".*").replace("?", ".")
    if path != "**":
        assert Pattern(path).matches(name) is bool(re.fullmatch(regex, name))


def test_many_wildcards_take_no_time() -> None:
    assert not Pattern("*a" * 400 + "b").matches("a" * 1_000)
    assert not Pattern("**/" * 300 + "b").matches("a/" * 300 + "a")


@pytest.mark.parametrize(
    "path", ["", "a/../b", "..", "a\\b", "a\nb", "a\0b", "x" * 1_001], ids=lambda path: repr(path[:9])
)
def test_paths_that_lead_elsewhere_are_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(ObjectPath).validate_python(path)
