"""Texts become values of the type that was asked for, or nothing: never another value than was written."""

from datetime import date, datetime, time
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.pipelines.parsing import INSTANT, PARSERS, Parser, has_zone, tells
from headgate.storage.columns import ColumnType

BOOLEAN, DATE, DATETIME, TIME = ColumnType.BOOLEAN, ColumnType.DATE, ColumnType.DATETIME, ColumnType.TIME
FLOAT, INTEGER = ColumnType.FLOAT, ColumnType.INTEGER


def parsed(parser: tuple[pl.DataType, Parser], texts: list[str], format: str | None = None) -> list[Any]:
    dtype, parse = parser
    found = pl.DataFrame({"text": texts}).select(parse(pl.col("text"), format)).to_series()
    assert found.dtype == dtype
    return found.to_list()


def read(type_: ColumnType, *texts: str, format: str | None = None) -> list[Any]:
    return parsed(PARSERS[type_], list(texts), format)


@pytest.mark.parametrize(
    ("type_", "texts", "values"),
    [
        (INTEGER, ["007", "+5", "-0", "9223372036854775807"], [7, 5, 0, 2**63 - 1]),
        (FLOAT, ["1.", ".5", "+1e5", "1E-2", "-0.5"], [1.0, 0.5, 1e5, 0.01, -0.5]),
        (BOOLEAN, ["true", "TRUE", "False"], [True, True, False]),
        (DATE, ["2024-02-29", "0001-01-01", "9999-12-31"], [date(2024, 2, 29), date.min, date.max]),
        (TIME, ["08:30", "23:59:59", "00:00:00.5"], [time(8, 30), time(23, 59, 59), time(0, 0, 0, 500_000)]),
        (DATETIME, ["2024-01-02T03:04"], [datetime(2024, 1, 2, 3, 4)]),
        (DATETIME, ["2024-01-02 03:04:05"], [datetime(2024, 1, 2, 3, 4, 5)]),
        (DATETIME, ["2024-01-02T03:04:05.123456000"], [datetime(2024, 1, 2, 3, 4, 5, 123456)]),
    ],
)  # fmt: skip
def test_each_usual_spelling_is_read(type_: ColumnType, texts: list[str], values: list[Any]) -> None:
    assert read(type_, *texts) == values


@pytest.mark.parametrize(
    ("type_", "texts"),
    [
        (INTEGER, ["", "1.0", "1e3", " 1", "1_000", "0x1", "٣", "--1", "9223372036854775808"]),
        (FLOAT, ["", ".", "NaN", "inf", "1e400", "1,5", " 1", "1_0", "0x1p3"]),
        (BOOLEAN, ["", "1", "t", "yes", "true "]),
        (DATE, ["2023-02-29", "2024-2-3", " 2024-1-01", "2024- 1-01", "+2024-1-01", "02024-1-01", "0000-01-01"]),
        (DATE, ["10000-1-1", "2024-01-01T00:00:00", "٢٠٢٤-01-01", "01.02.2024", ""]),
        (TIME, ["24:00", "1:2", "12", "12:30 ", "12:30:60", "12:30Z", "12:30:00.1234567890", ""]),
        (DATETIME, ["2024-01-01", "2024-01-01T24:00", "2024-01-01T00:00:60", "2024-1-1T1:2:3", ""]),
        (DATETIME, ["2024-01-01T10:00:00Z", "2024-01-01T10:00:00.1234567", "2024-01-01  10:00", "0000-01-01T00:00"]),
    ],
)  # fmt: skip
def test_what_is_written_otherwise_is_no_value(type_: ColumnType, texts: list[str]) -> None:
    assert read(type_, *texts) == [None] * len(texts)


