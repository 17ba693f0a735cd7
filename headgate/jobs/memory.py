"""Queue and signals within one process: for a server that runs its jobs itself."""

from contextlib import AbstractAsyncContextManager

from headgate.domain.ports import Listener


class InProcessQueue:
    """Hands ids of due jobs to the workers of this process, first come first served; each waits once."""

    async def wake(self, job_id: str) -> None:
        """Put a job in line, unless it waits there already."""
        raise NotImplementedError

    async def take(self) -> str | None:
        """Wait for the next job; None once the queue is closed."""
        raise NotImplementedError

    def close(self) -> None:
        """Hand out nothing any more; whoever waits is told."""
        raise NotImplementedError


class InProcessSignals:
    """Tells listeners in this process."""

    def notify(self, topic: str) -> None:
        """Wake every listener of the topic."""
        raise NotImplementedError

    def listen(self, topic: str) -> AbstractAsyncContextManager[Listener]:
        """Listen to a topic for as long as the block lasts."""
        raise NotImplementedError
