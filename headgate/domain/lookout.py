"""Looks whether there are events, or versions of datasets, of which the followers in this process were not told."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Self

from sqlmodel import col, or_, select

from headgate.domain.dataset_versions import topic as dataset_topic
from headgate.domain.event_reader import ALL
from headgate.domain.happenings import EVERY_JOB, topic
from headgate.domain.services import Services
from headgate.storage.tables import Dataset, JobEvent, utc_now

LOOK_EVERY_S = 2.0
"""A signal can be lost with whoever would have sent it; the table cannot."""
AT_ONCE = 5000
"""So many numbers of events, which have gaps, are looked through by one query."""


CHANGED_WITHIN = timedelta(minutes=1)
"""The moment of a change is taken before it is committed, maybe on a machine whose clock is another."""


class Lookout:
    """Rouses those who follow a job, all jobs or a dataset, where something of it has come since the last look.

    One for all followers of a process, so that they needn't look by themselves.
    """

    def __init__(self, services: Services, number: int) -> None:
        self._services = services
        self._number = number
        self._versions: dict[str, int | None] = {}

    @classmethod
    async def begin(cls, services: Services) -> Self:
        """Begin behind the newest event: whoever follows from now on reads that by himself."""
        return cls(services, await services.events.newest(ALL))

    async def look(self) -> None:
        """Look once; after trouble the next look covers this one too."""
        newest = await self._services.events.newest(ALL)
        for after in range(self._number, newest, AT_ONCE):
            self._rouse(await self._jobs_within(after, min(after + AT_ONCE, newest)))
        self._number = newest
        await self._look_at_datasets()

    async def _look_at_datasets(self) -> None:
        since = utc_now() - CHANGED_WITHIN
        changed = or_(col(Dataset.updated_at) > since, col(Dataset.deleted_at) > since)
        statement = select(Dataset.id, Dataset.version, Dataset.deleted_at).where(changed)
        async with self._services.database.read() as session:
            found = (await session.execute(statement)).all()
        versions = {id: None if deleted_at else version for id, version, deleted_at in found}
        for dataset_id, version in versions.items():
            if dataset_id not in self._versions or self._versions[dataset_id] != version:
                self._services.signals.rouse(dataset_topic(dataset_id))
        self._versions = versions

    async def _jobs_within(self, after: int, upto: int) -> Iterable[str]:
        number = col(JobEvent.number)
        statement = select(JobEvent.job_id).where(number > after, number <= upto).distinct()
        async with self._services.database.read() as session:
            return (await session.scalars(statement)).all()

    def _rouse(self, job_ids: Iterable[str]) -> None:
        for name in (*map(topic, job_ids), EVERY_JOB):
            self._services.signals.rouse(name)
