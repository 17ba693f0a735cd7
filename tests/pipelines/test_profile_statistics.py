"""Statistics of columns are those that plain Python counts."""

import json
import math
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.pipelines.profiles import tallies
from headgate.pipelines.profiles.statistics import MAX_VALUE_CHARACTERS, profile
from headgate.pipelines.profiles.table import TypedTable
from headgate.storage.columns import WHOLE, Column, json_value

FINITE = st.floats(-1e6, 1e6).map(lambda value: round(value, 3) + 0.0)
KINDS: dict[str, tuple[pl.DataType, st.SearchStrategy[Any]]] = {
    "integers": (pl.Int64(), st.integers(-50, 50) | st.integers(-(10**9), 10**9)),
    "floats": (pl.Float64(), FINITE | st.sampled_from([math.nan, math.inf, -math.inf])),
    "decimals": (pl.Decimal(38, 2), st.decimals(-1000, 1000, places=2)),
    "texts": (pl.String(), st.text(max_size=3) | st.sampled_from(["ä", "Z", "日本", ""])),
    "booleans": (pl.Boolean(), st.booleans()),
    "dates": (pl.Date(), st.dates(date(1900, 1, 1), date(2100, 1, 1))),
    "moments": (pl.Datetime("us"), st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))),
}


def table_of(frame: pl.DataFrame, **forms: str) -> TypedTable:
    columns = [Column(name, dtype, forms.get(name)) for name, dtype in frame.schema.items()]
    return TypedTable(columns, frame.lazy())


def one(values: Sequence[Any], dtype: pl.DataType, form: str | None = None) -> dict[str, Any]:
    """The statistics of one column; they are all JSON."""
    forms = {"value": form} if form else {}
    [found] = profile(table_of(pl.DataFrame({"value": pl.Series(values, dtype=dtype)}), **forms))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def as_number(value: Any) -> float:
    """What distributions are told in."""
    if isinstance(value, datetime):
        return float((value - datetime(1970, 1, 1)) // timedelta(milliseconds=1))
    if isinstance(value, date):
        return (value - date(1970, 1, 1)).days * 86_400_000.0
    return float(value)


def is_finite(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def cells(kind: str) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.none() | KINDS[kind][1], max_size=40)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=40)
@given(data=st.data())
def test_values_are_counted_as_a_counter_does(kind: str, data: st.DataObject) -> None:
    given = data.draw(cells(kind))
    found = one(given, KINDS[kind][0])
    values = [value for value in given if value is not None]
    counts = Counter(json_value(value) for value in values)
    assert (found["count"], found["nulls"]) == (len(given), len(given) - len(values))
    assert found["distinct"] == len(counts)
    top = found["topValues"]
    assert [each["count"] for each in top] == [count for _, count in counts.most_common(10)]
    assert all(counts[each["value"]] == each["count"] for each in top)
    assert len({each["value"] for each in top}) == len(top)
    # Python puts texts in the order of their characters, as UTF-8 does.
    ordered = sorted(value for value in values if is_finite(value))
    assert found["min"] == (json_value(ordered[0]) if ordered else None)
    assert found["max"] == (json_value(ordered[-1]) if ordered else None)


@pytest.mark.parametrize("kind", ["integers", "floats", "decimals", "dates", "moments"])
@settings(max_examples=40)
@given(data=st.data())
def test_distributions_are_those_of_the_statistics_module(kind: str, data: st.DataObject) -> None:
    given = data.draw(cells(kind))
    found = one(given, KINDS[kind][0])
    numbers = [as_number(value) for value in given if value is not None and is_finite(value)]
    quantiles = [each["value"] for each in found["quantiles"]]
    if len(numbers) > 1:
        cuts = statistics.quantiles(numbers, n=20, method="inclusive")
        assert quantiles == pytest.approx([cuts[index] for index in (0, 4, 9, 14, 18)], rel=1e-9, abs=1e-6)
    else:
        assert quantiles == numbers * 5
    _check_bins(found["histogram"], numbers)
    if kind in ("dates", "moments"):
        assert (found["mean"], found["standardDeviation"]) == (None, None)
        return
    mean = statistics.fmean(numbers) if numbers else None
    deviation = statistics.stdev(numbers) if len(numbers) > 1 else None
    assert found["mean"] == (None if mean is None else pytest.approx(mean, rel=1e-9, abs=1e-6))
    assert found["standardDeviation"] == (
        None if deviation is None else pytest.approx(deviation, rel=1e-9, abs=1e-6)
    )


def _check_bins(bins: Sequence[dict[str, Any]], numbers: Sequence[float]) -> None:
    assert bool(bins) == bool(numbers)
    assert len(bins) <= 20
    assert sum(each["count"] for each in bins) == len(numbers)
    for index, each in enumerate(bins):
        is_last = index == len(bins) - 1
        assert is_last or each["to"] == bins[index + 1]["from"]
        inside = [number for number in numbers if each["from"] <= number < each["to"]]
        at_end = [number for number in numbers if is_last and number == each["to"]]
        assert each["count"] == len(inside) + len(at_end)


def test_bins_of_whole_numbers_hold_equally_many_that_are_possible() -> None:
    bins = one(list(range(18, 91)), pl.Int64())["histogram"]
    assert (bins[0]["from"], bins[0]["to"]) == (18, 22)
    assert [each["count"] for each in bins[:-1]] == [4] * (len(bins) - 1)
    assert [each["count"] for each in one([1, 2, 2, 3], pl.Int64())["histogram"]] == [1, 2, 1]
    days = one([date(2026, 1, 1), date(2026, 1, 3)], pl.Date())["histogram"]
    assert [each["count"] for each in days] == [1, 0, 1]
    assert days[0]["to"] - days[0]["from"] == 86_400_000


