"""The rows that a job rejected can be read again: exactly those, under the numbers and lines that they had."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.errors import JobFault
from headgate.pipelines.counts import Counts
from headgate.pipelines.dialect import Dialect
from headgate.pipelines.replay import RowSet
from headgate.storage import ledger
from headgate.storage.datasets import WriteMode
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, Outcome, errors_in, new_intake, spelled

RECORDS = [(number, "x" if number % 3 == 0 else str(number)) for number in range(1, 101)]
BAD = [number for number, value in RECORDS if value == "x"]
FORMATS = [
    FileFormat.CSV,
    FileFormat.JSON,
    FileFormat.NDJSON,
    FileFormat.PARQUET,
    FileFormat.ARROW,
    FileFormat.EXCEL,
]
NUMBERS = "id,v\n0,0\n"
"""A dataset in which both columns hold integers."""


def source(intake: Intake, format: FileFormat) -> Path:
    """A file whose column v holds 33 texts that are no numbers."""
    frame = pl.DataFrame(RECORDS, schema=["id", "v"], orient="row")
    values = [{"id": number, "v": value if value == "x" else number} for number, value in RECORDS]
    path = intake.folder / f"source.{'xlsx' if format is FileFormat.EXCEL else format}"
    match format:
        case FileFormat.CSV:
            frame.write_csv(path)
        case FileFormat.JSON:
            path.write_text(json.dumps(values, indent=1))
        case FileFormat.NDJSON:
            path.write_text("".join(json.dumps(value) + "\n" for value in values))
        case FileFormat.PARQUET:
            frame.write_parquet(path, row_group_size=7)
        case FileFormat.ARROW:
            frame.write_ipc(path)
        case FileFormat.EXCEL:
            frame.write_excel(path)
    return path


def places(errors: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(error["row"], error["line"], error["column"], error["value"], error["code"]) for error in errors]


@pytest.mark.parametrize("format", FORMATS)
def test_of_every_format_the_rejected_rows_alone_are_read_and_typed(
    intake: Intake, format: FileFormat
) -> None:
    intake.load(NUMBERS)
    path = source(intake, format)
    first = intake.ingest(path, format, job="job_first")
    assert first.counts == Counts(read=100, accepted=67, rejected=33)
    replayed = intake.ingest(path, format, dataset="other", replay=intake.ledger("job_first"))
    assert replayed.counts == Counts(read=33, accepted=33, rejected=0)
    assert replayed.rows == [{"id": number, "v": "x"} for number in BAD]
    assert replayed.types == {"id": "INTEGER", "v": "STRING"}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.UPSERT])
def test_rows_that_are_still_bad_have_the_same_errors_again(
    intake: Intake, format: FileFormat, mode: WriteMode
) -> None:
    intake.load(NUMBERS)
    path = source(intake, format)
    first = intake.ingest(path, format, job="job_first")
    again = intake.job(path, format, mode, ("id",), replay=intake.ledger("job_first"))
    with pytest.raises(JobFault, match="ALL_ROWS_REJECTED: Every row was rejected, 33 in all"):
        intake.run(again)
    assert places(errors_in(again.ledger)) == places(first.errors)


def test_structural_faults_come_again_for_the_rejected_rows_alone(intake: Intake) -> None:
    intake.load("a,b\n0,0\n")
    text = b'a,b\n1,1\n2\n"3\n",x\n\n4,"4"x\n5,\xff\n6,6\n'
    path = intake.file(text, "broken")
    first = intake.ingest(path, FileFormat.CSV, job="job_first", dialect=Dialect())
    assert [(error["row"], error["line"], error["code"]) for error in first.errors] == [
        (2, 3, "STRUCTURE"),
        (3, 4, "TYPE"),
        (3, 4, "TYPE"),
        (4, 7, "STRUCTURE"),
        (5, 8, "ENCODING"),
    ]
    options = {"dialect": Dialect(), "replay": intake.ledger("job_first")}
    replayed = intake.ingest(path, FileFormat.CSV, dataset="other", **options)
    assert replayed.counts == Counts(read=4, accepted=1, rejected=3)
    assert replayed.rows == [{"a": "3\n", "b": "x"}]
    assert places(replayed.errors) == places([error for error in first.errors if error["code"] != "TYPE"])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_file_that_is_not_scanned_in_place_is_read_again_too(
    intake: Intake, encoding: str, newline: str
) -> None:
    intake.load("a,b\n0,0\n")
    text = newline.join(["a,b", "1,1", "2,é", '3,"x, y"', "4,4", "5", "6,z", ""])
    path = intake.file(text.encode(encoding), "encoded")
    first = intake.ingest(path, FileFormat.CSV, job="job_first")
    assert [error["row"] for error in first.errors] == [2, 3, 5, 6]
    replay = intake.ledger("job_first")
    replayed = intake.ingest(path, FileFormat.CSV, dataset="other", replay=replay)
    assert [tuple(row.values()) for row in replayed.rows] == [(2, "é"), (3, "x, y"), (6, "z")]
    assert places(replayed.errors) == places([error for error in first.errors if error["row"] == 5])


def test_broken_json_records_come_again(intake: Intake) -> None:
    intake.load(NUMBERS)
    path = intake.file(
        '{"id": 1, "v": 1}\n{"id": 2\n[3]\n{"id": 4, "v": "x"}\n{"id": 5, "new": 5}\n', "lines"
    )
    first = intake.ingest(path, FileFormat.NDJSON, job="job_first")
    replay = intake.ledger("job_first")
    replayed = intake.ingest(path, FileFormat.NDJSON, dataset="other", replay=replay)
    assert replayed.counts == Counts(read=3, accepted=1, rejected=2)
    assert replayed.rows == [{"id": 4, "v": "x"}]
    assert places(replayed.errors) == places(first.errors[:2])


@pytest.mark.parametrize("severities", [[], ["WARNING"], None])
def test_where_nothing_was_rejected_there_is_nothing_to_replay(
    intake: Intake, severities: list[str] | None
) -> None:
    path = intake.folder / "errors.parquet"
    if severities is not None:
        faults = [{"row": 1, "severity": severity} for severity in severities]
        pl.DataFrame(faults, schema=ledger.SCHEMA).write_parquet(path)
    with pytest.raises(JobFault, match="NOTHING_TO_REPLAY") as failed:
        intake.load("a\n1\n", replay=path)
    assert failed.value.category == "DATA"


@pytest.mark.parametrize("format", [FileFormat.CSV, FileFormat.PARQUET, FileFormat.NDJSON])
def test_rows_that_the_source_does_not_have_fail_the_job(intake: Intake, format: FileFormat) -> None:
    path = intake.folder / "errors.parquet"
    faults = [{"row": row, "severity": "ERROR"} for row in (1, 101)]
    pl.DataFrame(faults, schema=ledger.SCHEMA).write_parquet(path)
    with pytest.raises(JobFault, match="COUNTS_MISMATCH"):
        intake.ingest(source(intake, format), format, replay=path)
    assert intake.parquet_files() == set()


@given(st.sets(st.integers(1, 200), min_size=1), st.integers(0, 220))
def test_a_set_of_rows_holds_them_and_no_others(rows: set[int], last: int) -> None:
    chosen = RowSet(np.array([*rows, min(rows)]))
    numbers = np.arange(1, 250)
    assert chosen.count == len(rows)
    assert set(numbers[chosen.mask(numbers)].tolist()) == rows
    assert {number for number in range(1, 250) if number in chosen} == rows
    assert chosen.count_up_to(last) == len({row for row in rows if row <= last})


CELLS = st.sampled_from(["1", "23", "x", "", '"1\n2"', '"a"b', '"', "1,2", 'a"b', "\u00e9", "\ufffd"])
LINES = st.lists(st.tuples(st.sampled_from(["1", "2", "y", ""]), CELLS), max_size=25)


@settings(max_examples=80)
@given(LINES, st.sampled_from(["\n", "\r\n"]), st.sampled_from([1, 3]), st.sampled_from(["0", "text"]))
def test_rejected_rows_are_read_again_exactly(
    lines: list[tuple[str, str]], newline: str, skipped: int, value: str
) -> None:
    with new_intake() as intake:
        intake.load(f"id,v\n0,{value}\n")
        text = "id,v" + newline + "".join(f"{id},{cell}{newline * skipped}" for id, cell in lines)
        path = intake.file(text.encode("utf-8").replace("\ufffd".encode(), b"\xff"), "lines")
        first = attempt(intake, path, "job_first", "dataset")
        ids = {error["row"] for error in first}
        if not ids:
            return
        whole = intake.read(path, FileFormat.CSV, Dialect())
        texts = dict(zip([row for row, _ in whole.places()], whole.rows, strict=True))
        wanted = [texts[row] for row in sorted(ids) if row in texts]
        job = intake.job(
            path, FileFormat.CSV, dataset="other", dialect=Dialect(), replay=intake.ledger("job_first")
        )
        try:
            outcome = intake.run(job)
            counts = outcome.counts
            assert spelled_rows(outcome) == wanted
        except JobFault as fault:
            counts = Counts(**(fault.details or {})["counts"])
            assert not wanted
        assert (counts.read, counts.accepted) == (len(ids), len(wanted))
        assert counts.accepted + counts.rejected == len(ids)
        assert places(errors_in(job.ledger)) == places(
            [error for error in first if error["row"] not in texts]
        )


def attempt(intake: Intake, path: Path, name: str, dataset: str) -> list[dict[str, Any]]:
    """Run a job that may fail because all rows are bad; answers its errors."""
    job = intake.job(path, FileFormat.CSV, dataset=dataset, dialect=Dialect(), job=name)
    try:
        return intake.run(job).errors
    except JobFault:
        return errors_in(job.ledger)


def spelled_rows(outcome: Outcome) -> list[tuple[str | None, ...]]:
    columns = outcome.version.columns
    return [tuple(spelled(column, row[column.name]) for column in columns) for row in outcome.rows]
