"""Profiles of files see the rows that can be read, with the types that an ingest would give them."""

from typing import Any

import polars as pl
import pytest

from headgate.errors import JobFault
from headgate.pipelines import formats
from headgate.pipelines.prepared import Source
from headgate.pipelines.profiles.statistics import profile
from headgate.pipelines.profiles.table import MAX_COLUMNS, TypedTable, of_dataset, of_file
from headgate.pipelines.profiles.tasks import run_correlate, run_profile
from tests.pipelines.intake import Intake, unheard


def opened(intake: Intake, content: str | bytes, name: str = "data.csv", *names: str) -> TypedTable:
    path = intake.file(content, name)
    return of_file(Source(path, formats.identify(path, name)), intake.scratch(), list(names) or None)


def types(table: TypedTable) -> dict[str, str]:
    return {column.name: column.type.value for column in table.columns}


def statistics(table: TypedTable) -> dict[str, Any]:
    return {each["column"]["name"]: each for each in profile(table)}


def test_a_file_has_the_types_and_values_of_its_dataset(intake: Intake) -> None:
    content = "id,price,joined,zip,flag\n" + "".join(
        f"{row},{row}.50,2026-01-{row % 28 + 1:02},0{row:04},{str(row % 2 == 0).lower()}\n"
        for row in range(100)
    )
    outcome = intake.load(content)
    table = opened(intake, content)
    assert types(table) == outcome.types
    assert profile(table) == profile(of_dataset(intake.dataset(), outcome.version.version, None))


def test_a_value_late_in_a_file_makes_its_column_text(intake: Intake) -> None:
    rows = 60_000
    content = "a,b\n" + "".join(f"{row},{row}\n" for row in range(rows)) + "n/a,1.5\n"
    table = opened(intake, content)
    assert types(table) == {"a": "STRING", "b": "FLOAT"}
    found = statistics(table)
    assert (found["a"]["max"], found["a"]["count"]) == ("n/a", rows + 1)
    assert found["b"]["histogram"][-1]["to"] == rows - 1


def test_rows_that_cannot_be_read_do_not_count(intake: Intake) -> None:
    found = statistics(opened(intake, "a,b\n1,2\n3,4,5\n6,\n"))
    assert (found["a"]["count"], found["a"]["max"]) == (2, 6)
    assert (found["b"]["count"], found["b"]["nulls"]) == (2, 1)


def test_typed_files_keep_their_types(intake: Intake) -> None:
    frame = pl.DataFrame(
        {"n": [1.5, None], "tags": [["a"], ["b"]], "small": pl.Series([1, 2], dtype=pl.UInt8)}
    )
    path = intake.folder / "data.parquet"
    frame.write_parquet(path)
    table = opened(intake, path.read_bytes(), "again.parquet")
    assert types(table) == {"n": "FLOAT", "tags": "LIST", "small": "INTEGER"}
    assert statistics(table)["small"]["mean"] == 1.5


def test_only_the_columns_that_are_named_are_answered_in_their_order(intake: Intake) -> None:
    table = opened(intake, "a,b,c\n1,2,3\n", "data.csv", "c", "a", "c")
    assert list(types(table)) == list(statistics(table)) == ["c", "a"]


def test_a_column_that_is_not_there_is_named_with_those_that_are(intake: Intake) -> None:
    with pytest.raises(JobFault) as caught:
        opened(intake, "a,b\n1,2\n", "data.csv", "a", "c")
    assert (caught.value.code, caught.value.details) == ("UNKNOWN_COLUMN", {"column": "c"})
    assert caught.value.message == "There is no column c. The columns are: a, b."
    outcome = intake.load("a\n1\n")
    with pytest.raises(JobFault, match="UNKNOWN_COLUMN"):
        of_dataset(intake.dataset(), outcome.version.version, ["b"])


def test_the_number_of_columns_is_bounded(intake: Intake) -> None:
    names = [f"c{index}" for index in range(MAX_COLUMNS + 1)]
    content = ",".join(names) + "\n" + ",".join("1" * len(names)) + "\n"
    with pytest.raises(JobFault, match="TOO_MANY_COLUMNS"):
        opened(intake, content)
    assert len(opened(intake, content, "data.csv", *names[1:]).columns) == MAX_COLUMNS


def test_a_version_is_profiled_as_it_was(intake: Intake) -> None:
    intake.load("a\n1\n")
    intake.load("a\n2\n")
    for version, rows in ((0, 1), (1, 2)):
        [found] = profile(of_dataset(intake.dataset(), version, None))
        assert found["count"] == rows


def test_tasks_leave_nothing_behind(intake: Intake) -> None:
    path, scratch = intake.file("x,y\n1,2\n2,4\n", "data.csv"), intake.folder / "profile_1" / "1"
    file = {"object": {"path": str(path)}, "format": "CSV", "dialect": None}
    task = {"file": file, "columns": None, "scratch": str(scratch)}
    assert [each["max"] for each in run_profile(task, unheard)["found"]] == [2, 4]
    assert run_correlate(task, unheard) == {"found": [{"x": "x", "y": "y", "pearson": pytest.approx(1)}]}
    assert not scratch.parent.exists()
