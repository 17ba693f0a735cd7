"""Checks of the input as a whole: how many rows it has, and how fresh it is."""

from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from headgate.pipelines.rules import Severity
from tests.pipelines.checks.harness import check, findings_of, table_of

NOW = datetime(2024, 1, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("records", "bounds", "found"),
    [
        (2, {"min": 2, "max": 2}, []),
        (1, {"min": 2}, ["1"]),
        (3, {"max": 2}, ["3"]),
        (0, {"max": 2}, []),
    ],
)
def test_the_rows_of_the_input_are_counted_those_that_cannot_be_read_too(
    records: int, bounds: dict[str, int], found: list[str]
) -> None:
    findings = findings_of(check("rowCount", **bounds), table_of({"x": ["1"]}, records=records))
    assert [(finding.code, finding.column, finding.value) for finding in findings] == [
        ("ROW_COUNT", None, value) for value in found
    ]


@pytest.mark.parametrize(
    ("values", "settings", "is_fresh"),
    [
        (["2024-01-01", "2024-01-02", "soon", None], {}, True),
        (["2024-01-01T23:59:59Z", None], {}, False),
        (["2024-01-02T01:00:00+02:00"], {}, False),
        (["02.01.2024"], {"format": "%d.%m.%Y"}, True),
        (["02.01.2024"], {}, False),
        (pl.Series([datetime(2024, 1, 2), None]), {}, True),
        (pl.Series([datetime(2024, 1, 1, tzinfo=UTC)]), {}, False),
        (["2030-01-01"], {}, True),
        ([], {}, False),
        ([None], {}, False),
    ],
)
def test_the_newest_value_has_to_be_fresh(values: Any, settings: dict[str, Any], is_fresh: bool) -> None:
    table = table_of({"day": values}, now=NOW)
    findings = findings_of(
        check("freshness", column="day", maxAgeHours=24, severity="WARNING", **settings), table
    )
    assert [(finding.code, finding.column, finding.severity) for finding in findings] == (
        [] if is_fresh else [("FRESHNESS", "day", Severity.WARNING)]
    )


def test_freshness_of_a_column_that_is_not_there_is_a_finding() -> None:
    (finding,) = findings_of(check("freshness", column="day", maxAgeHours=1), table_of({"x": ["1"]}))
    assert (finding.code, finding.column) == ("MISSING_COLUMN", "day")


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("rowCount", {}, "give min, max or both"),
        ("rowCount", {"min": 2, "max": 1}, "above max"),
        ("rowCount", {"min": -1}, "greater than or equal to 0"),
        ("freshness", {"column": "day", "maxAgeHours": 0}, "greater than 0"),
        ("freshness", {"column": "day", "maxAgeHours": 1e12}, "less than or equal to"),
        ("freshness", {"column": "day", "maxAgeHours": 1, "format": "%H"}, "names a day"),
    ],
)
def test_settings_that_make_no_sense_are_refused(kind: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        check(kind, **settings)
