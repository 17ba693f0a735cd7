"""Signals between processes, over one channel of Redis."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import orjson
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from headgate.domain.ports import Listener
from headgate.jobs import keys
from headgate.jobs.memory import InProcessSignals
from headgate.jobs.redis_link import LONGEST_PAUSE_S, PATIENCE_S, TROUBLE, Outage, connections

CONNECTIONS = 2
MAX_WAITING = 10_000
"""Topics that wait to be sent, as in an outage; one more, and all listeners are woken instead."""

EVERYTHING = "*"

QUIET_S = 15.0
"""After a silence of this length Redis is asked whether it is there, and after another one taken for gone."""

logger = structlog.get_logger(__name__)


class RedisSignals:
    """Tells listeners in this and in other processes; open while it is used as a context.

    Those in this process don't depend on Redis. What others miss in an outage they are woken for after it, all
    of them, as nobody knows what it was.
    """

    def __init__(self, url: str) -> None:
        pool = connections(url, CONNECTIONS)
        self._redis = Redis.from_pool(pool)
        self._channel = keys.channel(pool.connection_kwargs.get("db", 0))
        self._sender = uuid4().hex
        self._local = InProcessSignals()
        self._sending_outage = Outage("signals.send")
        self._waiting: set[str] = set()
        self._changed = asyncio.Event()
        self._tried = asyncio.Event()
        self._closed = False
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        """Begin; returns once others are heard, or once Redis has failed: it is tried again in the background."""
        self._tasks = [asyncio.create_task(self._send()), asyncio.create_task(self._receive())]
        await self._tried.wait()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; what waits to be sent is sent if that takes no longer than about a second."""
        self._closed = True
        self._changed.set()
        sending, _ = self._tasks
        if not self._sending_outage.is_on:
            await asyncio.wait([sending], timeout=PATIENCE_S)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._redis.aclose()

    def notify(self, topic: str) -> None:
        """Wake every listener of the topic: those in this process at once, others as soon as they hear of it."""
        self._local.rouse(topic)
        if len(self._waiting) >= MAX_WAITING:
            self._waiting = {EVERYTHING}
        self._waiting.add(topic)
        self._changed.set()

    def rouse(self, topic: str) -> None:
        """Wake the topic's listeners in this process only."""
        self._local.rouse(topic)

    def listen(self, topic: str) -> AbstractAsyncContextManager[Listener]:
        """Listen to a topic for as long as the block lasts."""
        return self._local.listen(topic)

    async def _send(self) -> None:
        while self._waiting or not self._closed:
            if not self._waiting:
                self._changed.clear()
                await self._changed.wait()
            await _attempt(self._send_waiting, self._sending_outage)

    async def _send_waiting(self) -> None:
        """Send what waits in one message; what comes meanwhile goes into the next."""
        if not self._waiting:
            return
        topics, self._waiting = self._waiting, set()
        try:
            await self._redis.publish(self._channel, orjson.dumps([self._sender, *topics]))
        except BaseException:
            self._waiting |= topics
            raise

    async def _receive(self) -> None:
        outage = Outage("signals.receive")
        while True:
            await _attempt(lambda: self._listen_to_others(outage.over), outage)
            self._tried.set()

    async def _listen_to_others(self, heard: Callable[[], None]) -> None:
        """Pass on what others send; raises where Redis fails."""
        async with self._redis.pubsub() as subscription:
            await subscription.subscribe(self._channel)
            while True:
                message = await _next_message(subscription)
                if message["type"] == "subscribe":
                    heard()
                    self._tried.set()
                    self._local.rouse_all()
                elif message["type"] == "message":
                    self._pass_on(message["data"])

    def _pass_on(self, text: bytes) -> None:
        try:
            sender, *topics = map(str, orjson.loads(text))
        except (ValueError, TypeError):
            logger.warning("signals.not_understood")
            return
        if sender == self._sender:
            return
        if EVERYTHING in topics:
            self._local.rouse_all()
        for topic in topics:
            self._local.rouse(topic)


async def _next_message(subscription: PubSub) -> dict[str, Any]:
    """Wait for a message; raises ConnectionError where nothing comes and Redis does not answer."""
    message = await subscription.get_message(timeout=QUIET_S)
    if message is None:
        await subscription.ping()
        message = await subscription.get_message(timeout=QUIET_S)
    if message is None:
        raise ConnectionError("Redis does not answer.")
    answer: dict[str, Any] = message
    return answer


async def _attempt(work: Callable[[], Awaitable[None]], outage: Outage) -> None:
    """Do this work; after trouble return only when it is time for another attempt."""
    try:
        await work()
    except TROUBLE as error:
        await asyncio.sleep(outage.trouble(error))
    except Exception:
        logger.exception("signals.trouble")
        await asyncio.sleep(LONGEST_PAUSE_S)
    else:
        outage.over()
