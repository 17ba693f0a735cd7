"""Looks after open batches in the process whose calls opened them: each is sealed as soon as it may be."""

import asyncio
from contextlib import suppress

import structlog

from headgate.domain import streams
from headgate.domain.happenings import topic
from headgate.domain.services import Services
from headgate.domain.streams import BatchLimits, Pause

AFTER_TROUBLE_S = 1.0

logger = structlog.get_logger(__name__)


class Sealer:
    """Seals batches of streams that it is told of; what it misses, as it is killed, a chore of all processes does."""

    def __init__(self, services: Services, limits: BatchLimits) -> None:
        self._services = services
        self._limits = limits
        self._told: dict[str, asyncio.Event] = {}
        self._watching: set[asyncio.Task[None]] = set()

    def look_after(self, stream_id: str) -> None:
        """See to it that the open batch of a stream is sealed; to be told again when it has grown."""
        if (told := self._told.get(stream_id)) is not None:
            told.set()
            return
        self._told[stream_id] = asyncio.Event()
        watching = asyncio.create_task(self._look_after(stream_id, self._told[stream_id]))
        self._watching.add(watching)
        watching.add_done_callback(self._watching.discard)

    async def close(self) -> None:
        """Look after nothing any more."""
        for watching in self._watching:
            watching.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)

    async def _look_after(self, stream_id: str, told: asyncio.Event) -> None:
        while True:
            told.clear()
            pause = await self._seal(stream_id)
            if pause is not None:
                await self._leave_alone(pause, told)
            elif not told.is_set():
                # Nothing comes between this look and the end.
                del self._told[stream_id]
                return

    async def _seal(self, stream_id: str) -> Pause | None:
        try:
            return await streams.seal_ripe(self._services, stream_id, self._limits)
        except Exception:
            logger.exception("batch.not_sealed", stream=stream_id)
            return Pause(AFTER_TROUBLE_S)

    async def _leave_alone(self, pause: Pause, told: asyncio.Event) -> None:
        if pause.behind is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(pause.seconds):
                    await told.wait()
            return
        async with self._services.signals.listen(topic(pause.behind)) as listener:
            if not await streams.has_ended(self._services, pause.behind):
                await listener.wait(pause.seconds)
