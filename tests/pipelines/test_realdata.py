"""Files that others published come through whole, cell by cell, as independent readers see them."""

import csv
import json
import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headgate.pipelines import formats
from headgate.pipelines.counts import Counts
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, Outcome, spelled

pytestmark = pytest.mark.realdata
BESIDE = Path(__file__).parents[3] / "shared" / "data"
FOLDER = Path(os.environ.get("HEADGATE_TEST_DATA", BESIDE))


def ingest(intake: Intake, name: str, rows: int) -> Outcome:
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"{name} is not in {FOLDER}")
    format = formats.identify(path, name)
    outcome = intake.ingest(path, format)
    assert outcome.counts == Counts(read=rows, accepted=rows, rejected=0)
    assert len(outcome.rows) == rows
    return outcome


@pytest.mark.parametrize(
    ("name", "rows", "columns"),
    [
        ("birdstrikes.csv", 10_000, 14),
        ("marvel-characters.csv", 16_376, 13),
        ("tweets.csv", 12_118, 7),
        ("police-deaths.csv", 22_800, 4),
        ("nba-raptor-by-team.csv", 7_289, 23),
        ("seattle-weather.csv", 1_461, 6),
        ("zipcodes.csv", 42_049, 6),
    ],
)
def test_every_cell_of_a_csv_file_comes_back(intake: Intake, name: str, rows: int, columns: int) -> None:
    outcome = ingest(intake, name, rows)
    assert len(outcome.version.columns) == columns
    with (FOLDER / name).open(encoding="utf-8-sig", newline="") as file:
        header, *records = csv.reader(file)
    assert [column.name for column in outcome.version.columns] == header
    for index, column in enumerate(outcome.version.columns):
        given = [spelled(column, row[column.name]) or "" for row in outcome.rows]
        assert given == [record[index] for record in records]


def test_what_looks_like_a_number_and_is_none_stays_text(intake: Intake) -> None:
    zipcodes = ingest(intake, "zipcodes.csv", 42_049)
    assert zipcodes.types["zip_code"] == "STRING"
    assert zipcodes.rows[0]["zip_code"].startswith("00")


def test_ids_too_long_for_a_double_stay_exact(intake: Intake) -> None:
    tweets = ingest(intake, "tweets.csv", 12_118)
    assert all(int(row["id"]) > 2**53 and isinstance(row["id"], str) for row in tweets.rows)


@pytest.mark.parametrize(
    ("name", "rows", "key"), [("movies.json", 3_201, None), ("earthquakes.json", 1_707, "features")]
)
def test_every_value_of_a_json_file_comes_back(intake: Intake, name: str, rows: int, key: str | None) -> None:
    outcome = ingest(intake, name, rows)
    document = json.loads((FOLDER / name).read_bytes())
    records: list[dict[str, Any]] = document[key] if key else document
    for record, row in zip(records, outcome.rows, strict=True):
        for column, kind in outcome.types.items():
            value = record.get(column)
            mixed = kind == "STRING" and value is not None and not isinstance(value, str)
            assert (json.loads(row[column]) if mixed else row[column]) == value


def test_every_value_of_an_arrow_file_comes_back(intake: Intake) -> None:
    outcome = ingest(intake, "flights-200k.arrow", 200_000)
    assert outcome.rows == pl.read_ipc(FOLDER / "flights-200k.arrow").to_dicts()


def test_movies_have_titles_of_text(intake: Intake) -> None:
    titles = [row["Title"] for row in ingest(intake, "movies.json", 3_201).rows]
    assert titles.count(None) == 1
    assert sum(title is not None and title.isdecimal() for title in titles) >= 9


def test_nothing_that_is_read_is_left_behind(intake: Intake) -> None:
    outcome = ingest(intake, "seattle-weather.csv", 1_461)
    assert intake.parquet_files() == {part.name for part in outcome.version.parts}
    again = intake.ingest(FOLDER / "seattle-weather.csv", FileFormat.CSV)
    assert again.rows == outcome.rows * 2
