"""Checks of how values are spelled: as a type, a date, an e-mail address, a URL."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from tests.pipelines.checks.harness import check, failing, suggestions

TEXTS: list[tuple[str, list[str], list[str]]] = [
    ("STRING", ["", "abc", "1"], []),
    ("INTEGER", ["0", "-5", "007", "+7"], ["", "abc", "1.0", "1e3", " 1", "9223372036854775808"]),
    ("FLOAT", ["0", "1.5", ".5", "1e3"], ["", "abc", "NaN", "inf", "1,5"]),
    ("DECIMAL", ["1", "-1.50", "9" * 38], ["", "1e3", "9" * 39, "0." + "1" * 38, "x"]),
    ("BOOLEAN", ["true", "False", "TRUE"], ["", "yes", "1", "0"]),
    (
        "DATE",
        ["2024-02-29"],
        ["", "2023-02-29", "2024-1-1", "31.12.2024", "2024-01-01T00:00:00", "0000-01-01"],
    ),
    ("TIME", ["23:59", "23:59:59", "23:59:59.5"], ["", "24:00", "noon"]),
    (
        "DATETIME",
        ["2024-01-01T10:00:00", "2024-01-01 10:00", "2024-01-01T10:00:00.5Z", "2024-01-01T10:00:00+02:00"],
        ["", "2024-01-01", "2024-01-01T25:00:00", "now"],
    ),
    ("LIST", [], ["[1]", ""]),
    ("STRUCT", [], ["{}"]),
    ("DURATION", [], ["1d"]),
    ("BINARY", [], ["AA=="]),
]


@pytest.mark.parametrize(("type_", "good", "bad"), TEXTS)
def test_text_is_of_a_type_where_it_spells_a_value_of_it(type_: str, good: list[str], bad: list[str]) -> None:
    assert failing("type", [*good, None, *bad], type=type_) == dict.fromkeys(bad, "TYPE")


@pytest.mark.parametrize(
    ("type_", "values", "bad"),
    [
        ("INTEGER", pl.Series([1, None]), []),
        ("INTEGER", pl.Series([1.0, 1.5, None]), [1.5]),
        ("INTEGER", pl.Series([True, None]), [True]),
        ("FLOAT", pl.Series([1, 2**53 + 1]), [2**53 + 1]),
        ("DECIMAL", pl.Series([1.5, float("nan")]), None),
        ("DECIMAL", pl.Series([Decimal("1.5"), None]), []),
        ("STRING", pl.Series([1, None]), []),
        ("DATE", pl.Series([datetime(2024, 1, 1), datetime(2024, 1, 1, 1)]), [datetime(2024, 1, 1, 1)]),
        ("DATETIME", pl.Series([date(2024, 1, 1)]), []),
        ("DATETIME", pl.Series([5]), [5]),
        ("TIME", pl.Series([time(1), None]), []),
        ("DATE", pl.Series(["2024-01-01", "x"], dtype=pl.Categorical()), ["x"]),
    ],
)
def test_typed_values_are_of_another_type_where_they_lose_nothing_in_it(
    type_: str, values: pl.Series, bad: list[Any] | None
) -> None:
    found = failing("type", values, type=type_)
    assert list(found.values()) == ["TYPE"] if bad is None else found == dict.fromkeys(bad, "TYPE")


def test_a_list_is_of_type_list() -> None:
    assert failing("type", pl.Series([[1], None]), type="LIST") == {}


def test_a_format_says_how_a_type_is_spelled() -> None:
    dates = ["31.12.2024", "2024-12-31", "31.13.2024", None]
    assert failing("type", dates, type="DATE", format="%d.%m.%Y") == dict.fromkeys(dates[1:3], "TYPE")
    moments = ["31.12.2024 23:59", "31.12.2024"]
    assert failing("type", moments, type="DATETIME", format="%d.%m.%Y %H:%M") == {"31.12.2024": "TYPE"}
    assert failing("date", dates, format="%d.%m.%Y") == dict.fromkeys(dates[1:3], "TYPE")


NO_DATES = ["", "2024-02-30", "24-12-31", "20241231", "soon"]
ZONED = "2024-01-01T00:30:00+0200"
MIDNIGHT = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "settings", "bad"),
    [
        (["2024-12-31", "2024-12-31T10:00:00Z", "2024-12-31 10:00", None], {}, {}),
        (NO_DATES, {}, dict.fromkeys(NO_DATES, "TYPE")),
        (["2023-12-31", "2024-01-01"], {"min": "2024-01-01"}, {"2023-12-31": "RANGE"}),
        (["2024-12-31T23:59:59", "2025-01-01"], {"max": "2024-12-31"}, {"2025-01-01": "RANGE"}),
        (["31.12.2023"], {"format": "%d.%m.%Y", "min": "2024-01-01"}, {"31.12.2023": "RANGE"}),
        ([ZONED], {"format": "%Y-%m-%dT%H:%M:%S%z", "min": "2024-01-01"}, {ZONED: "RANGE"}),
        ([date(2023, 1, 1), date(2024, 1, 1), None], {"min": "2024-01-01"}, {date(2023, 1, 1): "RANGE"}),
        ([MIDNIGHT], {"max": "2023-12-31T23:59:59Z"}, {MIDNIGHT: "RANGE"}),
        ([5, None], {}, {5: "TYPE"}),
    ],
)
def test_dates_are_read_and_bounded(values: list[Any], settings: dict[str, Any], bad: dict[Any, str]) -> None:
    assert failing("date", values, **settings) == bad


def test_e_mail_addresses_are_told_from_what_only_looks_like_one() -> None:
    good = ["a@b.de", "ann.lee+news@mail.example.org", "o'hara@x-y.co.uk", "1@2.com", "a@xn--bcher-kva.de"]
    bad = [
        *(
            "",
            " ",
            "ann",
            "@b.de",
            "a@",
            "a@b",
            "a@@b.de",
            "a@b,de",
            " a@b.de",
            "a b@c.de",
            "a@b..de",
            "a@-b.de",
        ),
        *(
            ".a@b.de",
            "a..b@c.de",
            "a.@b.de",
            "a@b.de.",
            "Ann <a@b.de>",
            "ä@b.de",
            "a@b.de\n",
            "a@b.de, c@d.de",
        ),
        "a" * 250 + "@b.de",
    ]
    assert failing("email", [*good, None, *bad]) == dict.fromkeys(bad, "EMAIL")
    assert failing("email", [5, None]) == {5: "EMAIL"}


def test_urls_are_told_from_what_only_looks_like_one() -> None:
    good = [
        *("http://example.org", "https://example.org/a/b?c=d&e=%20#f", "HTTP://EXAMPLE.ORG:8080/", "http://localhost"),
        *("http://user:secret@example.org/", "http://[::1]:80/x", "http://bücher.de/straße", "https://a.b.c./", "http://1.2.3.4"),
    ]  # fmt: skip
    bad = [
        *("", "example.org", "www.example.org", "http:/example.org", "http://", "ftp://example.org", "//example.org"),
        *("http://exa mple.org", "http://example.org/a b", " http://example.org", "http://example.org/%zz", "http://.org"),
        *("javascript:alert(1)", "http://example.org:70000", "http://-a.org", "http://a..b", "http://a/<b>", "http://a\n"),
    ]  # fmt: skip
    assert failing("url", [*good, None, *bad]) == dict.fromkeys(bad, "URL")
    assert failing("url", [5, None]) == {5: "URL"}


def test_the_schemes_of_urls_can_be_given() -> None:
    urls = ["ftp://example.org", "s3://bucket/key", "http://example.org"]
    assert failing("url", urls, schemes=["ftp", "s3"]) == {"http://example.org": "URL"}


@pytest.mark.parametrize(
    ("kind", "settings", "proposed"),
    [
        (
            "type",
            {"type": "INTEGER"},
            {"1,234,567": "1234567", " 5 ": "5", "5.0": "5", "5.5": None, "x": None},
        ),
        ("type", {"type": "FLOAT"}, {"1.234,5": "1234.5", "1 234.5": "1234.5"}),
        ("type", {"type": "BOOLEAN"}, {"yes": "true", " N ": "false", "1": None}),
        ("type", {"type": "DATE"}, {"31.12.2024": "2024-12-31", "2024-12-31T00:00:00": "2024-12-31"}),
        ("type", {"type": "DATE", "format": "%d.%m.%Y"}, {"2024-12-31": "31.12.2024"}),
        ("date", {}, {"12/31/2024": "2024-12-31", "01/02/2024": None, "Dec 31, 2024": "2024-12-31"}),
        (
            "email",
            {},
            {
                " a@b.de ": "a@b.de",
                "a@b,de": "a@b.de",
                "a@@b.de": "a@b.de",
                "a@b..de": "a@b.de",
                "a at b": None,
            },
        ),
        (
            "url",
            {},
            {
                " http://a.de": "http://a.de",
                "http:/a.de": "http://a.de",
                "www.a.de": "https://www.a.de",
                "x y": None,
            },
        ),
    ],
)
def test_faulty_spellings_come_with_what_was_plainly_meant(
    kind: str, settings: dict[str, Any], proposed: dict[str, str | None]
) -> None:
    assert suggestions(kind, list(proposed), **settings) == proposed


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("type", {}, "Field required"),
        ("type", {"type": "MONEY"}, "'STRING'"),
        ("type", {"type": "NULL"}, "NULL is the type of no value"),
        ("type", {"type": "INTEGER", "format": "%F"}, "a format is for DATE and DATETIME"),
        ("type", {"type": "DATE", "format": "%Y"}, "no strftime format that names a day"),
        ("type", {"type": "DATE", "format": "%Q"}, "no strftime format that names a day"),
        ("date", {"format": "day"}, "no strftime format that names a day"),
        ("date", {"min": 5}, "give text with a date"),
        ("date", {"min": "31.12.2024"}, "is no date such as"),
        ("date", {"min": "2024-02-01", "max": "2024-01-01"}, "no value lies between"),
        ("url", {"schemes": []}, "at least 1 item"),
        ("url", {"schemes": ["HTTP:"]}, "is no scheme"),
    ],
)
def test_settings_of_spellings_that_make_no_sense_are_refused(
    kind: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        check(kind, columns=["x"], **settings)
