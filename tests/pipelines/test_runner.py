"""A job makes one whole version of its dataset, or none; every row that it read is accounted for."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.errors import JobFault
from headgate.pipelines.counts import Counts
from headgate.pipelines.dialect import Dialect
from headgate.pipelines.runner import ingest
from headgate.pipelines.sinks import writing as sink
from headgate.storage import datasets
from headgate.storage.datasets import WriteMode
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, errors_in, new_intake, rows_of, unheard

APPEND, REPLACE, UPSERT = WriteMode.APPEND, WriteMode.REPLACE, WriteMode.UPSERT


def test_rows_are_appended_with_new_columns_null_in_old_rows_and_missing_ones_in_new(intake: Intake) -> None:
    intake.load("id,a\n1,x\n")
    outcome = intake.load("id,when\n2,2024-02-29 10:00:00\n")
    assert outcome.rows == [
        {"id": 1, "a": "x", "when": None},
        {"id": 2, "a": None, "when": "2024-02-29 10:00:00"},
    ]
    assert outcome.types == {"id": "INTEGER", "a": "STRING", "when": "DATETIME"}


def test_a_replaced_dataset_has_the_new_columns_alone_and_its_old_version_stays(intake: Intake) -> None:
    before = intake.load("id,a\n1,x\n2,y\n")
    outcome = intake.load("id,b\nz,1.5\n", REPLACE)
    assert outcome.rows == [{"id": "z", "b": 1.5}]
    assert outcome.types == {"id": "STRING", "b": "FLOAT"}
    old = datasets.snapshot(intake.dataset(), before.version.version)
    assert rows_of(intake.dataset(), old) == before.rows


def test_an_upsert_keeps_the_last_of_each_key_behind_the_rows_that_stay(intake: Intake) -> None:
    before = intake.load("id,a\n1,one\n2,two\n3,three\n,none\n")
    outcome = intake.load("id,a\n2,x\n4,four\n2,y\n,z\n", UPSERT, ("id",))
    assert [(row["id"], row["a"]) for row in outcome.rows] == [
        (1, "one"),
        (3, "three"),
        (None, "none"),
        (4, "four"),
        (2, "y"),
    ]
    assert outcome.counts == Counts(read=4, accepted=2, rejected=1, merged=1)
    assert [(error["code"], error["row"], error["line"], error["column"]) for error in outcome.errors] == [
        ("REQUIRED", 4, 5, "id")
    ]
    old = datasets.snapshot(intake.dataset(), before.version.version)
    assert rows_of(intake.dataset(), old) == before.rows


def test_an_upsert_by_several_keys_leaves_other_parts_alone(intake: Intake) -> None:
    first = intake.load("a,b,n\n1,x,0\n1,y,0\n")
    intake.load("a,b,n\n2,x,0\n2,y,0\n")
    outcome = intake.load("a,b,n\n2,x,1\n3,x,1\n", UPSERT, ("a", "b"))
    assert [(row["a"], row["b"], row["n"]) for row in outcome.rows] == [
        (1, "x", 0),
        (1, "y", 0),
        (2, "y", 0),
        (2, "x", 1),
        (3, "x", 1),
    ]
    assert {part.name for part in first.version.parts} <= {part.name for part in outcome.version.parts}


@pytest.mark.parametrize(("keys", "where"), [(("other",), "data"), (("b",), "dataset")])
def test_an_upsert_by_an_unknown_column_fails(intake: Intake, keys: tuple[str, ...], where: str) -> None:
    intake.load("a\n1\n")
    with pytest.raises(JobFault, match=f"UNKNOWN_COLUMN: The {where} has no column"):
        intake.load("a,b\n1,2\n", UPSERT, keys)


@pytest.mark.parametrize("mode", [APPEND, REPLACE, UPSERT])
@pytest.mark.parametrize("existing", [False, True])
def test_a_file_with_a_header_alone_makes_a_version_of_no_rows(
    intake: Intake, mode: WriteMode, existing: bool
) -> None:
    if existing:
        intake.load("a\n1\n")
    outcome = intake.load("a\n", mode, ("a",) if mode is UPSERT else ())
    assert outcome.counts == Counts(read=0, accepted=0, rejected=0)
    assert outcome.rows == ([{"a": 1}] if existing and mode is not REPLACE else [])


@pytest.mark.parametrize("mode", [APPEND, REPLACE, UPSERT])
def test_when_all_rows_are_rejected_there_is_a_ledger_and_no_version(intake: Intake, mode: WriteMode) -> None:
    before = intake.load("a,b\n1,2\n")
    files = intake.parquet_files()
    job = intake.job(intake.file("a,b\n1\n2\n1,2,3\n"), FileFormat.CSV, mode, ("a",), dialect=Dialect())
    with pytest.raises(JobFault, match="ALL_ROWS_REJECTED") as failed:
        ingest(job, unheard)
    assert failed.value.category == "DATA"
    counts = Counts(**(failed.value.details or {})["counts"])
    assert counts == Counts(read=3, accepted=0, rejected=3)
    assert [error["row"] for error in errors_in(job.ledger)] == [1, 2, 3]
    assert datasets.latest(intake.dataset()) == before.version
    assert intake.parquet_files() == files


@pytest.mark.parametrize("mode", [APPEND, REPLACE, UPSERT])
def test_a_job_that_has_committed_changes_nothing_when_run_again(intake: Intake, mode: WriteMode) -> None:
    intake.load("id,a\n1,x\n2,y\n")
    path = intake.file("id,a\n2,z\n3,w\n3,v\n4\n")
    first = intake.ingest(path, FileFormat.CSV, mode, ("id",), job="job_again", dialect=Dialect())
    path.write_text("id,a\n9,9\n")
    again = intake.ingest(path, FileFormat.CSV, mode, ("id",), job="job_again", attempt=2)
    assert (again.counts, again.version, again.rows) == (first.counts, first.version, first.rows)
    assert datasets.latest(intake.dataset()) == first.version


def test_a_job_that_fails_while_it_writes_leaves_no_file(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = intake.load("a\n1\n")
    files = intake.parquet_files()

    def fail(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(sink, "commit", fail)
    with pytest.raises(OSError, match="disk"):
        intake.load("a\n2\n")
    assert intake.parquet_files() == files
    assert datasets.latest(intake.dataset()) == before.version


def test_a_job_that_fails_behind_its_commit_has_done_its_work(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = sink.commit

    def fail(*arguments: Any, **options: Any) -> None:
        commit(*arguments, **options)
        raise OSError("too late")

    monkeypatch.setattr(sink, "commit", fail)
    outcome = intake.load("a\n2\n")
    assert (outcome.counts, outcome.rows) == (Counts(read=1, accepted=1, rejected=0), [{"a": 2}])


def test_column_names_may_be_odd(intake: Intake) -> None:
    names = [
        "a b",
        "$",
        "ä",
        "a.b",
        "a,b",
        "a;b",
        "{a}",
        "(a)",
        "a=b",
        "a\tb",
        "`a`",
        'a"b',
        "A/b",
        "__headgate_row__",
    ]
    header = ",".join('"' + name.replace('"', '""') + '"' for name in names)
    outcome = intake.load(header + "\n" + ",".join(map(str, range(len(names)))) + "\n")
    assert list(outcome.rows[0].values()) == list(range(len(names)))
    assert list(outcome.rows[0])[:-1] == names[:-1]
    again = intake.load(header + "\n" + ",".join(map(str, range(len(names)))) + "\n")
    assert again.rows == outcome.rows * 2


@pytest.mark.parametrize("key", ["", "__headgate_row__", "A"])
def test_a_key_that_names_no_column_of_its_own_is_refused(intake: Intake, key: str) -> None:
    with pytest.raises(JobFault, match="INVALID_COLUMN_NAME"):
        intake.ingest(intake.file(json.dumps({"a": 1, key: 2}) + "\n"), FileFormat.NDJSON)


@pytest.mark.parametrize("mode", [APPEND, UPSERT])
def test_a_column_whose_name_differs_in_case_alone_is_the_same(intake: Intake, mode: WriteMode) -> None:
    intake.load("Id,Name\n1,x\n")
    outcome = intake.load("NAME,other,ID\ny,5,2\n", mode, ("ID",))
    assert outcome.rows == [{"Id": 1, "Name": "x", "other": None}, {"Id": 2, "Name": "y", "other": 5}]


LINES = st.lists(
    st.tuples(st.sampled_from(["1", "2", "3", "", "x"]), st.sampled_from(["", "5", "text", "1,2", '"a"b'])),
    max_size=12,
)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(list(WriteMode)), LINES), min_size=1, max_size=4))
def test_every_row_that_was_read_is_accounted_for(
    loads: list[tuple[WriteMode, list[tuple[str, str]]]],
) -> None:
    with new_intake() as intake:
        rows = 0
        for mode, lines in loads:
            text = "id,v\n" + "".join(f"{id},{value}\n" for id, value in lines)
            job = intake.job(intake.file(text), FileFormat.CSV, mode, ("id",), dialect=Dialect())
            try:
                outcome = intake.run(job)
                counts = outcome.counts
            except JobFault as fault:
                counts = Counts(**(fault.details or {})["counts"])
            assert counts.read == len(lines)
            assert counts.read == counts.accepted + counts.rejected + counts.filtered + counts.merged
            assert counts.rejected == len({error["row"] for error in errors_in(job.ledger)})
            latest = datasets.latest(intake.dataset())
            now = len(rows_of(intake.dataset(), latest)) if latest else 0
            if counts.accepted and mode is REPLACE:
                assert now == counts.accepted
            if mode is APPEND:
                assert now == rows + counts.accepted
            rows = now


def test_columns_whose_names_are_patterns_get_others(intake: Intake) -> None:
    outcome = intake.load("*,^b$,c\n1,2,3\n")
    assert outcome.rows == [{"column_1": 1, "column_2": 2, "c": 3}]
