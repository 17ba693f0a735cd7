"""Suggested checks say what a sample shows, and never reject a row of it."""

import csv
import io
import random
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.pipelines import formats, suggested
from headgate.pipelines.checks.registry import checks_from_json
from headgate.pipelines.counts import Counts
from headgate.pipelines.dialect import Dialect
from headgate.pipelines.hints import DATE_FORMATS
from headgate.pipelines.prepared import Source
from headgate.pipelines.profiles.table import MAX_COLUMNS
from headgate.pipelines.screening import Screening
from headgate.pipelines.shapes import common_regex
from headgate.pipelines.suggested import suggest
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, new_intake

ROWS = 60


def text_of(columns: Mapping[str, Sequence[Any]]) -> str:
    """CSV; None is an empty cell."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerows([list(columns), *zip(*columns.values(), strict=True)])
    return file.getvalue()


def suggestions(intake: Intake, content: str | bytes, name: str = "data.csv") -> list[dict[str, Any]]:
    path = intake.file(content, name)
    source = Source(path, formats.identify(path, name))
    return [each.to_json() for each in suggest(source, intake.scratch())]


def of_column(intake: Intake, values: Sequence[Any], name: str = "x") -> dict[str, dict[str, Any]]:
    """The suggestions for one column by kind: settings without the column's name."""
    found = suggestions(intake, text_of({"row": range(len(values)), name: values}))
    return {
        each["kind"]: {key: value for key, value in each["settings"].items() if key != "columns"}
        for each in found
        if each["settings"]["columns"] == [name]
    }


def repeated(*values: Any) -> list[Any]:
    return [values[row % len(values)] for row in range(ROWS)]


@pytest.mark.parametrize(
    ("values", "type"),
    [
        (range(-9, 51), "INTEGER"),
        ([row / 4 - 3 for row in range(ROWS)], "FLOAT"),
        ([f"{row}.50" for row in range(-3, 57)], "DECIMAL"),
        (repeated("true", "false"), "BOOLEAN"),
        ([f"2026-01-{row % 28 + 1:02}" for row in range(ROWS)], "DATE"),
        ([f"2026-01-01 08:30:{row:02}" for row in range(ROWS)], "DATETIME"),
    ],
)
def test_a_type_is_suggested_where_all_values_have_it(intake: Intake, values: list[Any], type: str) -> None:
    assert of_column(intake, values) == {"type": {"type": type}, "required": {}}


def test_a_value_is_required_where_none_lacks(intake: Intake) -> None:
    assert "required" in of_column(intake, repeated("a b", "c d"))
    assert "required" not in of_column(intake, repeated("a b", "c d", "e f", None))
    # Quoted, they are texts, and blank ones.
    blank = "row,x\n" + "".join(f'{row},"{"" if row == 7 else "text"}"\n' for row in range(ROWS))
    kinds = {each["kind"] for each in suggestions(intake, blank) if each["settings"]["columns"] == ["x"]}
    assert "required" not in kinds


@pytest.mark.parametrize(
    ("name", "values", "bounds"),
    [
        ("age", repeated(18, 90, 33), {"min": 0}),
        ("spend", repeated(0.5, 0, 12.25), {"min": 0}),
        ("temperature", repeated(-1, 30), None),
        ("latitude", repeated(-33.9, 52.5), {"min": -90, "max": 90}),
        ("startLat", repeated(-33.9, 52.5), {"min": -90, "max": 90}),
        ("store_lng", repeated(-122.3, 13.4), {"min": -180, "max": 180}),
        ("latitude", repeated(-133.9, 52.5), None),
        ("pct_done", repeated(0, 12, 100), {"min": 0, "max": 100}),
        ("pct_done", repeated(0, 12, 101), {"min": 0}),
        ("probability", repeated(0.25, 0.5), {"min": 0, "max": 1}),
        ("flat", repeated(2, -100), None),
    ],
)
def test_a_range_is_suggested_where_its_bounds_are_natural(
    intake: Intake, name: str, values: list[Any], bounds: dict[str, int] | None
) -> None:
    assert of_column(intake, values, name).get("range") == bounds


def test_a_list_is_suggested_of_few_values_that_repeat(intake: Intake) -> None:
    for name in ("weather", "count", "value"):
        found = of_column(intake, repeated("sun", "rain", "snow"), name)
        assert found["oneOf"] == {"values": ["rain", "snow", "sun"]}
    assert "oneOf" not in of_column(intake, [f"street {chr(97 + row % 26)}x{row}" for row in range(ROWS)])
    assert "oneOf" not in of_column(intake, [*repeated("sun", "rain")[1:], "snow"])
    assert "oneOf" not in of_column(intake, repeated("the only one"))


