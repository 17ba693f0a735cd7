"""Jobs and attempts at the same time all end well, and nothing gets lost between them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from headgate.errors import JobFault
from headgate.pipelines.counts import Counts
from headgate.pipelines.dialect import Dialect
from headgate.pipelines.runner import Ingest, ingest, settle
from headgate.pipelines.sinks import writing as sink
from headgate.storage import commits, datasets
from headgate.storage.datasets import WriteMode
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, committed, rows_of, target_of, unheard

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


@pytest.mark.parametrize("mode", [APPEND, UPSERT, REPLACE])
@pytest.mark.parametrize("existing", [False, True])
def test_attempts_race_with_the_settling_of_a_dead_one(
    intake: Intake, mode: WriteMode, existing: bool
) -> None:
    if existing:
        intake.load("a\n0\n")
    path = intake.file("a,b\n1,x\n2,y\n")
    jobs = [intake.job(path, FileFormat.CSV, mode, ("a",), job="job_thrice", attempt=n) for n in (1, 2)]
    with ThreadPoolExecutor(3) as threads:
        settling = threads.submit(settle_until_committed, jobs[0], 3)
        outcomes = list(threads.map(intake.run, jobs))
        settled = settling.result()
    assert [outcome.version for outcome in outcomes] == [settled, settled]
    assert_whole(intake, "job_thrice", [0, 1, 2] if existing and mode is not REPLACE else [1, 2])


def settle_until_committed(job: Ingest, attempt: int) -> Any:
    while (done := settle(target_of(job).folder, target_of(job).job, attempt)) is None:
        pass
    return done.version


def assert_whole(intake: Intake, job: str, values: list[int]) -> None:
    """The dataset has these values once each, and no file of the job that isn't committed."""
    latest = datasets.latest(intake.dataset())
    assert latest is not None
    assert sorted(row["a"] for row in rows_of(intake.dataset(), latest)) == values
    done = datasets.committed_by(intake.dataset(), job)
    assert done is not None
    theirs = {name for name in intake.parquet_files() if name.startswith(job)}
    assert theirs <= {part.name for part in done.snapshot.parts}


MOMENTS = [(sink, "commit"), (commits, "_commit"), (commits, "_with_columns")]
"""Behind the writing, behind the check for an earlier commit, and between the columns and the commit."""


def overtaken(monkeypatch: pytest.MonkeyPatch, moment: tuple[Any, str], others: Callable[[], object]) -> None:
    """Let others act once, at a moment shortly before an attempt commits."""
    where, name = moment
    original = getattr(where, name)
    began: list[bool] = []

    def act(*arguments: Any, **options: Any) -> Any:
        answer = original(*arguments, **options) if name == "_with_columns" else None
        if not began:
            began.append(True)
            others()
        return answer or original(*arguments, **options)

    monkeypatch.setattr(where, name, act)


@pytest.mark.parametrize(
    ("moment", "mode", "existing"),
    [
        (moment, mode, existing)
        for moment in MOMENTS
        for mode in (APPEND, UPSERT, REPLACE)
        for existing in (False, True)
        if moment[1] != "_with_columns" or (existing and mode is not REPLACE)
    ],
)
def test_an_attempt_overtaken_by_another_and_a_settling_adds_nothing(
    intake: Intake,
    monkeypatch: pytest.MonkeyPatch,
    moment: tuple[Any, str],
    mode: WriteMode,
    existing: bool,
) -> None:
    if existing:
        intake.load("a\n0\n")
    path = intake.file("a,b\n1,x\n2,y\n")
    late, early = (
        intake.job(path, FileFormat.CSV, mode, ("a",), job="job_thrice", attempt=n) for n in (1, 2)
    )
    done = []

    def others() -> None:
        done.append(intake.run(early))
        settled = settle(intake.dataset(), "job_thrice", 3)
        assert settled is not None
        assert committed(settled) == (done[0].counts, done[0].version)

    overtaken(monkeypatch, moment, others)
    outcome = intake.run(late)
    assert [(one.counts, one.version) for one in done] == [(outcome.counts, outcome.version)]
    assert_whole(intake, "job_thrice", [0, 1, 2] if existing and mode is not REPLACE else [1, 2])


@pytest.mark.parametrize("moment", MOMENTS)
def test_settling_a_dead_attempt_leaves_the_files_of_a_living_one(
    intake: Intake, monkeypatch: pytest.MonkeyPatch, moment: tuple[Any, str]
) -> None:
    intake.load("a\n0\n")
    dead = intake.dataset().path / "job_twice-1-000000.parquet"
    job = intake.job(intake.file("a,b\n1,x\n2,y\n"), FileFormat.CSV, job="job_twice", attempt=2)

    def settle_the_dead() -> None:
        dead.write_bytes(b"what a dead attempt wrote")
        assert settle(intake.dataset(), "job_twice", 1) is None
        assert not dead.exists()

    tries = count_tries(monkeypatch)
    overtaken(monkeypatch, moment, settle_the_dead)
    outcome = intake.run(job)
    assert outcome.counts == Counts(read=2, accepted=2, rejected=0)
    assert len(tries) == 1
    assert_whole(intake, "job_twice", [0, 1, 2])


def count_tries(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Grows with each try to commit."""
    tries: list[None] = []
    commit = sink.commit

    def counted(*arguments: Any, **options: Any) -> Any:
        tries.append(None)
        return commit(*arguments, **options)

    monkeypatch.setattr(sink, "commit", counted)
    return tries


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
        counts = [done.counts for done in threads.map(lambda job: ingest(job, unheard), jobs)]
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
            return ingest(job, unheard).counts.accepted
        except JobFault as fault:
            return 0 if fault.code == "ALL_ROWS_REJECTED" else -1

    with ThreadPoolExecutor(2) as threads:
        accepted = sum(threads.map(run, jobs))
    latest = datasets.latest(intake.dataset())
    assert latest is not None
    assert len(rows_of(intake.dataset(), latest)) == 1 + accepted
