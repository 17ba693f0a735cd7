"""Whatever happens in whatever order, each job goes its way as a plain model of it says, and has its effect once."""

import asyncio
import shutil
from collections.abc import Awaitable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlmodel import col, select

from headgate.domain import cancellation, endings, ingest, recovery, retries, runs, users
from headgate.domain.endings import Ending, Halt, Outcome
from headgate.domain.happenings import FINAL, WAITING
from headgate.domain.ingest import IngestRequest
from headgate.domain.permissions import Principal
from headgate.domain.retries import RetryRequest, RetryStrategy
from headgate.errors import JobFault, UserFault
from headgate.storage.database import Database
from headgate.storage.formats import FileFormat
from headgate.storage.migrate import upgrade
from headgate.storage.tables import Attempt, CancelMode, Job, JobEvent, utc_now
from tests.domain.conftest import ToldEngine
from tests.domain.job_model import (
    CANCELED,
    FAILED,
    QUEUED,
    RETRYING,
    RUNNING,
    WELL,
    Lease,
    Modeled,
    check_attempts,
    check_events,
    check_row,
)
from tests.domain.outcomes import DEATH, EXPIRED_S, FAULT, OUTAGE, a_result, no_bad_rows
from tests.services import make_services

SOME = settings(
    max_examples=20,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
)
WORKERS = st.sampled_from(["host:1:a", "host:2:b", "host:3:c"])
FAULTS = [FAULT, OUTAGE, DEATH, Halt.INTERRUPTED, Halt.CANCELED]
OUTCOMES: Any = st.sampled_from([*FAULTS, no_bad_rows(), a_result()])
# One of the jobs or leases that there are, counted round and round.
PICK = st.integers(0, 7)
MAX_JOBS = 4
Value = TypeVar("Value")


