"""Columns of a dataset beside the rows that have its keys."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.steps.step import Effect
from headgate.storage import commits
from headgate.storage.columns import Column
from headgate.storage.datasets import Part, WriteMode
from headgate.storage.tablefolders import LocalFolder
from tests.pipelines.steps.harness import Applied, Rows, run, step, table_of

AUDIENCES = {"id": [1, 7, None], "segment": ["new", "loyal", "lost"], "since": [2020, 2021, 2022]}
KEY = {"columns": [{"column": "campaign_id", "with": "id"}]}


@contextmanager
def dataset_of(rows: Rows) -> Iterator[LocalFolder]:
    """The folder of a dataset that holds these rows."""
    frame = pl.DataFrame(rows) if isinstance(rows, dict) else rows
    with TemporaryDirectory() as name:
        folder = LocalFolder(Path(name))
        frame.write_parquet(folder.path / "part.parquet")
        part = Part("part.parquet", frame.height, (folder.path / "part.parquet").stat().st_size)
        columns = [Column(name, dtype) for name, dtype in frame.schema.items()]
        commits.commit(
            folder, job="job_1", mode=WriteMode.APPEND, base=None, columns=columns, parts=[part], note={}
        )
        yield folder


def joined(rows: Rows, theirs: Rows, **settings: Any) -> Applied:
    """Rows that were joined with those of a dataset."""
    with dataset_of(theirs) as folder:
        table = table_of(rows, datasets={"audiences": folder})
        return run(step("join", dataset="audiences", **settings), table)


def test_each_row_gets_the_columns_of_its_key_and_all_rows_are_kept_in_order() -> None:
    rows = {"campaign_id": [7, 5, None, 1, 7], "clicks": [1, 2, 3, 4, 5]}
    applied = joined(rows, AUDIENCES, **KEY)
    assert applied.frame.columns == ["campaign_id", "clicks", "segment", "since"]
    assert applied["segment"] == ["loyal", None, None, "new", "loyal"]
    assert applied["since"] == [2021, None, None, 2020, 2021]
    assert applied.indexes == [0, 1, 2, 3, 4]


def test_an_inner_join_leaves_out_rows_whose_key_is_not_there() -> None:
    applied = joined({"campaign_id": [5, 7, None, 1]}, AUDIENCES, **KEY, how="INNER", select=["segment"])
    assert (applied["segment"], applied.indexes) == (["loyal", "new"], [1, 3])
    assert step("join", dataset="a", **KEY, how="INNER").effect is Effect.FILTERS
    assert step("join", dataset="a", **KEY).effect is Effect.KEEPS


@pytest.mark.parametrize(
    ("mine", "theirs", "found"),
    [
        (["7", "007", "x", None], [7], ["yes", None, None, None]),
        ([7, 8], ["7", "08"], ["yes", None]),
        ([7.0, 7.5], [7], ["yes", None]),
        (["2024-01-31", "31.01.2024"], [date(2024, 1, 31)], ["yes", None]),
        (["a"], pl.Series(["a"], dtype=pl.String), ["yes"]),
        ([[1], [2]], [[1]], ["yes", None]),
    ],
)
def test_keys_of_other_types_are_the_same_where_they_mean_the_same(
    mine: list[Any], theirs: Any, found: list[Any]
) -> None:
    names = ["yes", *["no"] * (len(theirs) - 1)]
    assert joined({"k": mine}, {"k": theirs, "is": names}, columns=[{"column": "k"}])["is"] == found


def test_a_key_may_have_several_columns_and_added_ones_a_prefix() -> None:
    rows = {"a": [1, 1], "b": ["x", "y"], "v": [0, 0]}
    theirs = {"a": [1, 2], "c": ["y", "x"], "v": [10, 20]}
    columns = [{"column": "a"}, {"column": "b", "with": "c"}]
    assert joined(rows, theirs, columns=columns, prefix="their_")["their_v"] == [None, 10]


def test_a_dataset_in_which_a_key_stands_twice_is_refused_unless_one_of_its_rows_is_chosen() -> None:
    twice = {"k": [1, 2, 1, None, None], "v": ["a", "b", "c", "d", "e"]}
    key = {"columns": [{"column": "k"}]}
    with pytest.raises(JobFault, match=r"JOIN_KEYS_NOT_UNIQUE.*2 rows with k 1"):
        joined({"k": [2]}, twice, **key)
    assert joined({"k": [1, 2]}, twice, **key, duplicates="FIRST")["v"] == ["a", "b"]
    assert joined({"k": [1, 2]}, twice, **key, duplicates="LAST")["v"] == ["c", "b"]


keys = st.none() | st.integers(0, 4)


@given(
    st.lists(keys, min_size=1, max_size=12),
    st.lists(st.tuples(keys, st.integers()), min_size=1, max_size=12),
    st.sampled_from(["FIRST", "LAST"]),
    st.sampled_from(["LEFT", "INNER"]),
)
def test_a_join_finds_what_a_nested_loop_finds(
    mine: list[int | None], theirs: list[tuple[int | None, int]], duplicates: str, how: str
) -> None:
    expected: list[tuple[int, int | None]] = []
    for number, key in enumerate(mine):
        values = [value % 100 for other, value in theirs if key is not None and other == key]
        if values or how == "LEFT":
            chosen = values if duplicates == "FIRST" else values[::-1]
            expected.append((number, chosen[0] if chosen else None))
    stored = pl.DataFrame(
        [(key, value % 100) for key, value in theirs], schema={"k": pl.Int64, "v": pl.Int64}, orient="row"
    )
    rows = pl.DataFrame({"k": mine}, schema={"k": pl.Int64})
    applied = joined(rows, stored, columns=[{"column": "k"}], duplicates=duplicates, how=how)
    assert list(zip(applied.indexes, applied["v"], strict=True)) == expected


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"columns": []}, "at least 1 item"),
        ({"columns": [{"column": "a"}, {"column": "a", "with": "b"}]}, "a is named twice"),
        ({"columns": [{"column": "a"}, {"column": "b", "with": "a"}]}, "a is named twice"),
        ({"columns": [{"column": "a"}], "select": ["x", "x"]}, "x is named twice"),
        ({"columns": [{"column": "a"}], "how": "CROSS"}, "Input should be"),
        ({"columns": [{"column": "a"}], "prefix": "__headgate_"}, "can't name a column"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given_: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        step("join", dataset="d", **given_)


@pytest.mark.parametrize(
    ("given_", "code"),
    [
        ({"columns": [{"column": "z"}]}, "UNKNOWN_COLUMN"),
        ({"columns": [{"column": "campaign_id", "with": "z"}]}, "UNKNOWN_COLUMN"),
        (KEY | {"select": ["z"]}, "UNKNOWN_COLUMN"),
        (KEY, "COLUMN_EXISTS"),
    ],
)
def test_columns_that_are_not_there_or_are_there_already_fail_the_job(
    given_: dict[str, Any], code: str
) -> None:
    with pytest.raises(JobFault, match=code) as fault:
        joined({"campaign_id": [1], "Segment": ["x"]}, AUDIENCES, **given_)
    assert fault.value.category == "CONFIG"


def test_a_dataset_that_is_not_there_fails_the_job() -> None:
    with pytest.raises(JobFault, match="DATASET_NOT_FOUND"):
        run(step("join", dataset="gone", **KEY), table_of({"campaign_id": [1]}))
