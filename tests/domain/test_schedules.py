"""When schedules come next: on the clocks of time zones, whose hands are moved now and then."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.domain.cron import ALIASES
from headgate.domain.schedules import Schedule, next_run_at
from headgate.storage.tables import OverlapPolicy

MINUTE = timedelta(minutes=1)
BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
# A day before the hands are moved: by an hour, by half of one, by two, at midnight, and by a whole day.
TURNS = (
    ("Europe/Berlin", "2026-03-28"),
    ("Europe/Berlin", "2026-10-24"),
    ("America/New_York", "2026-03-07"),
    ("America/New_York", "2026-10-31"),
    ("America/St_Johns", "2026-10-31"),
    ("Australia/Lord_Howe", "2026-04-04"),
    ("Australia/Lord_Howe", "2026-10-03"),
    ("Antarctica/Troll", "2026-03-28"),
    ("Antarctica/Troll", "2026-10-24"),
    ("Asia/Beirut", "2026-03-28"),
    ("Asia/Beirut", "2026-10-24"),
    ("America/Havana", "2026-10-31"),
    ("America/Asuncion", "2023-03-25"),
    ("Pacific/Apia", "2011-12-28"),
    ("Asia/Kolkata", "2026-03-28"),
)


def ticks(cron: str, zone: str, after: str, count: int) -> list[str]:
    moment, found = datetime.fromisoformat(after), []
    for _ in range(count):
        moment = next_run_at({"cron": cron, "timezone": zone}, moment)
        found.append(moment.strftime("%m-%dT%H:%MZ"))
    return found


def test_a_tick_is_a_moment_on_the_clocks_of_its_zone() -> None:
    assert ticks("0 6 * * *", "Europe/Berlin", "2026-01-10T05:00Z", 2) == ["01-11T05:00Z", "01-12T05:00Z"]
    assert ticks("0 6 * * *", "UTC", "2026-01-10T05:59:59.999999Z", 1) == ["01-10T06:00Z"]
    assert ticks("0 6 * * 1-5", "Asia/Kolkata", "2026-01-09T01:00Z", 2) == ["01-12T00:30Z", "01-13T00:30Z"]


def test_a_time_that_the_clocks_leave_out_counts_as_the_moment_after_the_gap() -> None:
    assert ticks("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", 2) == ["03-29T01:00Z", "03-30T00:30Z"]


def test_many_times_that_the_clocks_leave_out_count_as_one_moment() -> None:
    assert ticks("*/20 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00Z", 3) == [
        "03-29T01:00Z",
        "03-29T01:20Z",
        "03-29T01:40Z",
    ]


def test_a_time_that_comes_twice_counts_once() -> None:
    assert ticks("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", 2) == ["10-25T00:30Z", "10-26T01:30Z"]
    assert ticks("30 2 * * *", "Europe/Berlin", "2026-10-25T01:00Z", 1) == ["10-26T01:30Z"]


def test_a_schedule_for_every_hour_keeps_to_the_hours_as_they_pass() -> None:
    assert ticks("30 * * * *", "Europe/Berlin", "2026-10-24T23:45Z", 3) == [
        "10-25T00:30Z",
        "10-25T01:30Z",
        "10-25T02:30Z",
    ]
    assert ticks("30 * * * *", "Europe/Berlin", "2026-03-29T00:00Z", 2) == ["03-29T00:30Z", "03-29T01:30Z"]


def test_a_day_that_a_zone_leaves_out_is_made_up_for_at_its_end() -> None:
    assert ticks("0 12 30 12 *", "Pacific/Apia", "2011-12-28T00:00Z", 1) == ["12-30T10:00Z"]


@st.composite
def crons(draw: st.DrawFn) -> str:
    """Expressions whose fields are stars, or lists of values and of ranges with and without steps."""
    return " ".join(draw(st.just("*") | fields(low, high)) for low, high in BOUNDS)


def fields(low: int, high: int) -> st.SearchStrategy[str]:
    values = st.integers(low, high)
    spans = st.tuples(values, values).map(sorted).map(lambda ends: f"{ends[0]}-{ends[1]}") | st.just("*")
    stepped = st.tuples(spans, st.sampled_from(["", "/2", "/7", "/20"])).map("".join)
    return st.lists(values.map(str) | stepped, min_size=1, max_size=3).map(",".join)


def values_of(field: str, low: int, high: int) -> set[int]:
    found: set[int] = set()
    for entry in field.split(","):
        span, _, step = entry.partition("/")
        begin, _, end = (f"{low}-{high}" if span == "*" else span).partition("-")
        found |= set(range(int(begin), int(end or begin) + 1, int(step or 1)))
    return found


class Plain:
    """A schedule by its definition: each minute of the clocks matches or doesn't."""

    def __init__(self, cron: str, zone: str) -> None:
        self.fields = cron.split()
        self.zone = ZoneInfo(zone)
        sets = [values_of(field, *bounds) for field, bounds in zip(self.fields, BOUNDS, strict=True)]
        self.minutes, self.hours, self.days, self.months, self.weekdays = sets
        self.is_hourly = len(self.hours) == 24

    def ticks(self, begin: datetime, end: datetime) -> list[datetime]:
        """Go through all minutes after the one and up to the other."""
        return [minute for minute in minutes(begin + MINUTE, end) if self.is_tick(minute)]

    def is_tick(self, moment: datetime) -> bool:
        wall = moment.astimezone(self.zone)
        if self.is_hourly:
            return self.matches(wall)
        shown_before = (moment - MINUTE).astimezone(self.zone).replace(tzinfo=None)
        left_out = minutes(shown_before + MINUTE, wall.replace(tzinfo=None) - MINUTE)
        return not wall.fold and (self.matches(wall) or any(map(self.matches, left_out)))

    def matches(self, wall: datetime) -> bool:
        if wall.minute not in self.minutes or wall.hour not in self.hours or wall.month not in self.months:
            return False
        is_day, is_weekday = wall.day in self.days, wall.isoweekday() % 7 in self.weekdays
        _, _, day, _, weekday = self.fields
        either = is_named(day) and is_named(weekday)
        return is_day or is_weekday if either else is_day and is_weekday


