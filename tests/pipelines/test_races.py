"""Jobs and attempts at the same time all end well, and nothing gets lost between them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from headgate.errors import JobFault
from headgate.pipelines.dialect import Dialect
from headgate.pipelines.runner import Counts, ingest
from headgate.storage import datasets
from headgate.storage.datasets import WriteMode
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, rows_of, unheard

APPEND, REPLACE, UPSERT = WriteMode.APPEND, WriteMode.REPLACE, WriteMode.UPSERT


@pytest.mark.parametrize("existing", [False, True])
def test_attempts_at_the_same_time_commit_once(intake: Intake, existing: bool) -> None:
    if existing:
        intake.load("a\n0\n")
    path = intake.file("a\n1\n2\n")
    jobs = [intake.job(path, FileFormat.CSV, job="job_twice", attempt=attempt) for attempt in (1, 2, 3)]
    with ThreadPoolExecutor(3) as threads:
        outcomes = list(threads.map(intake.run, jobs))
    assert [outcome.counts for outcome in outcomes] == [Counts(read=2, accepted=2, rejected=0)] * 3
    latest = datasets.latest(intake.dataset())
    assert latest is not None
    assert [row["a"] for row in rows_of(intake.dataset(), latest)] == [0, 1, 2][not existing :]


def test_jobs_that_create_a_dataset_at_the_same_time_keep_all_columns(intake: Intake) -> None:
    names = ["a", "b", "c", "d"]
    jobs = [
        intake.job(intake.file(f"{name}\n1\n", name), FileFormat.CSV, dialect=Dialect()) for name in names
    ]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda job: ingest(job, unheard), jobs))
    latest = datasets.latest(intake.dataset())
    assert latest is not None
    rows = rows_of(intake.dataset(), latest)
    assert sorted(name for row in rows for name in names if row[name] == 1) == names


@pytest.mark.parametrize("mode", [APPEND, UPSERT, REPLACE])
@pytest.mark.parametrize("existing", [False, True])
def test_jobs_at_the_same_time_all_end_well(intake: Intake, mode: WriteMode, existing: bool) -> None:
    if existing:
        intake.load("id,n\n0,0\n")
    jobs = [
        intake.job(
            intake.file(f"id,n,extra{number % 2}\n{number},{number},x\n7,{number},y\n", f"file-{number}"),
            FileFormat.CSV,
            mode,
            ("id",) if mode is UPSERT else (),
            dialect=Dialect(),
        )
        for number in range(1, 5)
    ]
    with ThreadPoolExecutor(4) as threads:
        counts = [counts for counts, _ in threads.map(lambda job: ingest(job, unheard), jobs)]
    assert counts == [Counts(read=2, accepted=2, rejected=0)] * 4
    latest = datasets.latest(intake.dataset())
    assert latest is not None
    ids = sorted(row["id"] for row in rows_of(intake.dataset(), latest))
    start = [0] if existing else []
    expected = {APPEND: [*start, 1, 2, 3, 4, 7, 7, 7, 7], UPSERT: [*start, 1, 2, 3, 4, 7]}
    assert ids == expected.get(mode, ids)
    assert len(ids) == 2 or mode is not REPLACE


def test_jobs_at_the_same_time_agree_on_the_type_of_a_new_column(intake: Intake) -> None:
    intake.load("id\n0\n")
    files = [intake.file("id,x\n1,5\n", "one"), intake.file("id,x\n2,text\n", "two")]
    jobs = [intake.job(path, FileFormat.CSV, dialect=Dialect()) for path in files]

    def run(job: Any) -> int:
        try:
            return ingest(job, unheard)[0].accepted
        except JobFault as fault:
            return 0 if fault.code == "ALL_ROWS_REJECTED" else -1

    with ThreadPoolExecutor(2) as threads:
        accepted = sum(threads.map(run, jobs))
    latest = datasets.latest(intake.dataset())
    assert latest is not None
    assert len(rows_of(intake.dataset(), latest)) == 1 + accepted
