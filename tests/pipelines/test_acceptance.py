"""Acceptance: when a job with bad rows still counts, and when nothing of it does."""

from typing import Any

import pytest
from pydantic import ValidationError

from headgate.pipelines.acceptance import Acceptance
from headgate.pipelines.counts import Counts
from headgate.storage.datasets import WriteMode
from tests.pipelines.intake import Intake
from tests.pipelines.screened import Rules, column, contract, csv, load, refused, told


def rows(good: int, bad: int) -> str:
    """Rows of which some break RULES."""
    return "a,b\n" + "1,x\n" * good + "900,x\n" * bad


def rules(acceptance: dict[str, Any] | None = None, **settings: Any) -> Rules:
    """A check of the range, with these settings, and an acceptance."""
    check = {"range": {"columns": ["a"], "max": 100, **settings}}
    return {"checks": [check], "acceptance": acceptance or {}}


@pytest.mark.parametrize(
    "limits",
    [
        {"maxRejectedRows": 3},
        {"maxRejectedPercent": 30},
        {"maxRejectedRows": 3, "maxRejectedPercent": 30.0},
        {"maxRejectedRows": 4, "onInvalid": "REJECT_ROWS"},
    ],
)
def test_as_many_bad_rows_as_the_limit_are_rejected_one_by_one(intake: Intake, limits: Any) -> None:
    assert load(intake, csv(intake, rows(7, 3)), rules(limits)).counts == Counts(10, 7, 3)


@pytest.mark.parametrize(
    "limits",
    [
        {"maxRejectedRows": 3},
        {"maxRejectedPercent": 39.9},
        {"maxRejectedRows": 99, "maxRejectedPercent": 30},
        {"maxRejectedRows": 0},
    ],
)
def test_one_bad_row_more_fails_the_job(intake: Intake, limits: Any) -> None:
    found = refused(intake, csv(intake, rows(6, 4)), rules(limits))
    assert (found.fault.code, found.fault.category) == ("TOO_MANY_INVALID_ROWS", "DATA")
    assert "4 of 10 rows failed" in found.fault.message
    assert (found.counts, len(found.errors)) == (Counts(10, 0, 10), 4)


def test_shares_are_compared_exactly(intake: Intake) -> None:
    for percent, bad in [(0.07, 7), (0.29, 29), (0.57, 57)]:
        source = csv(intake, rows(10_000 - bad, bad))
        limits = {"maxRejectedPercent": percent}
        assert load(intake, source, rules(limits), dataset=f"d{bad}").counts.rejected == bad
        above = csv(intake, rows(10_000 - bad - 1, bad + 1))
        assert refused(intake, above, rules(limits)).fault.code == "TOO_MANY_INVALID_ROWS"


def test_rows_that_cannot_be_read_or_stored_are_bad_too(intake: Intake) -> None:
    intake.load("a,b\n1,1\n")
    text = "a,b\n1,1\n1,2,3\n1,x\n900,1\n"
    assert load(intake, csv(intake, text), rules({"maxRejectedRows": 3})).counts == Counts(4, 1, 3)
    assert refused(intake, csv(intake, text), rules({"maxRejectedRows": 2})).counts == Counts(4, 0, 4)


def test_the_first_bad_row_fails_a_job_that_must_have_none(intake: Intake) -> None:
    all_or_none = {"onInvalid": "REJECT_ALL"}
    intake.load("a,b\n1,x\n")
    found = refused(intake, csv(intake, rows(1, 2)), rules(all_or_none))
    assert (found.fault.code, found.fault.category) == ("INVALID_ROWS", "DATA")
    assert told(found.errors, "row", "value") == [(2, "900"), (3, "900")]
    assert load(intake, csv(intake, rows(2, 0)), rules(all_or_none)).counts == Counts(2, 2, 0)
    warned = load(intake, csv(intake, rows(2, 1)), rules(all_or_none, severity="WARNING"))
    assert warned.counts == Counts(3, 3, 0, warnings=1)


def test_where_only_warned_rows_that_break_checks_are_accepted(intake: Intake) -> None:
    given = {
        **contract(column("a", "INTEGER", nullable=False)),
        **rules({"onInvalid": "WARN", "maxRejectedRows": 2}),
    }
    outcome = load(intake, csv(intake, "a,b\n1,1\n900,2\n,3\n1,2,3\nx,4\n"), given)
    assert outcome.counts == Counts(5, 3, 2, warnings=2)
    assert [row["a"] for row in outcome.rows] == [1, 900, None]
    assert told(outcome.errors, "row", "code", "severity") == [
        (2, "RANGE", "WARNING"),
        (3, "REQUIRED", "WARNING"),
        (4, "STRUCTURE", "ERROR"),
        (5, "TYPE", "ERROR"),
    ]


