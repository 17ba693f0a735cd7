"""Checks of keys: each row that repeats another, in the input or in a dataset, and each that refers to nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.checks import keys
from headgate.pipelines.checks.check import Present
from headgate.pipelines.checks.registry import check_kinds
from headgate.pipelines.rowmap import RowMap
from headgate.storage import commits
from headgate.storage.columns import Column
from headgate.storage.datasets import Part, Snapshot, WriteMode
from headgate.storage.tablefolders import LocalFolder
from tests.pipelines.checks.harness import check, faults, findings_of, rules_of, suggestions_of, table_of

APPEND, REPLACE, UPSERT = WriteMode.APPEND, WriteMode.REPLACE, WriteMode.UPSERT


def stored(folder: Path, rows: dict[str, list[Any]]) -> Snapshot:
    """A dataset that holds these rows."""
    frame = pl.DataFrame(rows)
    folder.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(folder / "part.parquet")
    part = Part("part.parquet", frame.height, (folder / "part.parquet").stat().st_size)
    columns = [Column(name, dtype) for name, dtype in frame.schema.items()]
    return commits.commit(
        LocalFolder(folder), job="job_1", mode=APPEND, base=None, columns=columns, parts=[part], note={}
    )


@pytest.mark.parametrize(
    ("rows", "columns", "found"),
    [
        ({"a": ["x", "y", "x", None, None, "x", "X"]}, ["a"], [2, 5]),
        ({"a": ["1", "1.0", "01"]}, ["a"], []),
        ({"a": [1, 2, 1, None, None]}, ["a"], [2]),
        ({"a": [0.0, -0.0, float("nan"), float("nan")]}, ["a"], [1, 3]),
        ({"a": [[1], [2], [1], None]}, ["a"], [2]),
        ({"a": [{"b": 1}, {"b": 1}]}, ["a"], [1]),
        ({"a": ["x", "x", "y", "x"], "b": [1, 2, 1, 1]}, ["a", "b"], [3]),
        ({"a": ["x", "x", None, None], "b": [None, None, 1, 1]}, ["a", "b"], []),
        ({"a": ["", ""], "b": ["xy", "xy"]}, ["b", "a"], [1]),
        ({"a": ["x", "xy"], "b": ["yz", "z"]}, ["a", "b"], []),
        ({"a": []}, ["a"], []),
    ],
)
def test_each_row_that_repeats_an_earlier_one_is_found(
    rows: dict[str, list[Any]], columns: list[str], found: list[int]
) -> None:
    column = columns[0] if len(columns) == 1 else None
    assert faults(check("unique", columns=columns), table_of(rows)) == [
        (row, column, "UNIQUE") for row in found
    ]


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.sampled_from(["", "a", "b", None]), st.one_of(st.none(), st.integers(0, 3))), max_size=40
    ),
    st.sampled_from([1, 2, 100]),
    st.sampled_from([1, 2, 100]),
)
def test_repeats_are_what_plain_counting_finds_however_few_rows_memory_holds(
    rows: list[tuple[str | None, int | None]], hashed: int, compared: int
) -> None:
    table = table_of(pl.DataFrame(rows, schema={"a": pl.String, "b": pl.Int64}, orient="row"))
    first: dict[tuple[Any, ...], int] = {}
    for number, row in enumerate(rows):
        first.setdefault(row, number)
    expected = [(n, first[row]) for n, row in enumerate(rows) if None not in row and first[row] < n]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "HASHED_ROWS", hashed)
        patch.setattr(keys, "COMPARED_KEYS", compared)
        found = keys.repeats(keys.keys_of(table, ["a", "b"]), ["a", "b"], len(rows))
    assert list(zip(found.rows.tolist(), found.first.tolist(), strict=True)) == expected


def test_rows_that_only_share_their_hash_are_no_repeats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "hash_of", lambda columns: pl.col(columns[0]).str.len_bytes().cast(pl.UInt64))
    table = table_of({"a": ["x", "y", "x", "z", "y"]})
    assert [row for row, _, _ in faults(check("unique", columns=["a"]), table)] == [2, 4]


def test_a_repeat_names_the_record_that_it_repeats() -> None:
    places = RowMap()
    places.add_run(0, 1, 2)
    places.add_run(1, 5, 6)
    table = table_of({"a": ["x", "y", "y", "x"]}, rows=places)
    (rule,) = rules_of(check("unique", columns=["a"]), table)
    assert rule.messages is not None
    assert rule.messages(pl.Series([2, 3], dtype=pl.UInt32)).to_list() == [
        "The value is the same as in row 5.",
        "The value is the same as in row 1.",
    ]


@pytest.mark.parametrize(
    ("mode", "upserted", "found"),
    [(APPEND, [], [0, 2, 4]), (REPLACE, [], [2]), (UPSERT, ["id"], [0, 2]), (UPSERT, ["email"], [2])],
)
def test_a_row_may_not_repeat_one_that_stays_in_the_dataset(
    tmp_path: Path, mode: WriteMode, upserted: list[str], found: list[int]
) -> None:
    snapshot = stored(tmp_path, {"id": [1, 2, 3], "email": ["a", "b", None]})
    table = table_of(
        {"id": ["9", "8", "7", "6", "2"], "email": ["a", "c", "c", None, "b"]},
        present=Present(LocalFolder(tmp_path), snapshot, mode, upserted),
    )
    unique = check("unique", columns=["email"], inDataset=True)
    assert [row for row, _, _ in faults(unique, table)] == found
    assert [row for row, _, _ in faults(check("unique", columns=["email"]), table)] == [2]
    (rule,) = rules_of(unique, table)
    assert rule.messages is not None
    assert rule.messages(pl.Series([0, 2], dtype=pl.UInt32)).to_list() == [
        "The value is in the dataset already.",
        "The value is the same as in row 2.",
    ]


def test_keys_are_compared_as_the_type_that_the_dataset_has(tmp_path: Path) -> None:
    snapshot = stored(tmp_path, {"x": [1.0, 2.5], "list": [[1], [2]]})
    table = table_of(
        {"x": ["1", "2.50", "3", "3.0", "soon"]}, present=Present(LocalFolder(tmp_path), snapshot, APPEND, [])
    )
    assert [row for row, _, _ in faults(check("unique", columns=["x"], inDataset=True), table)] == [0, 1, 3]
    nested = table_of({"list": [[2], [3]]}, present=Present(LocalFolder(tmp_path), snapshot, APPEND, []))
    assert [row for row, _, _ in faults(check("unique", columns=["list"], inDataset=True), nested)] == [0]


def test_columns_of_a_dataset_are_found_whatever_their_case(tmp_path: Path) -> None:
    snapshot = stored(tmp_path, {"ID": [1, 2], "Email": ["a", "b"]})
    rows = {"id": ["1", "9"], "email": ["b", "b"]}
    for mode, upserted, found in [(APPEND, [], [0, 1]), (UPSERT, ["ID"], [0, 1]), (UPSERT, ["EMAIL"], [1])]:
        table = table_of(rows, present=Present(LocalFolder(tmp_path), snapshot, mode, upserted))
        unique = check("unique", columns=["email"], inDataset=True)
        assert [row for row, _, _ in faults(unique, table)] == found


@pytest.mark.parametrize("snapshot", ["none", "without the column"])
def test_a_dataset_without_the_values_is_no_obstacle(tmp_path: Path, snapshot: str) -> None:
    before = None if snapshot == "none" else stored(tmp_path, {"y": [1]})
    table = table_of({"x": ["1", "1"]}, present=Present(LocalFolder(tmp_path), before, APPEND, []))
    assert [row for row, _, _ in faults(check("unique", columns=["x"], inDataset=True), table)] == [1]


@pytest.mark.parametrize(
    ("rows", "settings", "found"),
    [
        ({"x": ["1", "2", "5", None, "one", ""]}, {"columns": ["x"], "datasetColumns": ["id"]}, [2, 4, 5]),
        ({"id": [1, 5, None]}, {"columns": ["id"]}, [1]),
        ({"id": [1.0, 1.5]}, {"columns": ["id"]}, [1]),
        ({"id": [True]}, {"columns": ["id"]}, [0]),
        (
            {"id": ["1", "2", "1", "x", "1"], "name": ["ann", "ann", "bob", None, None]},
            {"columns": ["id", "name"]},
            [1, 2],
        ),
        ({"n": ["ann"], "i": ["1"]}, {"columns": ["n", "i"], "datasetColumns": ["name", "id"]}, []),
        ({"id": []}, {"columns": ["id"]}, []),
    ],
)
@pytest.mark.parametrize("joined", [1, 1_000])
def test_each_row_that_refers_to_nothing_is_found(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rows: dict[str, list[Any]],
    settings: dict[str, Any],
    found: list[int],
    joined: int,
) -> None:
    monkeypatch.setattr(keys, "JOINED_KEYS", joined)
    stored(tmp_path, {"id": [1, 2, 3], "name": ["ann", "bob", None]})
    table = table_of(rows, datasets={"people": LocalFolder(tmp_path)})
    reference = check("reference", dataset="people", **settings)
    column = settings["columns"][0] if len(settings["columns"]) == 1 else None
    assert faults(reference, table) == [(row, column, "REFERENCE") for row in found]


def test_the_example_of_a_reference_lets_some_of_its_records_pass(tmp_path: Path) -> None:
    stored(tmp_path, {"id": ["c-1"]})
    model = check_kinds()["reference"]
    table = table_of(pl.DataFrame(model.records), datasets={"campaigns": LocalFolder(tmp_path)})
    assert faults(model.from_example(), table) == [(1, "campaign_id", "REFERENCE")]


def test_a_value_close_to_one_that_is_there_is_proposed(tmp_path: Path) -> None:
    stored(tmp_path, {"country": ["germany", "france", "france", None]})
    table = table_of(
        {"country": ["Germany ", "frnace", "spain"]}, datasets={"countries": LocalFolder(tmp_path)}
    )
    assert suggestions_of(check("reference", columns=["country"], dataset="countries"), table, "country") == {
        "Germany ": "germany",
        "frnace": "france",
        "spain": None,
    }


@pytest.mark.parametrize(
    ("dataset", "columns", "code"),
    [
        ("gone", ["id"], "DATASET_NOT_FOUND"),
        ("empty", ["id"], "DATASET_NOT_FOUND"),
        ("people", ["x"], "UNKNOWN_COLUMN"),
    ],
)
def test_a_reference_to_a_dataset_that_is_not_there_fails_the_job(
    tmp_path: Path, dataset: str, columns: list[str], code: str
) -> None:
    stored(tmp_path / "people", {"id": [1]})
    folders = {name: LocalFolder(tmp_path / name) for name in ("people", "empty")}
    table = table_of({"id": [1]}, datasets=folders)
    with pytest.raises(JobFault, match=code) as fault:
        faults(check("reference", columns=["id"], dataset=dataset, datasetColumns=columns), table)
    assert fault.value.category == "CONFIG"


@pytest.mark.parametrize("settings", [{"kind": "unique"}, {"kind": "reference", "dataset": "people"}])
def test_each_key_column_that_is_not_there_is_a_finding(settings: dict[str, Any]) -> None:
    kind = settings.pop("kind")
    findings = findings_of(check(kind, columns=["a", "x", "b"], **settings), table_of({"x": ["1"]}))
    assert [(finding.code, finding.column) for finding in findings] == [
        ("MISSING_COLUMN", "a"),
        ("MISSING_COLUMN", "b"),
    ]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"columns": ["a", "a"], "dataset": "d"}, "names a column twice"),
        ({"columns": ["a", "b"], "dataset": "d", "datasetColumns": ["a"]}, "must name 2"),
        ({"columns": ["a"]}, "Field required"),
    ],
)
def test_references_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        check("reference", **settings)


def test_rows_are_found_among_others_in_any_order() -> None:
    rows = np.array([2, 5, 9], dtype=np.uint32)
    assert keys.positions(rows, np.array([9, 0, 5, 10], dtype=np.uint32)).tolist() == [2, -1, 1, -1]
    assert keys.positions(rows[:0], rows).tolist() == [-1, -1, -1]
