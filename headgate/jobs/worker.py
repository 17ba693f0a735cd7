"""The worker: takes due jobs, runs each in a child process and records how it went."""

from headgate.domain.services import Services
from headgate.jobs.memory import InProcessQueue


class Worker:
    """Runs jobs, up to `concurrency` at once; one that falls silent loses its job after `lease_seconds`."""

    def __init__(
        self, services: Services, queue: InProcessQueue, *, concurrency: int, lease_seconds: float
    ) -> None:
        raise NotImplementedError

    async def run(self) -> None:
        """Work until `stop()`; begins with the jobs that an earlier process left."""
        raise NotImplementedError

    async def stop(self, grace_s: float) -> None:
        """Take no more jobs; jobs still running after `grace_s` seconds are handed back."""
        raise NotImplementedError
