"""Redis: reachable, writable, and not one that drops what it is told to keep."""

from collections.abc import Iterator, Mapping
from time import time
from typing import Any

from redis import Redis
from redis.exceptions import RedisError

from headgate.cli.doctor.database import clock
from headgate.cli.doctor.findings import Finding, fine, problem, warning
from headgate.errors import reason_of
from headgate.settings import Settings

PATIENCE_S = 3.0
OLDEST = (6, 2)
"""Older ones were never tried."""
FULL = 0.9


def redis(settings: Settings) -> Iterator[Finding]:
    """Ask Redis what it is like."""
    if settings.redis_url is None:
        yield fine("redis", "HEADGATE_REDIS_URL is not set: the server runs the jobs itself.")
        return
    try:
        with Redis.from_url(
            settings.redis_url, socket_timeout=PATIENCE_S, socket_connect_timeout=PATIENCE_S
        ) as connection:
            told: Mapping[str, Any] = connection.info()
            seconds, micros = connection.time()
    except (RedisError, OSError) as error:
        yield problem(
            "redis",
            f"It can't be reached: {reason_of(error)}",
            "Start it, or look at HEADGATE_REDIS_URL. Jobs are accepted without it, and begin late.",
        )
        return
    yield from _version(str(told["redis_version"]))
    yield from _role(str(told.get("role")))
    yield from _memory(told)
    yield clock("Redis", seconds + micros / 1e6 - time())


def _version(version: str) -> Iterator[Finding]:
    if tuple(map(int, version.split(".")[:2])) < OLDEST:
        yield warning(
            "redis", f"Redis {version} is older than any that was tried.", "Install Redis 6.2 or newer."
        )
    else:
        yield fine("redis", f"Redis {version}.")


def _role(role: str) -> Iterator[Finding]:
    if role == "slave":
        yield problem(
            "redis", "It is a replica, which can't be written to.", "Name the primary in HEADGATE_REDIS_URL."
        )


def _memory(told: Mapping[str, Any]) -> Iterator[Finding]:
    limit, policy = int(told.get("maxmemory", 0)), str(told.get("maxmemory_policy", "noeviction"))
    if limit and policy != "noeviction":
        yield warning(
            "redis",
            f"It drops keys when its memory is full ({policy}): jobs whose wake-up is dropped begin late.",
            "Set maxmemory-policy noeviction, or give Headgate a Redis of its own.",
        )
    if limit and int(told["used_memory"]) > FULL * limit:
        yield warning("redis", "Nine tenths of its memory are used.", "Raise maxmemory.")
