"""Profiles of files that others published are what the csv module and plain Python find in them."""

import csv
import os
import re
import statistics
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from headgate.pipelines.prepared import Source
from headgate.pipelines.profiles.statistics import profile
from headgate.pipelines.profiles.table import of_file
from headgate.pipelines.suggested import suggest
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake

pytestmark = pytest.mark.realdata
BESIDE = Path(__file__).parents[3] / "shared" / "data"
FOLDER = Path(os.environ.get("HEADGATE_TEST_DATA", BESIDE))
NAMES = ("birdstrikes.csv", "seattle-weather.csv", "zipcodes.csv")
NUMBERS = {"INTEGER", "FLOAT", "DECIMAL"}


def source_of(name: str) -> Source:
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"{name} is not in {FOLDER}")
    return Source(path, FileFormat.CSV)


def columns_of(name: str) -> dict[str, list[str | None]]:
    """The cells of each column; none of these files has quoted cells that are empty."""
    with (FOLDER / name).open(encoding="utf-8-sig", newline="") as file:
        header, *records = csv.reader(file)
    return {column: [record[index] or None for record in records] for index, column in enumerate(header)}


@pytest.mark.parametrize("name", NAMES)
def test_statistics_are_those_of_the_csv_module(intake: Intake, name: str) -> None:
    table = of_file(source_of(name), intake.scratch(), None)
    cells = columns_of(name)
    found = {each["column"]["name"]: each for each in profile(table)}
    assert list(found) == list(cells)
    for column, each in found.items():
        values = [cell for cell in cells[column] if cell is not None]
        assert (each["count"], each["nulls"]) == (len(cells[column]), len(cells[column]) - len(values))
        if each["column"]["type"] in NUMBERS:
            _check_numbers(each, [float(value) for value in values])
        else:
            _check_values(each, values)


def _check_values(found: Mapping[str, Any], values: Sequence[str]) -> None:
    counts = Counter(values)
    assert found["distinct"] == len(counts)
    assert (found["min"], found["max"]) == (min(values), max(values))
    top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:10]
    assert [(each["value"], each["count"]) for each in found["topValues"]] == top


def _check_numbers(found: Mapping[str, Any], numbers: Sequence[float]) -> None:
    counts = Counter(numbers)
    assert found["distinct"] == len(counts)
    assert (float(found["min"]), float(found["max"])) == (min(numbers), max(numbers))
    assert found["mean"] == pytest.approx(statistics.fmean(numbers))
    assert found["standardDeviation"] == pytest.approx(statistics.stdev(numbers))
    cuts = statistics.quantiles(numbers, n=20, method="inclusive")
    assert [each["value"] for each in found["quantiles"]] == pytest.approx(
        [cuts[index] for index in (0, 4, 9, 14, 18)]
    )
    assert sum(each["count"] for each in found["histogram"]) == len(numbers)
    top = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:10]
    assert [(float(each["value"]), each["count"]) for each in found["topValues"]] == top


def is_integer(cell: str) -> bool:
    return re.fullmatch(r"-?\d+", cell) is not None


def is_date(cell: str) -> bool:
    return date.fromisoformat(cell).isoformat() == cell


TYPES: dict[str, Callable[[str], object]] = {"INTEGER": is_integer, "FLOAT": float, "DATE": is_date}
HOLDS: dict[str, Callable[[Sequence[str | None], Mapping[str, Any]], bool]] = {
    "required": lambda cells, _: all(cell is not None and cell.strip() for cell in cells),
    "unique": lambda cells, _: len(set(cells)) == len(cells),
    "type": lambda cells, to: all(TYPES[to["type"]](cell) is not False for cell in cells if cell is not None),
    "range": lambda cells, to: all(
        to.get("min", -1e300) <= float(cell) <= to.get("max", 1e300) for cell in cells if cell is not None
    ),
    "oneOf": lambda cells, to: {cell for cell in cells if cell is not None} == set(to["values"]),
    "pattern": lambda cells, to: all(re.fullmatch(to["regex"], cell) for cell in cells if cell is not None),
}


@pytest.mark.parametrize(
    ("name", "telling"),
    [
        (
            "birdstrikes.csv",
            {
                ("type", "Flight Date"),
                ("range", "Cost Total $"),
                ("oneOf", "Wildlife Size"),
                ("oneOf", "Time of day"),
                ("type", "Speed IAS in knots"),
            },
        ),
        ("seattle-weather.csv", {("type", "date"), ("range", "precipitation"), ("oneOf", "weather")}),
        (
            "zipcodes.csv",
            {("unique", "zip_code"), ("pattern", "zip_code"), ("range", "latitude"), ("pattern", "state")},
        ),
    ],
)
def test_suggestions_are_telling_and_hold_for_the_whole_file(
    intake: Intake, name: str, telling: set[tuple[str, str]]
) -> None:
    found = [each.to_json() for each in suggest(source_of(name), intake.scratch())]
    cells = columns_of(name)
    for each in found:
        [column] = each["settings"]["columns"]
        assert HOLDS[each["kind"]](cells[column], each["settings"]), each
    assert telling <= {(each["kind"], each["settings"]["columns"][0]) for each in found}
    required = {each["settings"]["columns"][0] for each in found if each["kind"] == "required"}
    assert required == {column for column, values in cells.items() if None not in values}
