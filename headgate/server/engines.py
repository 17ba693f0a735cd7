"""The processes of the engine that a server keeps warm.

They take longer to import what they need than anything else at a start, so this module imports little: they are started
first, and the rest of the server is put together meanwhile.
"""

from dataclasses import dataclass
from typing import Self

from headgate.jobs.children import ENGINE, ChildPool
from headgate.settings import Settings

INSPECTORS = 1


def make_pool(settings: Settings, size: int) -> ChildPool:
    """Make a pool of processes for the engine; none is started yet."""
    return ChildPool(size, memory_bytes=settings.child_memory_bytes, command=(*ENGINE, settings.log_format))


@dataclass(frozen=True, slots=True)
class Engines:
    """Who looks into files, and who runs jobs; the latter is nobody where workers do, through Redis."""

    inspector: ChildPool
    runner: ChildPool | None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Make what the settings ask for; nothing is started yet."""
        runner = make_pool(settings, settings.workers) if settings.redis_url is None else None
        return cls(make_pool(settings, INSPECTORS), runner)

    @property
    def pools(self) -> list[ChildPool]:
        """Every pool that there is."""
        return [self.inspector] if self.runner is None else [self.inspector, self.runner]

    async def start(self) -> None:
        """Start all processes that are not started yet; they are not waited for."""
        for pool in self.pools:
            await pool.start()

    async def close(self) -> None:
        """End all processes."""
        for pool in self.pools:
            await pool.close()
