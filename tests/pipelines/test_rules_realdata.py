"""Rules over files that others published find what the csv and json modules and plain Python find there."""

import csv
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from headgate.pipelines import formats
from headgate.pipelines.checks.registry import checks_from_json
from headgate.pipelines.counts import Counts
from headgate.pipelines.screening import Screening
from tests.pipelines.intake import Intake

pytestmark = pytest.mark.realdata
BESIDE = Path(__file__).parents[3] / "shared" / "data"
FOLDER = Path(os.environ.get("HEADGATE_TEST_DATA", BESIDE))
Record = Mapping[str, Any]
Fault = tuple[int, str | None, str, str]
"""Row, column, check and code."""


@dataclass(frozen=True)
class Rule:
    """A check, by kind and settings, and the rows that plain Python says it is broken in."""

    kind: str
    settings: Record
    code: str
    broken: Callable[[Sequence[Record]], Iterator[int]]

    @property
    def check(self) -> Record:
        return {self.kind: self.settings}

    def faults(self, records: Sequence[Record]) -> set[Fault]:
        columns = self.settings["columns"]
        column = columns[0] if len(columns) == 1 else None
        return {(row, column, self.kind, self.code) for row in self.broken(records)}


def of_cells(kind: str, column: str, code: str, breaks: Callable[[Any], bool], /, **settings: Any) -> Rule:
    """A rule for the cells of one column that are filled."""

    def broken(records: Sequence[Record]) -> Iterator[int]:
        cells = (record.get(column) for record in records)
        return (row for row, cell in enumerate(cells, start=1) if cell is not None and breaks(cell))

    return Rule(kind, {"columns": [column], **settings}, code, broken)


def required(column: str) -> Rule:
    def broken(records: Sequence[Record]) -> Iterator[int]:
        return (row for row, record in enumerate(records, start=1) if record.get(column) is None)

    return Rule("required", {"columns": [column]}, "REQUIRED", broken)


def unique(*columns: str) -> Rule:
    def broken(records: Sequence[Record]) -> Iterator[int]:
        seen = set()
        for row, record in enumerate(records, start=1):
            key = tuple(record.get(column) for column in columns)
            if None not in key and key in seen:
                yield row
            seen.add(key)

    return Rule("unique", {"columns": list(columns)}, "UNIQUE", broken)


def within(column: str, low: float, high: float) -> Rule:
    return of_cells("range", column, "RANGE", lambda cell: not low <= float(cell) <= high, min=low, max=high)


def since(column: str, day: str) -> Rule:
    return of_cells(
        "range", column, "RANGE", lambda cell: date.fromisoformat(cell) < date.fromisoformat(day), min=day
    )


def one_of(column: str, *values: str) -> Rule:
    return of_cells("oneOf", column, "ENUM", lambda cell: cell not in values, values=list(values))


def like(column: str, regex: str) -> Rule:
    return of_cells("pattern", column, "PATTERN", lambda cell: not re.fullmatch(regex, cell), regex=regex)


def at_most(column: str, length: int) -> Rule:
    return of_cells("length", column, "LENGTH", lambda cell: len(str(cell)) > length, max=length)


def whole(column: str) -> Rule:
    return of_cells("type", column, "TYPE", lambda cell: cell != int(cell), type="INTEGER")


def a_date(column: str, form: str, regex: str) -> Rule:
    return of_cells(
        "type", column, "TYPE", lambda cell: not re.fullmatch(regex, cell), type="DATE", format=form
    )


RULES: Mapping[str, Sequence[Rule]] = {
    "marvel-characters.csv": [
        unique("page_id"),
        unique("ALIGN", "EYE", "HAIR", "SEX", "FIRST APPEARANCE"),
        required("ID"),
        one_of("ALIGN", "Good Characters", "Bad Characters"),
        like("FIRST APPEARANCE", "(Jan|Jun|Jul)-[0-9]{2}"),
        within("APPEARANCES", 2, 1000),
        at_most("name", 40),
    ],
    "zipcodes.csv": [
        like("zip_code", r"\d{5}"),
        within("latitude", 24.5, 49.4),
        within("longitude", -125, -66.9),
        one_of("state", "NY", "TX", "PR"),
        at_most("city", 20),
        unique("city", "state"),
    ],
    "seattle-weather.csv": [
        since("date", "2013-01-01"),
        within("temp_max", 0, 30.6),
        one_of("weather", "sun", "rain"),
        at_most("temp_min", 3),
    ],
    "birdstrikes.csv": [
        required("Speed IAS in knots"),
        within("Cost Total $", 0, 100_000),
        at_most("Aircraft Make Model", 5),
        one_of("Time of day", "Day", "Night"),
        since("Flight Date", "1995-06-30"),
    ],
    "movies.json": [
        required("Director"),
        at_most("Title", 30),
        within("IMDB Rating", 5, 9),
        whole("IMDB Rating"),
        one_of("MPAA Rating", "G", "PG", "PG-13"),
        a_date("Release Date", "%b %d %Y", "[A-Z][a-z]{2} [0-9]{2} [0-9]{4}"),
        like("Release Date", "... [0-2].*"),
        unique("Distributor", "Release Date"),
    ],
}


def records_of(path: Path) -> list[Record]:
    if path.suffix == ".json":
        found: list[Record] = json.loads(path.read_bytes())
        return found
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [{name: cell or None for name, cell in row.items()} for row in csv.DictReader(file)]


@pytest.mark.parametrize("name", RULES)
def test_each_rule_is_broken_where_plain_python_says_so(intake: Intake, name: str) -> None:
    path, rules = FOLDER / name, RULES[name]
    if not path.exists():
        pytest.skip(f"{name} is not in {FOLDER}")
    records = records_of(path)
    faults = set().union(*(rule.faults(records) for rule in rules))
    rejected = {row for row, _, _, _ in faults}
    assert 0 < len(rejected) < len(records)

    job = intake.job(path, formats.identify(path, name))
    outcome = intake.run(
        replace(job, screening=Screening(checks=checks_from_json([rule.check for rule in rules])))
    )

    found = [(error["row"], error["column"], error["check"], error["code"]) for error in outcome.errors]
    assert len(found) == len(faults)
    assert set(found) == faults
    assert outcome.counts == Counts(len(records), len(records) - len(rejected), len(rejected))