def test_moments_with_an_offset_are_read_in_utc() -> None:
    texts = ["2024-01-01T10:00:00Z", "2024-01-01 10:00+01:30", "2024-01-01T10:00:00.5-0100"]
    times = [value.strftime("%H:%M:%S.%f") for value in parsed(INSTANT, texts)]
    assert times == ["10:00:00.000000", "08:30:00.000000", "11:00:00.500000"]
    none = [
        "2024-01-01T10:00:00",
        "2024-01-01T10:00:00z",
        "2024-01-01T10:00 +01:00",
        "2024-01-01T10:00+25:00",
    ]
    assert parsed(INSTANT, [*none, "0001-01-01T00:00:00+01:00"]) == [None] * 5


@pytest.mark.parametrize(
    ("texts", "format", "zoned"),
    [
        ([None, "2024-01-01T10:00:00Z"], None, True),
        (["2024-01-01T10:00:00", "2024-01-01T10:00:00Z"], None, False),
        ([], None, False),
        (["2024-01-01T10:00:00"], "%Y-%m-%d %H:%M %z", True),
        (["2024-01-01T10:00:00Z"], "%Y-%m-%dT%H:%M:%SZ", False),
    ],
)
def test_whether_moments_have_a_zone_their_format_says_or_the_first_of_them(
    texts: list[str | None], format: str | None, zoned: bool
) -> None:
    assert has_zone(pl.Series(texts, dtype=pl.String), format) is zoned


@pytest.mark.parametrize(
    ("type_", "format", "text", "value"),
    [
        (DATE, "%d.%m.%Y", "31.12.2024", date(2024, 12, 31)),
        (DATE, "%d.%m.%Y", "1.2.2024", date(2024, 2, 1)),
        (DATE, "%d/%m/%y", "31/12/24", date(2024, 12, 31)),
        (DATE, "%Y%m%d", "20241231", date(2024, 12, 31)),
        (DATE, "%B %d, %Y", "December 31, 2024", date(2024, 12, 31)),
        (DATE, "%d.%m.%Y", "2024-12-31", None),
        (TIME, "%I:%M %p", "10:30 PM", time(22, 30)),
        (TIME, "%H%M", "1030", time(10, 30)),
        (DATETIME, "%d.%m.%Y %H:%M", "31.12.2024 10:30", datetime(2024, 12, 31, 10, 30)),
        (DATETIME, "%Y-%m-%d %H:%M:%S.%f", "2024-12-31 10:30:00.5", datetime(2024, 12, 31, 10, 30, 0, 500_000)),
        (DATETIME, "%d.%m.%Y", "31.12.2024", datetime(2024, 12, 31)),
    ],
)  # fmt: skip
def test_texts_in_a_format_are_read_by_it(type_: ColumnType, format: str, text: str, value: Any) -> None:
    assert tells(format, type_)
    assert read(type_, text, format=format) == [value]


@pytest.mark.parametrize(
    ("type_", "format"),
    [
        *((DATE, format) for format in ("", "%", "%Q", "text", "%Y", "%Y-%m", "%d.%m", "%H:%M", "%A", "\0", "%é")),
        *((TIME, format) for format in ("%H", "%I:%M", "%M:%S", "%Y-%m-%d", "%Q")),
        *((DATETIME, format) for format in ("%H:%M", "%d.%m.%Y %H", "%Y-%m-%d %H:%M:%S %f", "%Q", "%z", "%" * 50)),
    ],
)  # fmt: skip
def test_a_format_that_does_not_tell_a_whole_value_is_none(type_: ColumnType, format: str) -> None:
    assert not tells(format, type_)


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)))
def test_what_python_writes_as_iso_8601_is_read_as_it_was(moment: datetime) -> None:
    assert read(DATETIME, moment.isoformat(), moment.isoformat(" ")) == [moment, moment]
    assert read(DATE, moment.date().isoformat()) == [moment.date()]
    assert read(TIME, moment.time().isoformat()) == [moment.time()]
    (instant,) = parsed(INSTANT, [moment.isoformat() + "Z"])
    assert instant.replace(tzinfo=None) == moment


@given(st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False))
def test_what_python_writes_of_a_number_is_read_as_it_was(integer: int, number: float) -> None:
    assert read(INTEGER, str(integer)) == [integer]
    assert read(FLOAT, repr(number), str(integer)) == [number, float(integer)]