class JobMachine(RuleBasedStateMachine):
    def __init__(self, template: Path) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.path = template.with_name(f"{uuid4().hex}.db")
        shutil.copy(template, self.path)
        database = Database.connect(f"sqlite:///{self.path}")
        self.services = make_services(database, template.with_name("store"), ToldEngine())
        self.jobs: dict[str, Modeled] = {}
        self.leases: list[Lease] = []
        self.keys: dict[str, tuple[IngestRequest, str]] = {}
        self.effects: list[str] = []

    def run(self, work: Awaitable[Value]) -> Value:
        async def run() -> Value:
            return await work

        return self.loop.run(run())

    def ask(self, work: Awaitable[Value]) -> Value | str:
        """Do what a caller asks for; answers the code of a refusal."""
        try:
            return self.run(work)
        except UserFault as refusal:
            return refusal.code

    def teardown(self) -> None:
        self.run(self.services.database.close())
        self.loop.close()
        self.path.unlink()

    def job(self, pick: int) -> Modeled:
        return list(self.jobs.values())[pick % len(self.jobs)]

    def lease(self, pick: int) -> Lease:
        """One of the leases that there were: those of jobs that run first, then the newest ones."""
        asked = sorted(self.leases, key=lambda lease: lease.job.status is RUNNING)
        return asked[-1 - pick % len(asked)]

    def live(self) -> list[Lease]:
        return [lease for lease in self.leases if lease.is_live]

    @initialize()
    def begin(self) -> None:
        user = self.run(users.ensure_administrator(self.services.database))
        self.operator = Principal(user.id, user.role, utc_now())

    @precondition(lambda self: len(self.jobs) < MAX_JOBS)
    @rule(key=st.sampled_from([None, None, "1", "2"]), name=st.sampled_from("ab"), attempts=st.integers(1, 5))
    def submit(self, key: str | None, name: str, attempts: int) -> None:
        spec = {"retry": {"maxAttempts": attempts, "initialDelaySeconds": 0}}
        request = IngestRequest(dataset=name, text="a\n1\n", format=FileFormat.CSV, spec=spec)
        known = self.keys.get(key) if key is not None else None
        accepted = self.ask(ingest.submit(self.services, self.operator, request, key))
        if isinstance(accepted, str):
            assert accepted == "IDEMPOTENCY_MISMATCH"
            assert known is not None
            assert known[0] != request
            return
        assert accepted.replayed == (known is not None)
        assert known is None or known == (request, accepted.job.id)
        self.jobs.setdefault(accepted.job.id, Modeled(accepted.job.id, attempts))
        if key is not None:
            self.keys[key] = (request, accepted.job.id)

    @precondition(lambda self: self.jobs)
    @rule(picks=st.lists(PICK, min_size=1, max_size=3), worker=WORKERS)
    def claim(self, picks: list[int], worker: str) -> None:
        asked = {self.job(pick).id for pick in picks}
        due = {job_id for job_id in asked if self.jobs[job_id].status in WAITING}
        claims = self.run(runs.claim(self.services, asked, worker, 3600))
        assert claims.keys() == due
        for job_id, claim in claims.items():
            job = self.jobs[job_id]
            job.status, job.attempts = RUNNING, job.attempts + 1
            assert (claim.attempt, claim.job.cancel) == (job.attempts, job.cancel)
            assert claim.token > max((each.claim.token for each in self.leases if each.job is job), default=0)
            self.leases.append(Lease(claim, worker, job))

    @precondition(lambda self: self.live())
    @rule(pick=PICK)
    def lose_worker(self, pick: int) -> None:
        worker = self.live()[pick % len(self.live())].worker
        held = [each for each in self.live() if each.worker == worker]
        self._lose(lambda other: other == worker, held)

    @precondition(lambda self: self.live())
    @rule(pick=PICK)
    def lose_lease(self, pick: int) -> None:
        lease = self.live()[pick % len(self.live())]
        tokens = {lease.job.id: lease.claim.token}
        renewed = self.run(runs.renew(self.services.database, lease.worker, tokens, EXPIRED_S))
        assert renewed == {lease.job.id: lease.job.cancel}
        self._lose(lambda other: False, [lease])

    def _lose(self, is_gone: Any, lost: list[Lease]) -> None:
        assert self.run(recovery.take_back(self.services, is_gone)) == len(lost)
        for lease in lost:
            lease.is_live, lease.job.status = False, RETRYING

    @precondition(lambda self: self.leases)
    @rule(pick=PICK)
    def commit(self, pick: int) -> None:
        """Let a worker make the effect and then die, be stopped, or go on: it has not told yet."""
        self._commit(self.lease(pick))

    def _commit(self, lease: Lease) -> None:
        # One that is to stop only finds out whether there was an effect, and a commit finds an earlier one.
        may_commit = lease.is_live and lease.claim.job.cancel is None
        if may_commit and lease.job.id not in self.effects:
            self.effects.append(lease.job.id)

    @precondition(lambda self: self.leases)
    @rule(ends=st.lists(st.tuples(PICK, OUTCOMES), min_size=1, max_size=3))
    def end_many(self, ends: list[tuple[int, Outcome]]) -> None:
        """Let attempts end; one that has ended already may be handed back at the same moment."""
        closing: list[tuple[Lease, Outcome]] = []
        for pick, wanted in ends:
            lease = self.lease(pick)
            is_again = any(lease is other for other, _ in closing)
            closing.append((lease, Halt.INTERRUPTED if is_again else self._outcome(lease, wanted)))
        self._close(closing)

    @precondition(lambda self: self.live())
    @rule(pick=PICK, outcome=OUTCOMES)
    def end(self, pick: int, outcome: Outcome) -> None:
        lease = self.live()[pick % len(self.live())]
        self._close([(lease, self._outcome(lease, outcome))])

    def _close(self, closing: list[tuple[Lease, Outcome]]) -> None:
        before = self._rows(lease.job.id for lease, _ in closing if lease.job.status is not RUNNING)
        answered = self.run(endings.close(self.services, [Ending(it.claim, what) for it, what in closing]))
        held = {lease.job.id for lease, _ in closing if lease.is_live}
        assert answered == {lease.job.id for lease, _ in closing} - held
        for lease, outcome in closing:
            if lease.is_live:
                lease.is_live = False
                lease.job.end(outcome)
        assert self._rows(before) == before

    def _outcome(self, lease: Lease, wanted: Outcome) -> Outcome:
        """What a worker makes of this end of an attempt, as it knows or finds out whether there is an effect."""
        if not isinstance(wanted, JobFault | Halt):
            self._commit(lease)
            if lease.is_live and lease.job.id not in self.effects:
                return Halt.CANCELED
        if wanted is Halt.INTERRUPTED or lease.job.id not in self.effects:
            return wanted
        return wanted if not isinstance(wanted, JobFault | Halt) else no_bad_rows()

    @precondition(lambda self: self.leases)
    @rule(pick=PICK)
    def tell(self, pick: int) -> None:
        lease = self.lease(pick)
        told = runs.progress(self.services, [(lease.claim, {"stage": "reading"})], with_totals=True)
        assert self.run(told) == (set() if lease.is_live else {lease.job.id})
        tokens = {lease.job.id: lease.claim.token}
        renewed = self.run(runs.renew(self.services.database, lease.worker, tokens, 3600))
        assert renewed == ({lease.job.id: lease.job.cancel} if lease.is_live else {})

    @precondition(lambda self: self.jobs)
    @rule(pick=PICK, mode=st.sampled_from(CancelMode))
    def cancel(self, pick: int, mode: CancelMode) -> None:
        job = self.job(pick)
        answer = self.ask(cancellation.cancel(self.services, self.operator, job.id, mode))
        assert (answer == "JOB_ENDED") == (job.status in FINAL - {CANCELED})
        if job.status in FINAL:
            return
        job.cancel = mode if job.cancel is None else max(job.cancel, mode, key=list(CancelMode).index)
        job.status = CANCELED if job.status is QUEUED else job.status

    @precondition(lambda self: self.jobs)
    @rule(pick=PICK, strategy=st.sampled_from(RetryStrategy))
    def retry(self, pick: int, strategy: RetryStrategy) -> None:
        job = self.job(pick)
        is_possible = job.status in {FAILED, CANCELED}
        if strategy is RetryStrategy.FAILED_ROWS:
            is_possible = job.status in FINAL and job.rejected > 0
        accepted = self.ask(retries.retry(self.services, self.operator, RetryRequest(job.id, strategy)))
        assert (accepted == "NOT_RETRYABLE") != is_possible
        if isinstance(accepted, str):
            return
        assert accepted.job.retry_of_id == job.id
        self.jobs[accepted.job.id] = Modeled(accepted.job.id, job.max_attempts)

    @rule()
    def reconcile(self) -> None:
        assert self.run(recovery.take_back(self.services, lambda worker: False)) == 0
        self.run(recovery.wake_due(self.services, 0))
        self.run(cancellation.carry_out(self.services))

    @invariant()
    def each_job_is_as_its_model_says(self) -> None:
        found = self._rows(self.jobs)
        assert found.keys() == self.jobs.keys()
        for job_id, (row, attempts, events) in found.items():
            job = self.jobs[job_id]
            assert (row.status, row.cancel) == (job.status, job.cancel)
            assert (row.attempts, row.failures, row.crashes) == (job.attempts, job.failures, job.crashes)
            check_row(row)
            check_attempts(row, attempts)
            check_events(row, events)

    @invariant()
    def effects_are_made_once_and_by_jobs_that_went_well(self) -> None:
        assert len(set(self.effects)) == len(self.effects)
        for job in self.jobs.values():
            assert job.status not in FINAL or (job.id in self.effects) == (job.status in WELL)

    @invariant()
    def a_job_has_one_holder_at_most(self) -> None:
        running = sorted(job.id for job in self.jobs.values() if job.status is RUNNING)
        assert sorted(lease.job.id for lease in self.live()) == running

    def _rows(self, job_ids: Iterable[str]) -> dict[str, tuple[Job, list[Attempt], list[JobEvent]]]:
        return self.run(self._read(set(job_ids)))

    async def _read(self, job_ids: set[str]) -> dict[str, tuple[Job, list[Attempt], list[JobEvent]]]:
        async with self.services.database.read() as session:
            rows = (await session.scalars(select(Job).where(col(Job.id).in_(job_ids)))).all()
            attempts = (await session.scalars(select(Attempt).order_by(col(Attempt.number)))).all()
            events = (await session.scalars(select(JobEvent).order_by(col(JobEvent.number)))).all()
        return {
            row.id: (
                row,
                [each for each in attempts if each.job_id == row.id],
                [each for each in events if each.job_id == row.id],
            )
            for row in rows
        }


def test_jobs_go_their_way_whatever_happens(tmp_path: Path) -> None:
    template = tmp_path / "template.db"
    upgrade(f"sqlite:///{template}")
    run_machine(partial(JobMachine, template), settings=SOME)  # type: ignore[arg-type]