def is_named(field: str) -> bool:
    """Whether a field of days says anything: a star with or without others says nothing."""
    return "*" not in field.split(",")


def minutes(first: datetime, last: datetime) -> Iterator[datetime]:
    while first <= last:
        yield first
        first += MINUTE


@settings(deadline=None, max_examples=80)
@given(crons(), st.sampled_from(TURNS))
def test_the_ticks_over_a_turn_of_the_clocks_are_those_of_a_minute_by_minute_count(
    cron: str, turn: tuple[str, str]
) -> None:
    zone, day = turn
    begin = datetime.fromisoformat(day).replace(tzinfo=UTC)
    end = begin + timedelta(days=2)
    try:
        Schedule(cron=cron, timezone=zone)
    except ValidationError:
        reject()
    found, moment = [], begin
    while (moment := next_run_at({"cron": cron, "timezone": zone}, moment)) <= end:
        found.append(moment)
    assert found == Plain(cron, zone).ticks(begin, end)


@given(crons(), st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))
def test_the_next_tick_is_later_and_none_is_left_out_before_it(cron: str, after: datetime) -> None:
    try:
        Schedule(cron=cron)
    except ValidationError:
        reject()
    tick = next_run_at({"cron": cron}, after)
    plain = Plain(cron, "UTC")
    assert tick > after
    assert plain.is_tick(tick)
    assert not plain.ticks(
        max(after.replace(second=0, microsecond=0), tick - timedelta(days=1)), tick - MINUTE
    )


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("* * * *", "has 5 fields"),
        ("0 0 6 * * *", "has 5 fields"),
        ("", "has 5 fields"),
        ("@reboot", "has 5 fields"),
        ("60 * * * *", "goes from 0 to 59"),
        ("* * 0 * *", "goes from 1 to 31"),
        ("*/0 * * * *", "step of 0"),
        ("0 22-2 * * *", "runs backwards"),
        ("0 0 30 2 *", "never comes"),
        ("0 0 31 4,6 *", "never comes"),
        ("r * * * *", "is no minute"),
        ("H(0-5) * * * *", "is no minute"),
        ("0 0 L * *", "is no day of the month"),
        ("0 0 * * mon#1", "is no day of the week"),
        ("0 0 * foo *", "is no month"),
        ("\N{FULLWIDTH DIGIT ONE} * * * *", "is no minute"),
        ("0 0 15,,16 * *", "is no day of the month"),
        ("9" * 150 + " * * * *", "is no minute"),
        ("9" * 201, "200 characters"),
    ],
)
def test_what_is_no_schedule_is_refused_in_words(cron: str, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Schedule(cron=cron)


@pytest.mark.parametrize("cron", [*ALIASES, "0 0 29 2 *", "0  6 * JAN-mar Mon,fri", "5 4 * * 7"])
def test_what_people_write_is_a_schedule(cron: str) -> None:
    assert next_run_at({"cron": cron}, datetime(2026, 1, 1, tzinfo=UTC)) > datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "zone",
    ["America", "../UTC", "/etc/localtime", "localtime", "Factory", "europe/berlin", "", "UTC\0", "x" * 500],
)
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValidationError, match="is no IANA time zone"):
        Schedule(cron="@daily", timezone=zone)


def test_a_schedule_is_in_utc_and_skips_by_itself() -> None:
    schedule = Schedule(cron="@daily")
    assert (schedule.timezone, schedule.overlap) == ("UTC", OverlapPolicy.SKIP)
    assert schedule.to_json() == {"cron": "@daily"}
