"""Cron expressions: which minutes of the clocks they name. What clocks show is kept apart from when they show it.

The library for this takes `0-0` for every day, `50-10/15` for the minutes 6 and 50, and draws some fields at random:
what this knows is what every cron agrees on.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self

ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
ENTRY = re.compile(
    r"(?:(?P<star>\*)|(?P<low>\w{1,3})(?:-(?P<high>\w{1,3}))?)(?:/(?P<step>\d{1,3}))?", re.ASCII
)
"""What stands between the commas of a field."""
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
SUNDAY = 7
DAYS_AHEAD = 10 * 366
"""The longest wait between two days of an expression, for a 29 February, is eight years."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Field:
    """One of the five fields: what it is called, from where to where it goes, and the names of its values."""

    name: str
    low: int
    high: int
    names: Sequence[str] = ()

    def values(self, text: str) -> frozenset[int]:
        """The values that a text names. Raises ValueError."""
        return frozenset(value for entry in text.split(",") for value in self._span(entry))

    def _span(self, entry: str) -> range:
        if (said := ENTRY.fullmatch(entry)) is None:
            raise ValueError(
                f"{entry!r} is no {self.name}: give *, a value or a range, with a step or without."
            )
        low, high = self.low, self.high
        if not said["star"]:
            low = self._value(said["low"])
            # Where a step follows, one value is where it begins.
            high = self._value(said["high"]) if said["high"] else (self.high if said["step"] else low)
        if self.names is WEEKDAYS and low > high == 0:
            high = SUNDAY
        if low > high:
            raise ValueError(f"{entry!r} runs backwards: give the {self.name} as two ranges.")
        if (step := int(said["step"] or 1)) == 0:
            raise ValueError(f"{entry!r} has a step of 0.")
        return range(low, high + 1, step)

    def _value(self, text: str) -> int:
        if text.lower() in self.names:
            return self.names.index(text.lower()) + self.low
        if not text.isdigit() or not self.low <= int(text) <= self.high:
            raise ValueError(f"{text!r} is no {self.name}: it goes from {self.low} to {self.high}.")
        return int(text)


FIELDS = (
    Field("minute", 0, 59),
    Field("hour", 0, 23),
    Field("day of the month", 1, 31),
    Field("month", 1, 12, MONTHS),
    Field("day of the week", 0, SUNDAY, WEEKDAYS),
)


@dataclass(frozen=True, slots=True)
class Cron:
    """The minutes that an expression names. Where it names days of both kinds, a day of `either` kind will do."""

    minutes: Sequence[int]
    hours: Sequence[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read five fields or an alias. Raises ValueError, also for a day that never comes."""
        texts = ALIASES.get(text, text).split()
        if len(texts) != len(FIELDS):
            names = ", ".join(field.name for field in FIELDS)
            raise ValueError(f"A cron expression has 5 fields: {names}; this has {len(texts)}. {_also()}")
        minutes, hours, days, months, weekdays = (
            field.values(each) for field, each in zip(FIELDS, texts, strict=True)
        )
        either = not any(_says_nothing(texts[each]) for each in (2, 4))
        weekdays = frozenset(day % SUNDAY for day in weekdays)
        cron = cls(sorted(minutes), sorted(hours), days, months, weekdays, either)
        if next(cron.after(datetime(2000, 1, 1)), None) is None:
            raise ValueError(f"{text!r} never comes: there is no such day.")
        return cron

    @property
    def is_hourly(self) -> bool:
        """Whether it names all hours, and so no time of day."""
        return len(self.hours) == FIELDS[1].high + 1

    def after(self, wall: datetime) -> Iterator[datetime]:
        """What the clocks show at the minutes it names, all after a naive moment, the first one first."""
        for ahead in range(DAYS_AHEAD):
            day = wall.date() + ahead * DAY
            if self._has(day):
                earliest = wall.time() if not ahead else None
                yield from (datetime.combine(day, each) for each in self._times(earliest))

    def _has(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        is_day, is_weekday = day.day in self.days, day.isoweekday() % SUNDAY in self.weekdays
        return is_day or is_weekday if self.either else is_day and is_weekday

    def _times(self, earliest: time | None) -> Iterator[time]:
        first = bisect_left(self.hours, earliest.hour) if earliest else 0
        for hour in self.hours[first:]:
            times = (time(hour, minute) for minute in self.minutes)
            yield from times if earliest is None else (each for each in times if each > earliest)


def _says_nothing(days: str) -> bool:
    return "*" in days.split(",")


def _also() -> str:
    return f"Or it is one of {', '.join(ALIASES)}."