def test_a_list_that_still_grew_at_the_end_of_the_sample_is_none(intake: Intake) -> None:
    sorted_states = [state for state in ("Iowa", "Ohio", "Utah", "Maine") for _ in range(15)]
    assert "oneOf" not in of_column(intake, sorted_states)


@pytest.mark.parametrize(
    ("make", "regex"),
    [
        (lambda row: f"AB{row:04}", "[A-Z]{2}[0-9]{4}"),
        (lambda row: f"{row:05}", "[0-9]{5}"),
        (lambda row: f"sku-{'x' * (row % 3 + 1)}.{row}", "[a-z]{3}-[a-z]+\\.[0-9]+"),
        (lambda row: f"({row:03}) 555", "\\([0-9]{3}\\) [0-9]{3}"),
        (lambda row: chr(65 + row // 26) + chr(65 + row % 26), "[A-Z]{2}"),
        (lambda row: f"{'word' * (row % 4 + 1)}", None),
        (lambda row: f"ä{row:04}", None),
        (lambda row: f"A{row}" if row else "a-0", None),
    ],
)
def test_a_pattern_is_suggested_where_all_texts_have_one_shape(
    intake: Intake, make: Callable[[int], str], regex: str | None
) -> None:
    wanted = None if regex is None else {"regex": regex}
    assert of_column(intake, [make(row) for row in range(ROWS)]).get("pattern") == wanted


def test_addresses_urls_and_dates_are_known(intake: Intake) -> None:
    assert "email" in of_column(intake, [f"ann{row}@example.org" for row in range(ROWS)])
    assert "email" not in of_column(intake, [f"ann{row} @ example" for row in range(ROWS)])
    assert "url" in of_column(intake, [f"https://example.org/{row}" for row in range(ROWS)])
    days = [f"{row % 28 + 1:02}.{row % 12 + 1:02}.2026" for row in range(ROWS)]
    assert of_column(intake, days)["date"] == {"format": "%d.%m.%Y"}
    months = [f"Apr {row % 28 + 1:02} 2026" for row in range(ROWS)]
    assert of_column(intake, months)["date"] == {"format": "%b %d %Y"}


def test_a_date_that_can_be_read_in_two_ways_is_not_suggested(intake: Intake) -> None:
    either = [f"0{row % 9 + 1}/0{row % 8 + 1}/2026" for row in range(ROWS)]
    assert "date" not in of_column(intake, either)


def test_uniqueness_is_suggested_for_keys_alone(intake: Intake) -> None:
    distinct = [row * 7 for row in range(ROWS)]
    assert "unique" in of_column(intake, distinct, "customerId")
    assert "unique" not in of_column(intake, distinct, "spend")
    assert "unique" not in of_column(intake, [*distinct[1:], 7], "customerId")
    first = suggestions(intake, text_of({"n": distinct, "x": distinct}))
    assert [each["settings"]["columns"] for each in first if each["kind"] == "unique"] == [["n"]]


def test_reasons_are_sentences_with_the_numbers_of_the_sample(intake: Intake) -> None:
    content = text_of(
        {"age": [row % 73 + 18 for row in range(500)], "plan": [f"plan {row % 2}" for row in range(500)]}
    )
    found = {(each["settings"]["columns"][0], each["kind"]): each for each in suggestions(intake, content)}
    assert found["age", "type"] == {
        "kind": "type",
        "severity": "ERROR",
        "settings": {"columns": ["age"], "type": "INTEGER"},
        "reason": "All 500 sampled values are whole numbers from 18 to 90.",
    }
    assert found["age", "required"]["reason"] == "None of the 500 sampled rows lacks a value."
    assert found["plan", "oneOf"]["reason"] == (
        "The 500 sampled values are only 2 different ones, each of them there 250 times or more."
    )
    assert all(each["reason"][0].isupper() and each["reason"].endswith(".") for each in found.values())


def test_few_rows_suggest_nothing(intake: Intake) -> None:
    assert suggestions(intake, text_of({"x": range(suggested.MIN_ROWS - 1)})) == []
    assert suggestions(intake, "a,b\n") == []


def test_typed_files_get_suggestions_too(intake: Intake) -> None:
    frame = pl.DataFrame(
        {
            "id": range(ROWS),
            "score": [row / 2 for row in range(ROWS)],
            "odd": [float("nan")] * ROWS,
            "tags": [["a"]] * ROWS,
            "state": repeated("on", "off"),
        }
    )
    file = io.BytesIO()
    frame.write_parquet(file)
    found = [
        (each["settings"]["columns"][0], each["kind"])
        for each in suggestions(intake, file.getvalue(), "x.parquet")
    ]
    assert found == [
        *[("id", "type"), ("id", "required"), ("id", "unique")],
        *[("score", "type"), ("score", "required"), ("score", "range")],
        *[("odd", "required"), ("state", "required"), ("state", "oneOf")],
    ]


def test_a_large_file_is_sampled_evenly_from_its_head(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suggested, "SAMPLE_ROWS", 100)
    content = text_of({"n": range(1_000), "half": ["a"] * 500 + ["b"] * 500})
    [type_] = [each for each in suggestions(intake, content) if each["kind"] == "type"]
    assert type_["reason"] == "All 100 sampled values are whole numbers from 0 to 990."


def test_only_the_first_columns_of_many_get_suggestions(intake: Intake) -> None:
    content = text_of({f"c{index}": range(ROWS) for index in range(MAX_COLUMNS + 1)})
    found = {each["settings"]["columns"][0] for each in suggestions(intake, content)}
    assert found == {f"c{index}" for index in range(MAX_COLUMNS)}


WORDS = st.text(string.printable + "äß日", max_size=6)
CODES = st.from_regex(r"[A-Z]{2}-?[0-9]{1,3}", fullmatch=True)
CELLS: Sequence[st.SearchStrategy[str]] = (
    WORDS,
    CODES,
    st.integers(-5, 120).map(str),
    st.floats(-1, 100).map(str),
    st.sampled_from(["0.5", "1", "01", "1e3", " 1", "-0"]),
    st.sampled_from(["true", "false"]),
    st.sampled_from(["a@b.co", "a@b", "x@y.z"]),
    st.sampled_from(["http://a.b/c", "ftp://x", "http://"]),
    st.dates().flatmap(lambda day: st.sampled_from(DATE_FORMATS).map(day.strftime)),
    st.dates().map(lambda day: day.strftime("%d.%m.%Y")),
)
NAMES = st.sampled_from(["id", "latitude", "share", "pct", "code", "x", "count", "value"])


@settings(max_examples=25)
@given(data=st.data())
def test_an_ingest_with_all_suggestions_rejects_nothing(data: st.DataObject) -> None:
    rows = data.draw(st.integers(30, 45))
    seed = data.draw(st.integers(0, 2**32))
    columns = {}
    for name in data.draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)):
        pool = data.draw(st.lists(data.draw(st.sampled_from(CELLS)), min_size=1, max_size=rows))
        columns[name] = random.Random(seed).choices(pool, k=rows)
    with new_intake() as intake:
        if data.draw(st.booleans()):
            file = io.BytesIO()
            pl.DataFrame(columns).write_parquet(file)
            _check_accepted(intake, file.getvalue(), FileFormat.PARQUET)
        else:
            _check_accepted(intake, text_of(columns), FileFormat.CSV)


