"""Schedules: when a pipeline runs by itself, as people say it, and which moment is next."""

from bisect import bisect_left
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import Field, field_validator

from headgate.domain.cron import ALIASES, Cron
from headgate.pipelines.kinds import Settings
from headgate.storage.tables import OverlapPolicy

MAX_CRON_CHARACTERS = 200
MAX_ZONE_CHARACTERS = 64
NOT_ZONES = frozenset({"localtime", "Factory"})
"""What is listed among time zones and is none: the first is another one on each machine."""
MINUTE = timedelta(minutes=1)
LONGEST_TURN_BACK = timedelta(hours=3)
"""No clock is set back by more."""


class Schedule(Settings):
    """When a pipeline runs by itself: at every minute that matches a cron expression, on the clocks of a time zone.

    Where clocks are set forward, times of day that are left out count as the first moment after the gap; where they
    are set back, one that comes twice counts once. A schedule for every hour, such as `30 * * * *`, names no time of
    day: it keeps to the hours as they pass.
    """

    cron: str = Field(
        max_length=MAX_CRON_CHARACTERS,
        description="Minute, hour, day of the month, month and day of the week, as in `0 6 * * 1-5`, or one of "
        f"{', '.join(ALIASES)}. Where days of both kinds are named, a day of either kind will do.",
        examples=["0 6 * * *"],
    )
    timezone: str = Field(
        "UTC", description="The IANA time zone on whose clocks this is read, such as Europe/Berlin."
    )
    overlap: OverlapPolicy = Field(
        OverlapPolicy.SKIP,
        description="What a tick does while a job of the pipeline is at work: SKIP leaves the tick out, QUEUE lets "
        "its job wait for that one, CANCEL_RUNNING stops that one.",
    )

    @field_validator("cron")
    @classmethod
    def _is_cron(cls, value: str) -> str:
        Cron.parse(value)
        return value

    @field_validator("timezone")
    @classmethod
    def _is_zone(cls, value: str) -> str:
        if value not in _zones():
            message = f"{value[:MAX_ZONE_CHARACTERS]!r} is no IANA time zone, such as Europe/Berlin or UTC."
            raise ValueError(message)
        return value


def next_run_at(schedule: Mapping[str, Any], after: datetime) -> datetime:
    """Find the first moment, in UTC, after a given one at which a schedule starts a job.

    Raises ValueError for a schedule that is none, OverflowError at the end of the calendar.
    """
    wanted = Schedule.model_validate(schedule)
    cron, zone = Cron.parse(wanted.cron), ZoneInfo(wanted.timezone)
    now = after.astimezone(zone).replace(tzinfo=None)
    found: list[datetime] = []
    for wall in cron.after(now - _turn_back(after, zone)):
        moments = [each for each in _moments(wall, zone, cron.is_hourly) if each > after]
        found += moments
        if moments and wall > now:
            break
    return min(found)


def newest_tick(schedule: Mapping[str, Any], first: datetime, now: datetime) -> datetime:
    """Find the last tick up to now, of a schedule that has one at `first`. Raises what `next_run_at` raises."""
    minutes = range((now - first) // MINUTE)

    def is_last(minute: int) -> bool:
        return next_run_at(schedule, first + minute * MINUTE) > now

    return first + bisect_left(minutes, True, key=is_last) * MINUTE


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones() - NOT_ZONES)


def _turn_back(moment: datetime, zone: ZoneInfo) -> timedelta:
    """By how much clocks are set back in the hours from a moment on: what they show then comes again."""
    now, soon = (each.astimezone(zone).utcoffset() for each in (moment, moment + LONGEST_TURN_BACK))
    assert now is not None
    assert soon is not None
    return max(now - soon, timedelta())


def _moments(wall: datetime, zone: ZoneInfo, is_hourly: bool) -> list[datetime]:
    """The moments that count for a time which the clocks show once, twice or, where they leave it out, never."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return [first]
    if first < second:
        return [first, second] if is_hourly else [first]
    return [] if is_hourly else [_end_of_gap(second, first, zone)]


def _end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The moment between these two at which the clocks are set forward."""
    minutes = range((after - before) // MINUTE)
    offset = after.astimezone(zone).utcoffset()

    def is_set(minute: int) -> bool:
        return (before + minute * MINUTE).astimezone(zone).utcoffset() == offset

    return before + bisect_left(minutes, True, key=is_set) * MINUTE
