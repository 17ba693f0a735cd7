"""Aggregates of random tables are those that Python's own arithmetic finds, and what is wrong is told with its path."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from math import isclose
from pathlib import Path
from statistics import mean, median, stdev
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.errors import JobFault
from headgate.pipelines.aggregates import MAX_GROUPED, MAX_GROUPS, MAX_METRICS, run_aggregate
from headgate.storage import commits
from headgate.storage.columns import Column
from headgate.storage.datasets import Part, WriteMode
from headgate.storage.filters import RowFilter
from headgate.storage.tablefolders import LocalFolder

SCHEMA = {
    "group": pl.String(),
    "whole": pl.Int64(),
    "exact": pl.Decimal(38, 2),
    "tags": pl.List(pl.Int64()),
}
FUNCTIONS = ("COUNT", "COUNT_DISTINCT", "SUM", "MEAN", "MIN", "MAX", "MEDIAN", "STDDEV")
ROWS = st.tuples(
    st.none() | st.sampled_from(["", "a", "b"]),
    st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3),
    st.none() | st.decimals(-(10**12), 10**12, places=2),
    st.none() | st.lists(st.integers(0, 2), max_size=2),
)


def make_table(folder: Path, rows: Sequence[Any]) -> None:
    frame = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    frame.write_parquet(folder / "job-1-000000.parquet")
    part = Part("job-1-000000.parquet", frame.height, 1)
    columns = [Column(name, dtype) for name, dtype in SCHEMA.items()]
    commits.commit(
        LocalFolder(folder),
        job="job",
        mode=WriteMode.REPLACE,
        base=None,
        columns=columns,
        parts=[part],
        note={},
    )


def ask(folder: Path, metrics: Sequence[Any], **query: Any) -> dict[str, Any]:
    wanted = {"metrics": metrics, "groupBy": None, "filter": None, "orderBy": [], "first": 100, **query}
    found: dict[str, Any] = run_aggregate(
        {"dataset": {"folder": {"path": str(folder)}, "version": 0}, "query": wanted}
    )["found"]
    return found


def expected(function: str, values: Sequence[Any]) -> Any:
    """The metric of values without nulls, by Python."""
    match function:
        case "COUNT":
            return len(values)
        case "COUNT_DISTINCT":
            return len(set(values))
    if not values:
        return None
    match function:
        case "SUM":
            return sum(values)
        case "MEAN":
            return float(mean(values))
        case "MIN":
            return min(values)
        case "MAX":
            return max(values)
        case "MEDIAN":
            return float(median(values))
    return float(stdev(values)) if len(values) > 1 else None


def is_same(function: str, found: Any, wanted: Any) -> bool:
    if function in ("MEAN", "MEDIAN", "STDDEV") and wanted is not None:
        # 64-bit arithmetic: numbers that cancel out keep the error of the largest.
        return found is not None and isclose(found, wanted, rel_tol=1e-6, abs_tol=2.0**14)
    if isinstance(wanted, Decimal):
        return Decimal(found) == wanted
    return (wanted is None and found is None) or (wanted is not None and int(found) == wanted)


@settings(max_examples=60)
@given(rows=st.lists(ROWS, max_size=12), by_group=st.booleans())
def test_aggregates_are_those_of_python(rows: list[Any], by_group: bool) -> None:
    metrics = [
        {"function": function, "column": name, "as": f"{function}_{name}"}
        for function in FUNCTIONS
        for name in ("whole", "exact")
    ]
    with TemporaryDirectory() as folder:
        make_table(Path(folder), rows)
        found = ask(Path(folder), metrics, groupBy=["group"] if by_group else None)
    groups: dict[str | None, list[Any]] = defaultdict(list)
    for row in rows:
        groups[row[0] if by_group else "all"].append(row)
    if not by_group:
        groups["all"] = list(rows)
    assert found["count"] == len(groups)
    ordered = sorted(groups, key=lambda group: (group is None, group or ""))
    for group, record in zip(ordered, found["records"], strict=True):
        assert not by_group or record["group"] == group
        for metric in metrics:
            place = 1 if metric["column"] == "whole" else 2
            values = [row[place] for row in groups[group] if row[place] is not None]
            wanted = expected(metric["function"], values)
            assert is_same(metric["function"], record[metric["as"]], wanted), (metric, record)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_table(
        tmp_path,
        [
            ("a", 2**62, Decimal("0.10"), [1]),
            ("a", 2**62, Decimal("0.20"), [1]),
            (None, 3, None, [2]),
            ("b", None, Decimal("9.99"), None),
        ],
    )
    return tmp_path


def test_sums_are_exact_beyond_64_bits_and_names_say_what_was_made(folder: Path) -> None:
    found = ask(
        folder, [{"function": "SUM", "column": "whole"}, {"function": "SUM", "column": "exact"}, ROWS_OF]
    )
    assert found["records"] == [{"sum_whole": str(2**63 + 3), "sum_exact": "10.29", "count": 4}]
    assert [column["type"] for column in found["columns"]] == ["INTEGER", "DECIMAL", "INTEGER"]


ROWS_OF = {"function": "COUNT"}


def test_groups_are_ordered_by_metrics_and_then_by_their_own_columns(folder: Path) -> None:
    def groups(*order: tuple[str, bool]) -> list[Any]:
        found = ask(folder, [ROWS_OF], groupBy=["group"], orderBy=list(order))
        return [record["group"] for record in found["records"]]

    assert groups() == ["a", "b", None]
    assert groups(("count", True)) == ["a", "b", None]
    assert groups(("count", False)) == ["b", None, "a"]
    assert groups(("count", False), ("group", True)) == ["b", None, "a"]
    assert groups(("group", True)) == ["b", "a", None]


def test_only_so_many_groups_are_answered_and_all_are_counted(folder: Path) -> None:
    found = ask(folder, [ROWS_OF], groupBy=["group"], first=2)
    assert (len(found["records"]), found["count"]) == (2, 3)


def test_only_rows_of_the_filter_are_counted_and_none_are_one_group(folder: Path) -> None:
    wanted = RowFilter(column="group", eq="a").to_json()
    assert ask(folder, [ROWS_OF], filter=wanted)["records"] == [{"count": 2}]
    nothing = RowFilter(column="group", eq="c").to_json()
    sums = [ROWS_OF, {"function": "SUM", "column": "whole"}]
    assert ask(folder, sums, filter=nothing)["records"] == [{"count": 0, "sum_whole": None}]
    assert ask(folder, sums, filter=nothing, groupBy=["group"])["records"] == []


def test_a_metric_may_have_any_name(folder: Path) -> None:
    metrics = [{**ROWS_OF, "as": name} for name in ("self", "aggs", "by", "größe", "exprs")]
    assert ask(folder, metrics)["records"] == [dict.fromkeys(("self", "aggs", "by", "größe", "exprs"), 4)]


def test_different_values_of_lists_are_counted(folder: Path) -> None:
    found = ask(folder, [{"function": "COUNT_DISTINCT", "column": "tags"}])
    assert found["records"] == [{"count_distinct_tags": 2}]


SUM = {"function": "SUM"}


@pytest.mark.parametrize(
    ("metrics", "query", "code", "path"),
    [
        ([], {}, "INVALID_ARGUMENT", "metrics"),
        ([ROWS_OF] * 2, {}, "INVALID_ARGUMENT", "metrics"),
        ([ROWS_OF, SUM], {}, "INVALID_ARGUMENT", "metrics.1"),
        ([{**ROWS_OF, "as": ""}], {}, "INVALID_ARGUMENT", "metrics.0.as"),
        ([ROWS_OF] * (MAX_METRICS + 1), {}, "INVALID_ARGUMENT", "metrics"),
        ([ROWS_OF], {"groupBy": ["group"] * (MAX_GROUPED + 1)}, "INVALID_ARGUMENT", "groupBy"),
        ([ROWS_OF], {"first": 0}, "INVALID_ARGUMENT", "first"),
        ([ROWS_OF], {"first": MAX_GROUPS + 1}, "INVALID_ARGUMENT", "first"),
        ([{**SUM, "column": "x"}], {}, "UNKNOWN_COLUMN", "metrics.0.column"),
        ([ROWS_OF], {"groupBy": ["group", "x"]}, "UNKNOWN_COLUMN", "groupBy.1"),
        ([ROWS_OF], {"orderBy": [("count", True), ("whole", True)]}, "UNKNOWN_COLUMN", "orderBy.1.column"),
        ([ROWS_OF], {"filter": {"column": "x", "eq": 1}}, "UNKNOWN_COLUMN", "filter"),
        ([ROWS_OF], {"filter": {"column": "whole", "eq": "x"}}, "INVALID_FILTER", "filter"),
        ([ROWS_OF, {**SUM, "column": "group"}], {}, "NOT_NUMERIC", "metrics.1.column"),
        ([{"function": "MIN", "column": "tags"}], {}, "NESTED_COLUMN", "metrics.0.column"),
        ([ROWS_OF], {"groupBy": ["tags"]}, "NESTED_COLUMN", "groupBy.0"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    folder: Path, metrics: list[Any], query: dict[str, Any], code: str, path: str
) -> None:
    with pytest.raises(JobFault) as raised:
        ask(folder, metrics, **query)
    details = raised.value.details
    assert details is not None
    assert (raised.value.code, ".".join(details["path"])) == (code, path)


def test_a_sum_of_decimals_that_has_no_place_is_refused(tmp_path: Path) -> None:
    largest = Decimal("9" * 36)
    make_table(tmp_path, [("a", 1, largest, None)] * 2)
    with pytest.raises(JobFault, match="NUMBER_TOO_LARGE"):
        ask(tmp_path, [{**SUM, "column": "exact"}])
