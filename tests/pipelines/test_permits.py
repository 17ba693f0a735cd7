"""A job asks before it changes anything that lasts, and each time anew."""

import math
import time
from collections.abc import Callable
from typing import Any

import pytest

from headgate.errors import JobFault
from headgate.pipelines import runner
from headgate.pipelines.counts import Counts
from headgate.pipelines.dialect import Dialect
from headgate.pipelines.orders import Stopped
from headgate.pipelines.runner import Ingest, ingest
from headgate.pipelines.sinks import writing as sink
from headgate.storage import datasets
from headgate.storage.datasets import WriteMode
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, committed, target_of, unheard

APPEND, REPLACE, UPSERT = WriteMode.APPEND, WriteMode.REPLACE, WriteMode.UPSERT


class Events:
    """Notes what a job does, in order; `permits` are the answers to its questions, the last one for all further."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *permits: Callable[[], float]) -> None:
        self.seen: list[str] = []
        self._permits = list(permits) or [lambda: math.inf]
        for where, name in ((runner, "save_ledger"), (sink, "merge"), (sink, "commit")):
            monkeypatch.setattr(where, name, self._noted(name, getattr(where, name)))

    def _noted(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any, **options: Any) -> Any:
            self.seen.append(name)
            return function(*arguments, **options)

        return noted

    def permit(self) -> float:
        self.seen.append("permit")
        return (self._permits.pop(0) if len(self._permits) > 1 else self._permits[0])()


def refused() -> float:
    raise Stopped


def a_job(intake: Intake, mode: WriteMode = APPEND, **options: Any) -> Ingest:
    path = intake.file("id,a\n1,x\n2,y\n3\n")
    return intake.job(path, FileFormat.CSV, mode, ("id",), dialect=Dialect(), **options)


@pytest.mark.parametrize("mode", [APPEND, REPLACE, UPSERT])
def test_permission_comes_behind_all_work_and_before_all_effects(
    intake: Intake, monkeypatch: pytest.MonkeyPatch, mode: WriteMode
) -> None:
    intake.load("id,a\n1,old\n")
    events = Events(monkeypatch)
    counts = ingest(a_job(intake, mode), unheard, events.permit).counts
    assert counts == Counts(read=3, accepted=2, rejected=1)
    assert events.seen == ["merge", "permit", "save_ledger", "commit"]


def test_a_permit_that_has_run_out_before_the_commit_is_asked_for_again(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = Events(monkeypatch, time.monotonic, time.monotonic, lambda: time.monotonic() + 60)
    ingest(a_job(intake), unheard, events.permit)
    assert events.seen == ["merge", "permit", "save_ledger", "permit", "permit", "commit"]


@pytest.mark.parametrize("mode", [APPEND, REPLACE, UPSERT])
@pytest.mark.parametrize("existing", [False, True])
def test_a_refused_job_leaves_no_file_no_ledger_and_no_version(
    intake: Intake, mode: WriteMode, existing: bool
) -> None:
    before = intake.load("id,a\n1,old\n").version if existing else None
    files, job = intake.parquet_files(), a_job(intake, mode)
    with pytest.raises(Stopped):
        ingest(job, unheard, refused)
    assert intake.parquet_files() == files
    assert not job.ledger.exists()
    assert datasets.latest(intake.dataset()) == before


def test_a_job_that_another_one_came_before_asks_in_each_round(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.load("id,a\n1,old\n")

    def while_another_commits() -> float:
        intake.load("id,a\n5,other\n")
        return math.inf

    events = Events(monkeypatch, while_another_commits, lambda: math.inf)
    counts, version = committed(ingest(a_job(intake, REPLACE), unheard, events.permit))
    assert events.seen.count("permit") == 2
    assert (counts.accepted, version.row_count) == (2, 2)


def test_a_job_refused_in_a_later_round_leaves_nothing(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake.load("id,a\n1,old\n")

    def while_another_commits() -> float:
        intake.load("id,a\n5,other\n")
        return math.inf

    events, job = Events(monkeypatch, while_another_commits, refused), a_job(intake, REPLACE)
    with pytest.raises(Stopped):
        ingest(job, unheard, events.permit)
    assert events.seen.count("permit") == 2
    assert not any(name.startswith(target_of(job).job) for name in intake.parquet_files())


def test_an_attempt_that_is_refused_since_another_has_committed_answers_what_that_did(intake: Intake) -> None:
    def while_another_attempt_commits() -> float:
        ingest(a_job(intake, job="job_twice", attempt=2), unheard)
        raise Stopped

    late = a_job(intake, job="job_twice", attempt=1)
    counts, version = committed(ingest(late, unheard, while_another_attempt_commits))
    assert (counts, version.row_count) == (Counts(read=3, accepted=2, rejected=1), 2)


def test_a_job_whose_rows_are_all_bad_asks_too(intake: Intake) -> None:
    job = intake.job(intake.file("a,b\n1\n"), FileFormat.CSV, dialect=Dialect())
    with pytest.raises(Stopped):
        ingest(job, unheard, refused)
    assert not job.ledger.exists()
    with pytest.raises(JobFault, match="ALL_ROWS_REJECTED"):
        ingest(job, unheard, lambda: math.inf)
    assert job.ledger.exists()