def test_where_only_warned_a_dataset_still_takes_only_what_it_can_hold(intake: Intake) -> None:
    intake.load("a,b\n1,1\n")
    warn = rules({"onInvalid": "WARN"})
    outcome = load(intake, csv(intake, "a,b\n900,1\n1,x\n,2\n"), warn, mode=WriteMode.UPSERT, keys=["a"])
    assert outcome.counts == Counts(3, 1, 2, warnings=1)
    assert told(outcome.errors, "row", "column", "code", "severity") == [
        (1, "a", "RANGE", "WARNING"),
        (2, "b", "TYPE", "ERROR"),
        (3, "a", "REQUIRED", "ERROR"),
    ]


@pytest.mark.parametrize("severity", ["ERROR", "WARNING"])
@pytest.mark.parametrize("limit", [{"maxFailedRows": 3}, {"maxFailedPercent": 30}])
def test_a_check_has_a_limit_of_its_own(intake: Intake, severity: str, limit: Any) -> None:
    given = rules(severity=severity, name="small", **limit)
    outcome = load(intake, csv(intake, rows(7, 3)), given)
    assert len(outcome.errors) == 3
    found = refused(intake, csv(intake, rows(6, 4)), given)
    assert (found.fault.code, found.fault.category) == ("CHECK_LIMIT_PASSED", "DATA")
    assert "4 rows failed small" in found.fault.message
    assert told(found.errors, "check", "severity") == [("small", severity)] * 4


def test_the_limit_of_a_check_counts_rows_and_not_cells(intake: Intake) -> None:
    check = {"range": {"columns": ["a", "b"], "max": 10, "maxFailedRows": 1}}
    outcome = load(intake, csv(intake, "a,b\n1,1\n50,50\n"), {"checks": [check]})
    assert (outcome.counts, len(outcome.errors)) == (Counts(2, 1, 1), 2)


@pytest.mark.parametrize(
    "check",
    [
        {"rowCount": {"min": 9, "severity": "WARNING", "maxFailedRows": 0}},
        {"range": {"columns": ["z"], "max": 1, "severity": "WARNING", "maxFailedPercent": 0}},
    ],
)
def test_a_limit_of_rows_means_nothing_where_no_row_can_fail(intake: Intake, check: Any) -> None:
    outcome = load(intake, csv(intake, rows(2, 0)), {"checks": [check]})
    assert outcome.counts == Counts(2, 2, 0, warnings=1)


def test_a_fault_of_the_whole_input_fails_the_job_or_warns(intake: Intake) -> None:
    few = {"checks": [{"rowCount": {"min": 9}}, {"range": {"columns": ["a"], "max": 100}}]}
    found = refused(intake, csv(intake, rows(1, 1)), few)
    assert (found.fault.code, found.fault.category) == ("ROW_COUNT", "DATA")
    assert found.counts == Counts(2, 0, 2)
    assert told(found.errors, "row", "code") == [(None, "ROW_COUNT"), (2, "RANGE")]
    warned = {"checks": [{"rowCount": {"min": 9, "severity": "WARNING"}}, few["checks"][1]]}
    outcome = load(intake, csv(intake, rows(1, 1)), warned)
    assert outcome.counts == Counts(2, 1, 1, warnings=1)
    assert told(outcome.errors, "row", "code", "severity") == [
        (None, "ROW_COUNT", "WARNING"),
        (2, "RANGE", "ERROR"),
    ]


def test_a_check_of_a_column_that_is_not_there_fails_the_job(intake: Intake) -> None:
    found = refused(intake, csv(intake, rows(1, 0)), {"checks": [{"required": {"columns": ["z"]}}]})
    assert found.fault.code == "MISSING_COLUMN"
    assert told(found.errors, "row", "column", "check") == [(None, "z", "required")]


def test_an_input_without_rows_is_held_against_checks_of_the_whole(intake: Intake) -> None:
    found = refused(intake, csv(intake, "a,b\n"), {"checks": [{"rowCount": {"min": 1}}]})
    assert (found.fault.code, found.counts) == ("ROW_COUNT", Counts(0, 0, 0))
    assert load(intake, csv(intake, "a,b\n"), rules({"maxRejectedRows": 0})).counts == Counts(0, 0, 0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"maxRejectedRows": -1}, "greater than or equal to 0"),
        ({"maxRejectedPercent": 100.1}, "less than or equal to 100"),
        ({"maxRejectedPercent": float("nan")}, "finite number"),
        ({"onInvalid": "IGNORE"}, "'REJECT_ROWS', 'REJECT_ALL' or 'WARN'"),
        ({"max": 1}, "Extra inputs"),
    ],
)
def test_an_acceptance_that_makes_no_sense_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Acceptance.model_validate(given)
