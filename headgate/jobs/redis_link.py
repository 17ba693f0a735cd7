"""What all that talks to Redis shares: connections that give up soon, and calm in an outage."""

import structlog
from redis.asyncio import BlockingConnectionPool, ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

TROUBLE = (RedisError, OSError)
"""What is raised where Redis can't be reached or refuses."""

PATIENCE_S = 1.0
"""How long an answer of Redis is waited for."""

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 2.0

RETRY = {"retry": Retry(NoBackoff(), 1), "retry_on_error": [RedisConnectionError]}
"""A connection that Redis has closed, as when it was restarted, is made again at once, and once."""

logger = structlog.get_logger(__name__)


def connections(url: str, count: int) -> ConnectionPool:
    """Make a pool of up to `count` connections, made when they are needed; ValueError for what is no URL."""
    return BlockingConnectionPool.from_url(
        url,
        max_connections=count,
        timeout=PATIENCE_S,
        socket_timeout=PATIENCE_S,
        socket_connect_timeout=PATIENCE_S,
        **RETRY,
    )


def unlimited_connections(url: str) -> ConnectionPool:
    """Make a pool whose user limits connections and patience itself: a time limit costs a third more a command."""
    return ConnectionPool.from_url(url, socket_connect_timeout=PATIENCE_S, **RETRY)


class Outage:
    """Tells once that Redis fails us and once that it is back; knows how long to wait in between."""

    def __init__(self, purpose: str) -> None:
        self._purpose = purpose
        self._pause_s = 0.0

    @property
    def is_on(self) -> bool:
        """Whether the last attempt failed."""
        return self._pause_s > 0

    def trouble(self, error: BaseException) -> float:
        """Take note of a failure; answers how many seconds to wait before the next attempt."""
        if not self.is_on:
            logger.warning(
                "redis.fails",
                purpose=self._purpose,
                error=type(error).__name__,
                reason=str(error) or "no answer in time",
            )
        self._pause_s = min(self._pause_s * 2 or FIRST_PAUSE_S, LONGEST_PAUSE_S)
        return self._pause_s

    def over(self) -> None:
        """Take note of a success."""
        if self.is_on:
            logger.info("redis.back", purpose=self._purpose)
        self._pause_s = 0.0
