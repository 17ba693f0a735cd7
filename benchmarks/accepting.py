"""Jobs that are accepted without a server, by the code that a server does it with."""

from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from benchmarks.guards import UNREACHED
from headgate.domain.acceptance import NewJob, accept
from headgate.domain.services import Services
from headgate.server.assembly import Transport, make_pool, make_services
from headgate.server.preparation import key_ring, prepare_database
from headgate.settings import Settings
from headgate.storage.ids import new_id
from headgate.storage.tables import Job, JobKind, utc_now

SPEC = {"source": {"input": {"format": "CSV"}}, "sinks": [{"dataset": {"mode": "APPEND", "keys": []}}]}


@dataclass(frozen=True, slots=True)
class Place:
    """Where one Headgate keeps what it has, and through which Redis its processes talk."""

    home: Path
    redis_url: str
    database_url: str | None = None

    def variables(self, *, workers: int) -> dict[str, str]:
        """The settings of its processes beside the home."""
        given = {**UNREACHED, "HEADGATE_REDIS_URL": self.redis_url, "HEADGATE_WORKERS": str(workers)}
        return given | ({"HEADGATE_DATABASE_URL": self.database_url} if self.database_url else {})

    def settings(self) -> Settings:
        """The settings for this process."""
        return Settings(home=self.home, redis_url=self.redis_url, database_url=self.database_url)


class Acceptor:
    """Accepts jobs at a place; open while it is used as a context, which brings the database up to date."""

    def __init__(self, place: Place) -> None:
        self._settings = place.settings()
        self._transport = Transport.of(self._settings)
        pool = make_pool(self._settings, 1)
        self.services: Services = make_services(
            self._settings, self._transport, pool, key_ring(self._settings)
        )
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._settings.home.mkdir(parents=True, exist_ok=True)
        self._stack.push_async_callback(self.services.database.close)
        user = await prepare_database(self._settings, self.services.database)
        self._user_id = user.id
        await self._transport.connect(self._stack)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def accept(self, count: int, dataset: str, due_at: datetime | None = None) -> list[str]:
        """Accept so many jobs that read nothing, and answer their ids; they wait until `due_at`, if it is given."""
        new = [NewJob(self._job(due_at or utc_now()), dataset) for _ in range(count)]
        await accept(self.services, new, None, deed=None)
        return [each.job.id for each in new]

    def _job(self, created_at: datetime) -> Job:
        return Job(
            id=new_id("job"),
            kind=JobKind.INGEST,
            spec=SPEC,
            created_at=created_at,
            created_by_id=self._user_id,
        )
