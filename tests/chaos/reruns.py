"""How long a job of a worker that was silenced waits until another one begins with it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from headgate.storage.tables import Attempt
from tests.chaos.monkey import SILENCING, Blow, Trouble, pid_of
from tests.chaos.verdict import Record
from tests.fleet import Member, Spell

REDIS = frozenset({Trouble.REDIS_EMPTIED, Trouble.REDIS_RESTARTED})
REDIS_AWAY = timedelta(seconds=1)
"""For so long after a blow to Redis nobody may look into its line."""
LOST = "WORKER_LOST"


@dataclass(frozen=True)
class Rerun:
    """The next attempt at a job whose worker was silenced.

    `delay` is how long after that it began, the time apart in which no worker had a place free. It counts from a later
    moment where the job was hit once more while it waited, or another one went before it in line.
    """

    job_id: str
    silenced: datetime
    begun: datetime
    delay: timedelta


def reruns(record: Record, blows: Sequence[Blow], workers: Sequence[Member], slots: int) -> Iterator[Rerun]:
    """Those attempts that were begun in place of attempts that a blow had ended."""
    places = Places.of(record, workers, slots)
    for job_id, attempts in record.attempts.items():
        for lost, again in pairwise(attempts):
            if (blow := _blow_to(lost, blows)) is None or lost.finished_at is None:
                continue
            hits = [each.at for each in blows if _could_hit(each, lost.finished_at, again.started_at)]
            since = max([blow.at, *hits, *_starts_before(record, lost.finished_at, again)])
            full = places.time_without_any(max(since, lost.finished_at), again.started_at)
            yield Rerun(job_id, blow.at, again.started_at, again.started_at - since - full)


def _could_hit(blow: Blow, waits_from: datetime, until: datetime) -> bool:
    """Whether a blow falls in the time in which a job waited; Redis may have been away at its beginning."""
    if blow.trouble in REDIS:
        return waits_from - REDIS_AWAY < blow.at < until
    return blow.trouble in SILENCING and waits_from < blow.at < until


def _starts_before(record: Record, waits_from: datetime, again: Attempt) -> Iterator[datetime]:
    """When jobs were begun, while this one waited, whose place in line was before its own."""
    rank = record.jobs[again.job_id].rank_at
    for job_id, attempts in record.attempts.items():
        if record.jobs[job_id].rank_at < rank:
            yield from (
                each.started_at for each in attempts if waits_from < each.started_at < again.started_at
            )


@dataclass(frozen=True)
class Places:
    """How many places for jobs were free at all times: changes by moment, in order."""

    changes: list[tuple[datetime, int]]

    @classmethod
    def of(cls, record: Record, workers: Sequence[Member], slots: int) -> "Places":
        spells = [spell for worker in workers for spell in worker.spells]
        changes = [(spell.start, slots) for spell in spells]
        changes += [(spell.end, -slots) for spell in spells if spell.end is not None]
        for attempt in (attempt for attempts in record.attempts.values() for attempt in attempts):
            changes += [(attempt.started_at, -1), (_end_of(attempt, spells), 1)]
        return cls(sorted(changes))

    def time_without_any(self, start: datetime, end: datetime) -> timedelta:
        """How much of this time had no place free."""
        full, free, since = timedelta(), 0, start
        for at, change in self.changes:
            if at > since:
                full += (min(at, end) - since) if free <= 0 else timedelta()
                since = min(at, end)
            free += change
        return full


def _end_of(attempt: Attempt, spells: Sequence[Spell]) -> datetime:
    """When an attempt gave its place back, or its worker was silenced."""
    assert attempt.finished_at is not None
    assert attempt.worker is not None
    pid = pid_of(attempt.worker)
    ends = [
        spell.end for spell in spells if spell.pid == pid and spell.end and spell.end > attempt.started_at
    ]
    return min([attempt.finished_at, *ends])


def lost_by_living(record: Record, blows: Sequence[Blow]) -> int:
    """Count the attempts whose lease ran out though nothing had been done to their worker."""
    attempts = [attempt for attempts in record.attempts.values() for attempt in attempts]
    lost = [attempt for attempt in attempts if attempt.failure and attempt.failure["code"] == LOST]
    return sum(_blow_to(attempt, blows) is None for attempt in lost)


def _blow_to(attempt: Attempt, blows: Sequence[Blow]) -> Blow | None:
    """The blow that silenced an attempt's worker; None where it was not lost in that way."""
    if (
        not attempt.failure
        or attempt.failure["code"] != LOST
        or not attempt.worker
        or not attempt.finished_at
    ):
        return None
    dealt = [
        blow
        for blow in blows
        if blow.trouble in SILENCING
        and blow.pid == pid_of(attempt.worker)
        and attempt.started_at <= blow.at <= attempt.finished_at
    ]
    return max(dealt, key=lambda blow: blow.at, default=None)
