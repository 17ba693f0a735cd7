"""Of any number of rows, as many may be bad as a limit says; one more, and nothing is ingested."""

from collections.abc import Callable, Mapping
from math import nextafter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.errors import JobFault
from headgate.pipelines.acceptance import Acceptance
from headgate.pipelines.checks.registry import check_kinds
from headgate.pipelines.counts import Counts
from headgate.pipelines.runner import Ingest, ingest
from headgate.pipelines.screening import Screening
from headgate.storage import datasets
from headgate.storage.formats import FileFormat
from tests.pipelines.damaged import Row, job_over, written
from tests.pipelines.intake import Intake, errors_in, new_intake, target_of, unheard

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
    assert datasets.latest(target_of(job).folder) is None
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
