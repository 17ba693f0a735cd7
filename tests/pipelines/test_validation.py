"""Validations: what would be rejected is found and counted, and nothing is kept of the data."""

from pathlib import Path
from typing import Any

import pytest

from headgate.errors import JobFault
from headgate.pipelines.counts import Counts
from headgate.pipelines.prepared import Source
from headgate.pipelines.readers.dataset import DatasetRows
from headgate.storage.filters import RowFilter
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake
from tests.pipelines.screened import check, column, contract, csv, load, told

CHECKS = {
    "checks": [
        {"range": {"columns": ["age"], "max": 100}},
        {"range": {"columns": ["age"], "max": 90, "severity": "WARNING", "name": "old"}},
        {"required": {"columns": ["name"]}},
    ]
}


def test_a_validation_counts_what_would_become_of_the_rows_by_rule(intake: Intake) -> None:
    found = check(intake, csv(intake, "name,age\nAda,36\nBob,95\n,400\nEve,old\nMax,1,2\n"), CHECKS)
    assert found.verdict.to_json() == {
        "passed": False,
        "issues": 6,
        "rules": [
            rule("RANGE", "age", "old", 2, severity="WARNING"),
            rule("RANGE", "age", "range", 1),
            rule("REQUIRED", "name", "required", 1),
            rule("STRUCTURE", None, None, 1),
            rule("TYPE", "age", "range", 1),
        ],
    }
    assert found.verdict.counts == Counts(5, 2, 3, warnings=2)
    assert len(found.errors) == 6


def rule(code: str, column: str | None, check: str | None, count: int, severity: str = "ERROR") -> Any:
    return {
        "code": code,
        "column": column,
        "check": check,
        "severity": severity,
        "count": count,
        "rows": count,
    }


def test_what_has_only_warnings_has_passed(intake: Intake) -> None:
    assert check(intake, csv(intake, "name,age\nAda,36\n"), CHECKS).verdict.to_json() == {
        "passed": True,
        "issues": 0,
        "rules": [],
    }
    warned = check(intake, csv(intake, "name,age\nAda,95\n"), CHECKS).verdict
    assert (warned.passed, warned.issues, warned.counts.warnings) == (True, 1, 1)


def test_warnings_beyond_the_limit_of_their_check_do_not_pass(intake: Intake) -> None:
    for limit, passed in [(1, False), (2, True)]:
        settings = {"columns": ["a"], "max": 0, "severity": "WARNING", "maxFailedRows": limit}
        found = check(intake, csv(intake, "a\n1\n2\n0\n"), {"checks": [{"range": settings}]})
        assert (found.verdict.passed, found.verdict.issues) == (passed, 2)


def test_faults_of_the_whole_input_come_first_and_count(intake: Intake) -> None:
    rules = {"checks": [{"rowCount": {"min": 9}}, {"range": {"columns": ["z", "a"], "max": 1}}]}
    found = check(intake, csv(intake, "a\n5\n"), rules)
    assert (found.verdict.passed, found.verdict.counts) == (False, Counts(1, 0, 1))
    assert told(found.errors, "row", "code") == [(None, "ROW_COUNT"), (None, "MISSING_COLUMN"), (1, "RANGE")]


def test_without_rules_only_what_cannot_be_read_is_at_fault(intake: Intake) -> None:
    found = check(intake, csv(intake, "a,b\n1,2\n1,2,3\nx,y\n"), {})
    assert told(found.errors, "row", "code") == [(2, "STRUCTURE")]
    assert found.verdict.counts == Counts(3, 2, 1)


@pytest.mark.parametrize("text", ["a,b\n", "a,b\n\n\n"])
def test_an_input_without_rows_has_passed(intake: Intake, text: str) -> None:
    found = check(intake, csv(intake, text), {})
    assert (found.verdict.passed, found.verdict.counts) == (True, Counts(0, 0, 0))


def test_a_file_of_which_no_record_can_be_read_is_told_row_by_row(intake: Intake) -> None:
    source = Source(intake.file("nonsense\n[]\n"), FileFormat.NDJSON)
    found = check(intake, source, contract(column("a", "INTEGER")))
    assert found.verdict.counts == Counts(2, 0, 2)
    assert {error["row"] for error in found.errors} >= {1, 2}


def test_the_rows_of_a_version_of_a_dataset_are_checked_those_of_a_filter(intake: Intake) -> None:
    intake.load("a,b\n1,x\n500,y\n")
    intake.load("a,b\n900,x\n")
    rules = {"checks": [{"range": {"columns": ["a"], "max": 100}}]}
    for version, wanted, values in [
        (0, None, ["500"]),
        (1, None, ["500", "900"]),
        (1, RowFilter("b", eq="x"), ["900"]),
        (1, RowFilter("b", eq="nobody"), []),
    ]:
        found = check(intake, DatasetRows(intake.dataset(), version, wanted), rules)
        assert told(found.errors, "value") == [(value,) for value in values]
        assert found.verdict.counts.rejected == len(values)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [(RowFilter("z", eq=1), "UNKNOWN_COLUMN"), (RowFilter("a", contains="1"), "INVALID_FILTER")],
)
def test_a_filter_that_does_not_fit_the_dataset_is_a_fault_of_the_settings(
    intake: Intake, wanted: RowFilter, code: str
) -> None:
    intake.load("a\n1\n")
    with pytest.raises(JobFault) as caught:
        check(intake, DatasetRows(intake.dataset(), 0, wanted), {})
    assert (caught.value.code, caught.value.category) == (code, "CONFIG")


def test_a_dataset_is_ingested_into_another_with_its_types(intake: Intake) -> None:
    intake.load("a,b\n1,1.50\n2,2.25\n")
    rules = contract(column("n", "INTEGER", aliases=["a"]))
    source = DatasetRows(intake.dataset(), 0, RowFilter("a", gt=1))
    outcome = load(intake, source, rules, dataset="other")
    assert (outcome.types, outcome.rows) == ({"n": "INTEGER", "b": "DECIMAL"}, [{"n": 2, "b": "2.25"}])


def test_a_validation_writes_nothing_but_its_ledger(intake: Intake) -> None:
    intake.load("a\n1\n")
    before = files_in(intake.folder)
    found = check(intake, csv(intake, "a\nx\n"), {"checks": [{"numeric": {"columns": ["a"]}}]})
    written = files_in(intake.folder) - before
    assert {path.parts[0].split("-")[0] for path in written} == {"scratch", "errors"}
    assert len(found.errors) == 1


def files_in(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}


def test_checks_look_values_up_in_other_datasets(intake: Intake) -> None:
    intake.load("id\n1\n2\n", dataset="customers")
    rules = {"checks": [{"reference": {"columns": ["c"], "dataset": "customers", "datasetColumns": ["id"]}}]}
    found = check(
        intake,
        csv(intake, "c\n1\n7\n"),
        rules,
        {"customers": {"path": str(intake.dataset("customers").path)}},
    )
    assert told(found.errors, "row", "value", "code") == [(2, "7", "REFERENCE")]


def test_rows_are_counted_in_however_many_blocks_they_come(intake: Intake) -> None:
    text = "a\n" + "".join(f"{number}\n" for number in range(50_000))
    found = check(intake, csv(intake, text), {"checks": [{"range": {"columns": ["a"], "max": 49_989}}]})
    assert found.verdict.counts == Counts(50_000, 49_990, 10)
    assert told(found.errors, "row") == [(number,) for number in range(49_991, 50_001)]