def _check_accepted(intake: Intake, content: str | bytes, format: FileFormat) -> None:
    path = intake.file(content)
    found = [each.to_json() for each in suggest(Source(path, format, Dialect()), intake.scratch())]
    checks = checks_from_json([{each["kind"]: each["settings"]} for each in found])
    plain = intake.ingest(path, format, dialect=Dialect(), dataset="plain")
    job = intake.job(path, format, dialect=Dialect(), dataset="checked")
    outcome = intake.run(replace(job, screening=Screening(checks=checks)))
    assert outcome.counts == plain.counts
    assert outcome.rows == plain.rows


def test_a_shape_needs_texts() -> None:
    assert common_regex(pl.Series([], dtype=pl.String)) is None
    assert common_regex(pl.Series(["A1" * 40])) is None
    assert common_regex(pl.Series(["", ""])) is None


def test_an_ingest_as_in_the_property_rejects_what_breaks_a_check(intake: Intake) -> None:
    content = text_of({"id": range(ROWS), "plan": repeated("a", "b")})
    path = intake.file(content)
    checks = checks_from_json([{"range": {"columns": ["id"], "min": 1}}])
    job = replace(intake.job(path, formats.identify(path, "x.csv")), screening=Screening(checks=checks))
    assert intake.run(job).counts == Counts(read=ROWS, accepted=ROWS - 1, rejected=1)
