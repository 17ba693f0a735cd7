"""Errors of a ledger are read in pages, counted and grouped, but for those of rows that are resolved."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.storage import bucketfolders, open_errors
from headgate.storage.ledger import SCHEMA
from headgate.storage.object_store import StoreUnavailable
from headgate.storage.open_errors import NUMBER, NUMBERED, SAMPLES, LedgerFilter, OpenErrors
from tests.buckets import Store

Resolve = Callable[[Sequence[int]], Path]

ANY = LedgerFilter()
PROPERTY = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def fault(row: int | None, **fields: Any) -> dict[str, Any]:
    defaults = {"column": "a", "code": "TYPE", "severity": "ERROR", "message": "Wrong."}
    return dict.fromkeys(SCHEMA) | {"row": row} | defaults | fields


FAULTS = [
    fault(None, column=None, code="ROW_COUNT"),
    fault(1),
    fault(1, column="b", code="REQUIRED"),
    fault(2, column=None, code="STRUCTURE"),
    fault(3, column="b", severity="WARNING", check="range"),
    fault(5, check="range"),
]


def write_ledger(path: Path, faults: Sequence[dict[str, Any]]) -> Path:
    pl.DataFrame(faults, schema=SCHEMA).write_parquet(path, row_group_size=3)
    return path


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_errors, "FIRST_BATCH", 1)
    monkeypatch.setattr(open_errors, "MAX_BATCH", 2)


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    return write_ledger(tmp_path / "ledger.parquet", FAULTS)


@pytest.fixture
def resolve(tmp_path: Path) -> Resolve:
    """Write a file of rows that are resolved."""

    def resolve(rows: Sequence[int]) -> Path:
        path = tmp_path / f"{uuid4().hex}.parquet"
        pl.DataFrame({"row": rows}, schema={"row": pl.Int64}).write_parquet(path)
        return path

    return resolve


def numbers(frame: pl.DataFrame) -> list[int]:
    return frame[NUMBER].to_list()


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (ANY, [0, 1, 2, 3, 4, 5]),
        (LedgerFilter(code=["TYPE"]), [1, 4, 5]),
        (LedgerFilter(code=["TYPE", "STRUCTURE"]), [1, 3, 4, 5]),
        (LedgerFilter(column=["b"]), [2, 4]),
        (LedgerFilter(check=["range"]), [4, 5]),
        (LedgerFilter(severity="ERROR", check=["range"]), [5]),
        (LedgerFilter(row=1), [1, 2]),
        (LedgerFilter(row=4), []),
    ],
)
def test_a_filter_finds_what_matches(ledger: Path, wanted: LedgerFilter, found: list[int]) -> None:
    errors = OpenErrors(ledger)
    assert numbers(errors.page(wanted)) == found
    assert errors.count(wanted) == len(found)
    assert [number for batch in errors.batches(wanted) for number in numbers(batch)] == found
    assert errors.groups(wanted, ["severity"])["count"].sum() == len(found)


def test_pages_go_on_behind_a_number(ledger: Path) -> None:
    errors = OpenErrors(ledger)
    assert numbers(errors.page(ANY, first=2)) == [0, 1]
    assert numbers(errors.page(ANY, after=1, first=2)) == [2, 3]
    assert numbers(errors.page(LedgerFilter(code=["TYPE"]), after=1, first=1)) == [4]
    assert numbers(errors.page(ANY, after=5)) == []


def test_errors_keep_their_numbers_when_others_are_resolved(ledger: Path, resolve: Resolve) -> None:
    errors = OpenErrors(ledger, [resolve([1]), resolve([5, 77])])
    assert numbers(errors.page(ANY)) == [0, 3, 4]
    assert numbers(errors.page(ANY, after=0, first=1)) == [3]
    assert errors.count(ANY) == 3
    assert errors.count(LedgerFilter(row=1)) == 0
    assert numbers(errors.numbered([0, 1, 3])) == [0, 3]


def test_an_error_of_no_row_is_never_resolved(ledger: Path, resolve: Resolve) -> None:
    assert numbers(OpenErrors(ledger, [resolve(range(10))]).page(ANY)) == [0]


def test_a_file_that_is_gone_resolves_nothing(ledger: Path, tmp_path: Path, resolve: Resolve) -> None:
    errors = OpenErrors(ledger, [tmp_path / "gone.parquet", resolve([1])])
    assert numbers(errors.page(ANY)) == [0, 3, 4, 5]


def test_a_ledger_that_is_gone_holds_nothing(tmp_path: Path, resolve: Resolve) -> None:
    errors = OpenErrors(tmp_path / "gone.parquet", [resolve([1])])
    assert errors.page(ANY).schema == NUMBERED
    assert errors.page(ANY).is_empty()
    assert errors.count(ANY) == 0
    assert errors.groups(ANY, ["code"]).is_empty()
    assert errors.numbered([0]).is_empty()
    assert list(errors.batches(ANY)) == []


@pytest.mark.usefixtures("small_batches")
def test_batches_end_with_an_error_where_the_ledger_goes_meanwhile(ledger: Path) -> None:
    batches = OpenErrors(ledger).batches(ANY)
    next(batches)
    ledger.unlink()
    with pytest.raises(FileNotFoundError):
        next(batches)


@pytest.mark.usefixtures("small_batches")
def test_batches_show_what_was_open_when_they_began(ledger: Path, resolve: Resolve, tmp_path: Path) -> None:
    later = tmp_path / "later.parquet"
    batches = OpenErrors(ledger, [later]).batches(ANY)
    found = numbers(next(batches))
    resolve([1, 2, 3, 5]).rename(later)
    assert found + [number for batch in batches for number in numbers(batch)] == list(range(len(FAULTS)))


def test_batches_of_long_records_are_small(tmp_path: Path) -> None:
    record = "x" * 100_000
    path = write_ledger(tmp_path / "ledger.parquet", [fault(row, record=record) for row in range(1, 1001)])
    sizes = [batch.height for batch in OpenErrors(path).batches(ANY)]
    assert sum(sizes) == 1000
    assert max(sizes[1:]) * len(record) <= open_errors.BATCH_BYTES


Faults = st.lists(
    st.tuples(st.integers(1, 9), st.sampled_from(["TYPE", "RANGE"]), st.sampled_from(["a", "b", None])),
    max_size=30,
).map(lambda faults: sorted(faults, key=lambda fault: fault[0]))


@pytest.mark.parametrize("searched_first", [1, 5, 1000])
@PROPERTY
@given(faults=Faults, resolved=st.sets(st.integers(1, 9), max_size=4))
def test_groups_tell_how_many_errors_of_how_many_rows_there_are_and_which_come_first(
    tmp_path: Path,
    resolve: Resolve,
    searched_first: int,
    faults: list[tuple[int, str, str | None]],
    resolved: set[int],
) -> None:
    path = write_ledger(
        tmp_path / "ledger.parquet", [fault(row, code=code, column=column) for row, code, column in faults]
    )
    errors = OpenErrors(path, [resolve(sorted(resolved))])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(open_errors, "SEARCHED_FIRST", searched_first)
        found = errors.groups(ANY, ["code", "column"])

    def group(each: tuple[int, tuple[int, str, str | None]]) -> tuple[str, str]:
        return each[1][1], each[1][2] or ""

    still_open = sorted(
        (each for each in enumerate(faults) if each[1][0] not in resolved),
        key=lambda each: (group(each), each[0]),
    )
    expected = {
        key: (
            len(members),
            len({row for _, (row, *_) in members}),
            [number for number, _ in members[:SAMPLES]],
        )
        for key, members in ((key, list(each)) for key, each in groupby(still_open, group))
    }
    assert {
        (line["code"], line["column"] or ""): (line["count"], line["rows"], line["samples"])
        for line in found.iter_rows(named=True)
    } == expected


def test_an_error_of_no_row_counts_as_no_row(ledger: Path) -> None:
    found = {
        line["code"]: line["rows"] for line in OpenErrors(ledger).groups(ANY, ["code"]).iter_rows(named=True)
    }
    assert found == {"ROW_COUNT": 0, "TYPE": 3, "REQUIRED": 1, "STRUCTURE": 1}


def test_the_errors_of_a_bucket_are_read_where_they_are(
    ledger: Path, resolve: Any, own_bucket: Store
) -> None:
    own_bucket.put("main/errors/job_1.parquet", ledger.read_bytes())
    own_bucket.put("main/resolved/job_2.parquet", resolve([1]).read_bytes())
    here = OpenErrors(ledger, [resolve([1])])
    resolved = [own_bucket.location(f"main/resolved/{name}.parquet") for name in ("job_2", "never")]
    there = OpenErrors(own_bucket.location("main/errors/job_1.parquet"), resolved)
    assert there.page(ANY).equals(here.page(ANY))
    assert there.count(ANY) == here.count(ANY)
    assert [batch.height for batch in there.batches(ANY)] == [batch.height for batch in here.batches(ANY)]
    assert OpenErrors(own_bucket.location("main/errors/never.parquet")).count(ANY) == 0
    assert there.count_resolved(resolved[0]) == here.count_resolved(resolve([1]))


def test_a_bucket_that_is_gone_is_told_without_its_place(
    own_bucket: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucketfolders, "RETRIES", 0)
    gone = replace(own_bucket.location("main/errors/job_1.parquet"), endpoint_url="http://127.0.0.1:9")
    with pytest.raises(StoreUnavailable) as raised:
        OpenErrors(gone).count(ANY)
    assert "127.0.0.1" not in str(raised.value)
