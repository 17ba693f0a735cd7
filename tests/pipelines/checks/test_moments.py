"""Moments in text are read as Python reads them, however spellings are mixed."""

from datetime import UTC, datetime, timedelta, timezone

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.pipelines.checks.moments import iso_moments

ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=2)), timezone(-timedelta(hours=5, minutes=30))])
YEARS = st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31))
BROKEN = [
    "soon",
    "",
    "2024-02-30",
    "2024-1-1",
    "2024-01-01T25:00",
    "2024-01-01T10",
    "2024-01-01 10:00:00 Z",
    "20240101",
]


@st.composite
def spellings(draw: st.DrawFn) -> tuple[str | None, datetime | None]:
    """A text, and the moment in UTC that it names."""
    moment = draw(YEARS).replace(tzinfo=draw(ZONES))
    match draw(
        st.sampled_from(["day", "minutes", "seconds", "milliseconds", "microseconds", "broken", "null"])
    ):
        case "null":
            return None, None
        case "broken":
            return draw(st.sampled_from(BROKEN)), None
        case "day":
            return f"{moment.date()}", datetime.combine(moment.date(), datetime.min.time())
        case precision:
            text = moment.isoformat(draw(st.sampled_from("T ")), precision)
    named = datetime.fromisoformat(text)
    if named.tzinfo is not None:
        named = named.astimezone(UTC).replace(tzinfo=None)
    return draw(st.sampled_from([text, text.replace("+00:00", "Z")])), named


@settings(max_examples=100)
@given(st.lists(spellings(), max_size=20))
def test_every_spelling_of_a_moment_is_read_and_nothing_else(
    cells: list[tuple[str | None, datetime | None]],
) -> None:
    texts = pl.Series("text", [text for text, _ in cells], dtype=pl.String)
    moments = texts.to_frame().select(iso_moments(pl.col("text"))).to_series()
    assert moments.to_list() == [moment for _, moment in cells]
