"""Whatever the order of calls, seals, claims and crashes, each accepted record is committed once, in its order."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlmodel import col, select

from headgate.domain import appended, cancellation, endings, recovery, runs, streams, users
from headgate.domain.appender import Appender
from headgate.domain.appends import AppendRequest, ndjson
from headgate.domain.endings import Ending, Halt
from headgate.domain.happenings import FINAL
from headgate.domain.permissions import Principal
from headgate.domain.runs import Claim
from headgate.domain.streams import BatchLimits
from headgate.errors import UserFault
from headgate.storage.database import Database
from headgate.storage.tables import CancelMode, Job, JobStatus, Role, utc_now
from tests.domain.test_appender import HereEngine, collected, finish, input_of
from tests.services import make_services

ACTIONS = [
    "append",
    "append",
    "append",
    "repeat",
    "seal",
    "claim",
    "collect",
    "die",
    "half",
    "end",
    "stop",
    "cancel",
]
SOME = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.generate, Phase.shrink],
)


class Story:
    """Appends numbers, and does to batches what can befall them; `appended` are the numbers of each job, in order."""

    def __init__(self, folder: Path, database: Database, principal: Principal) -> None:
        self.services = make_services(database, folder / "store", HereEngine())
        self.appender = Appender(
            self.services, HereEngine(), BatchLimits(3_600, batch_bytes=60, backlog_bytes=90)
        )
        self.principal = principal
        self.appended: dict[str, list[int]] = {}
        self.calls: list[tuple[AppendRequest, str, str]] = []
        self.claims: dict[str, Claim] = {}
        self.committed: list[int] = []
        self.canceled: set[str] = set()
        self.number = 0

    async def append(self) -> None:
        """Append two numbers under a key."""
        records = [{"n": self.number}, {"n": self.number + 1}]
        request, key = AppendRequest("live", ndjson(records)), f"key {self.number}"
        with suppress(UserFault):
            answer = await self.appender.append(self.principal, request, key)
            assert answer.job_id is not None
            assert not answer.replayed
            self.appended.setdefault(answer.job_id, []).extend([self.number, self.number + 1])
            self.calls.append((request, key, answer.job_id))
        self.number += 2

    async def repeat(self) -> None:
        """Send the first call again, and the last."""
        for request, key, job_id in [*self.calls[:1], *self.calls[-1:]]:
            answer = await self.appender.append(self.principal, request, key)
            assert (answer.replayed, answer.job_id, answer.accepted) == (True, job_id, 2)

    async def seal(self) -> None:
        await streams.seal_all(self.services, BatchLimits(seconds=0))

    async def claim(self) -> None:
        """Take whatever is due, as a worker does whose lease is over at once."""
        due = await self._jobs(runs.is_due())
        self.claims |= await runs.claim(self.services, due, "host:1:a", -1.0)

    async def collect(self) -> None:
        for claim in self.claims.values():
            await collected(self.services, claim.job)

    async def half(self) -> None:
        """Die between the input's writing and the going of what it was made of."""
        with patch.object(appended, "_drop", side_effect=KeyboardInterrupt), suppress(KeyboardInterrupt):
            await self.collect()

    async def die(self) -> None:
        """Lose all leases: the jobs wait for another worker, and what the first one does is too late."""
        lost, self.claims = self.claims, {}
        await recovery.take_back(self.services, lambda _: True)
        for claim in lost.values():
            assert await endings.close(self.services, [Ending(claim, Halt.INTERRUPTED)])

    async def end(self) -> None:
        """Commit what is claimed."""
        await self.collect()
        for job_id, claim in self.claims.items():
            numbers = [record["n"] for record in await input_of(self.services, job_id)]
            assert numbers == self.appended[job_id]
            await finish(self.services, claim, len(numbers))
            self.committed += numbers
        self.claims = {}

    async def stop(self) -> None:
        """Hand back what is claimed, as a worker that is stopped."""
        for claim in self.claims.values():
            await endings.close(self.services, [Ending(claim, Halt.INTERRUPTED)])
        self.claims = {}

    async def cancel(self) -> None:
        """Cancel the batch that is open, or waits."""
        for job_id in await self._jobs(col(Job.status) == JobStatus.QUEUED):
            await cancellation.cancel(self.services, self.principal, job_id, CancelMode.SAFE)
            self.canceled.add(job_id)

    async def finish(self) -> None:
        """Let everything come to its end."""
        while await self._jobs(col(Job.status).not_in(FINAL)):
            await self.seal()
            await self.claim()
            await self.end()
        await self.appender.close()

    async def _jobs(self, condition: Any) -> list[str]:
        async with self.services.database.read() as session:
            return list(await session.scalars(select(Job.id).where(condition)))


async def tell(database: Database, folder: Path, actions: list[str]) -> None:
    user = await users.ensure_administrator(database)
    story = Story(folder, database, Principal(user.id, Role.OPERATOR, utc_now() + timedelta(hours=1)))
    for action in actions:
        await getattr(story, action)()
    await story.finish()
    kept = [numbers for job_id, numbers in story.appended.items() if job_id not in story.canceled]
    assert story.committed == [number for numbers in kept for number in numbers] == sorted(story.committed)


@SOME
@given(actions=st.lists(st.sampled_from(ACTIONS), min_size=4, max_size=40))
def test_each_record_is_committed_once_in_order(sqlite_template: Path, actions: list[str]) -> None:
    async def play(folder: Path) -> None:
        copyfile(sqlite_template, folder / "headgate.db")
        database = Database.connect(f"sqlite:///{folder / 'headgate.db'}")
        try:
            await tell(database, folder, actions)
        finally:
            await database.close()

    with TemporaryDirectory() as folder:
        asyncio.run(play(Path(folder)))