@pytest.mark.parametrize(
    "values",
    [
        [1e308, -1e308, 1e308],
        [5e-324, 0.0],
        [1.0, math.nextafter(1.0, 2)],
        [7.5, 7.5],
        [math.nan],
        [-0.0, 0.0],
    ],
)
def test_numbers_at_the_ends_of_what_a_double_holds_make_no_trouble(values: list[float]) -> None:
    found = one(values, pl.Float64())
    assert sum(each["count"] for each in found["histogram"]) == sum(map(math.isfinite, values))
    assert found["count"] == len(values)


def test_integers_beyond_a_double_are_exact() -> None:
    found = one([2**62, 2**62 + 1, -(2**63)], pl.Int64())
    assert (found["distinct"], found["min"], found["max"]) == (3, str(-(2**63)), str(2**62 + 1))
    assert sum(each["count"] for each in found["histogram"]) == 3


def test_values_are_spelled_as_rows_show_them() -> None:
    assert one([1.0, 2.5], pl.Float64(), WHOLE)["min"] == 1
    moments = one([datetime(2026, 1, 31, 8, 30)], pl.Datetime("us"), "%Y-%m-%d %H:%M:%S")
    assert moments["topValues"] == [{"value": "2026-01-31 08:30:00", "count": 1}]
    assert one([Decimal("1.50")], pl.Decimal(38, 2))["max"] == "1.50"


def test_long_texts_are_cut_and_still_told_apart() -> None:
    found = one(["x" * 1000 + "a", "x" * 1000 + "b"], pl.String())
    assert found["distinct"] == 2
    assert found["max"] == "x" * MAX_VALUE_CHARACTERS + "…"


def test_values_without_order_are_only_counted() -> None:
    for values, dtype in (([[1], None], pl.List(pl.Int64)), ([{"a": 1}, None], pl.Struct({"a": pl.Int64}))):
        found = one(values, dtype)
        assert (found["count"], found["nulls"]) == (2, 1)
        assert (found["distinct"], found["min"], found["topValues"]) == (None, None, [])


def test_a_table_without_rows_or_columns_has_statistics_too() -> None:
    assert profile(TypedTable([], pl.LazyFrame())) == []
    found = one([], pl.Float64())
    assert (found["count"], found["distinct"], found["mean"], found["quantiles"]) == (0, 0, None, [])


def test_columns_keep_their_order_and_their_names() -> None:
    frame = pl.DataFrame({"rows": [1, 2], "1.min": ["a", "b"], "0.min": [3, 4], "": [None, 5]})
    frame = frame.with_columns(pl.lit(1).alias(name) for name in ("value", "count", "number", "bin", "len"))
    found = profile(table_of(frame))
    assert [each["column"]["name"] for each in found] == frame.columns
    assert [each["max"] for each in found] == [2, "b", 4, 5, *[1] * 5]


class TestWhereMemoryIsShort:
    """A column with more values than a tally may hold is sampled, as far as it can't be counted."""

    @pytest.fixture(autouse=True)
    def little(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tallies, "TALLY_BYTES", 2_000 * tallies.VALUE_OVERHEAD_BYTES)

    @pytest.fixture
    def numbers(self) -> list[float | None]:
        """Twenty thousand values of their own, and two that are frequent."""
        return [float(number) for number in range(20_000)] + [-5.0] * 300 + [0.5] * 200 + [None] * 100

    def test_counts_of_the_most_frequent_values_are_exact(self, numbers: list[float | None]) -> None:
        found = one(numbers, pl.Float64())
        assert found["topValues"][:2] == [{"value": -5.0, "count": 300}, {"value": 0.5, "count": 200}]
        assert [each["count"] for each in found["topValues"][2:]] == [1] * 8

    def test_the_histogram_counts_all_values(self, numbers: list[float | None]) -> None:
        found = one(numbers, pl.Float64())
        _check_bins(found["histogram"], [number for number in numbers if number is not None])

    def test_distinct_values_and_quantiles_are_close(self, numbers: list[float | None]) -> None:
        found = one(numbers, pl.Float64())
        assert found["distinct"] == pytest.approx(20_002, rel=0.1)
        ordered = sorted(number for number in numbers if number is not None)
        for each in found["quantiles"]:
            rank = sum(number < each["value"] for number in ordered) / len(ordered)
            assert rank == pytest.approx(each["q"], abs=0.05)

    @pytest.mark.parametrize(
        ("dtype", "make"),
        [
            (pl.Int64(), lambda row: row),
            (pl.Decimal(38, 2), lambda row: Decimal(row) / 4),
            (pl.Date(), lambda row: date(1900, 1, 1) + timedelta(days=row)),
            (pl.Datetime("us"), lambda row: datetime(2026, 1, 1) + timedelta(seconds=row)),
            (pl.Datetime("us", "UTC"), lambda row: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=row)),
            (pl.String(), lambda row: f"text {row}"),
        ],
    )
    def test_values_of_every_type_are_sampled(self, dtype: pl.DataType, make: Callable[[int], Any]) -> None:
        found = one([make(row) for row in range(5_000)] + [make(77)] * 99, dtype)
        assert found["topValues"][0]["count"] == 100
        assert found["distinct"] == pytest.approx(5_000, rel=0.1)
        if found["histogram"]:
            assert sum(each["count"] for each in found["histogram"]) == 5_099

    def test_texts_are_sampled_by_their_length(self) -> None:
        texts = [f"{number:0>200}" for number in range(1_000)]
        found = one(texts, pl.String())
        assert found["distinct"] == pytest.approx(1_000, rel=0.2)
        assert found["distinct"] <= 1_000
        assert one(texts[:400] * 3, pl.String())["distinct"] == 400
