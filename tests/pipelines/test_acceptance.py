"""Jobs with bad rows count up to the limits that were set, and beyond them nothing is ingested."""

from collections.abc import Callable, Mapping
from math import nextafter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.errors import JobFault
from headgate.pipelines.acceptance import Acceptance
from headgate.pipelines.checks.registry import check_kinds
from headgate.pipelines.contract import Contract
from headgate.pipelines.runner import Counts, Ingest, ingest
from headgate.pipelines.screening import Screening
from headgate.storage import datasets
from headgate.storage.formats import FileFormat
from tests.pipelines.damaged import Row, job_over, written
from tests.pipelines.intake import Intake, errors_in, new_intake, unheard

LIMITS: Mapping[str, Callable[[int, int], tuple[Row, Row]]] = {
    "rejected rows": lambda bad, _: ({"maxRejectedRows": bad}, {}),
    "a share of rejected rows": lambda bad, rows: ({"maxRejectedPercent": 100 * bad / rows}, {}),
    "rows that fail a check": lambda bad, _: ({}, {"maxFailedRows": bad}),
    "a share of rows that fail a check": lambda bad, rows: ({}, {"maxFailedPercent": 100 * bad / rows}),
}
"""The settings of the acceptance and of a check under which so many bad rows of so many are just accepted."""


def lowered(given: Row) -> Row:
    """The next lower limit."""
    return {
        name: limit - 1 if isinstance(limit, int) else nextafter(limit, 0) for name, limit in given.items()
    }


def limited(rows: int, bad: int, acceptance: Row, check: Row) -> tuple[list[Row], Screening]:
    """So many rows, the last of which are bad."""
    given = {"columns": ["amount"], "max": 1000, **check}
    screening = Screening(
        checks=[check_kinds()["range"].model_validate(given)],
        acceptance=Acceptance.model_validate(acceptance),
    )
    return [
        {"id": number, "amount": 1001 if number >= rows - bad else 1} for number in range(rows)
    ], screening


def check_refused(intake: Intake, job: Ingest, code: str, rows: int, bad: int) -> None:
    """The job fails for its data, nothing is in the dataset, and each bad row is told."""
    with pytest.raises(JobFault) as caught:
        ingest(job, unheard)
    assert (caught.value.code, caught.value.category) == (code, "DATA")
    assert caught.value.details is not None
    assert Counts(**caught.value.details["counts"]) == Counts(rows, 0, rows)
    assert datasets.latest(job.target.path) is None
    assert intake.parquet_files() == set()
    assert [error["row"] for error in errors_in(job.ledger)] == list(range(rows - bad + 1, rows + 1))


@pytest.mark.parametrize("name", LIMITS)
@settings(max_examples=5)
@given(st.integers(2, 200), st.data())
def test_as_many_bad_rows_as_a_limit_says_pass_and_no_more(name: str, rows: int, data: st.DataObject) -> None:
    bad = data.draw(st.integers(1, rows - 1))
    given = LIMITS[name](bad, rows)
    with new_intake() as intake:
        records, screening = limited(rows, bad, *given)
        written(intake.folder / "data", records, FileFormat.PARQUET)
        acceptance, check = map(lowered, given)
        _, lower = limited(rows, bad, acceptance, check)
        code = "TOO_MANY_INVALID_ROWS" if acceptance else "CHECK_LIMIT_PASSED"
        check_refused(intake, job_over(intake, FileFormat.PARQUET, lower), code, rows, bad)
        outcome = intake.run(job_over(intake, FileFormat.PARQUET, screening))
        assert outcome.counts == Counts(rows, rows - bad, bad)
        assert outcome.rows == records[: rows - bad]


def test_one_bad_row_fails_a_job_that_rejects_all_but_a_warning_does_not(intake: Intake) -> None:
    rejecting = {"onInvalid": "REJECT_ALL"}
    records, screening = limited(3, 1, rejecting, {})
    written(intake.folder / "data", records, FileFormat.CSV)
    check_refused(intake, job_over(intake, FileFormat.CSV, screening), "INVALID_ROWS", 3, 1)
    _, warning = limited(3, 1, rejecting, {"severity": "WARNING"})
    outcome = intake.run(job_over(intake, FileFormat.CSV, warning))
    assert outcome.counts == Counts(3, 3, 0, warnings=1)
    assert outcome.rows == records


def test_rows_that_only_warn_count_for_the_limit_of_their_check_and_not_for_that_of_the_job(
    intake: Intake,
) -> None:
    warning = {"severity": "WARNING"}
    records, screening = limited(9, 2, {"maxRejectedRows": 0}, warning)
    written(intake.folder / "data", records, FileFormat.CSV)
    assert intake.run(job_over(intake, FileFormat.CSV, screening)).counts == Counts(9, 9, 0, warnings=2)
    _, screening = limited(9, 2, {}, warning | {"maxFailedRows": 1})
    with pytest.raises(JobFault, match="CHECK_LIMIT_PASSED"):
        ingest(job_over(intake, FileFormat.CSV, screening), unheard)


@pytest.mark.parametrize("bad", [0, 1])
def test_a_frozen_contract_takes_no_cell_of_another_type(intake: Intake, bad: int) -> None:
    rows: list[Row] = [{"id": 1, "amount": 1.5}, {"id": 2, "amount": "x" * bad}]
    written(intake.folder / "data", rows, FileFormat.CSV)
    frozen = Contract.model_validate(
        {"columns": [{"name": "amount", "type": "FLOAT"}], "typeMismatch": "FREEZE"}
    )
    job = job_over(intake, FileFormat.CSV, Screening(frozen))
    if bad:
        check_refused(intake, job, "CHECK_LIMIT_PASSED", 2, 1)
    else:
        assert intake.run(job).counts == Counts(2, 2, 0)
