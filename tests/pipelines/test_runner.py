"""A job makes one whole version of its dataset, or none; every row that it read is accounted for."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.errors import JobFault
from headgate.pipelines.dialect import Dialect
from headgate.pipelines.runner import Counts, ingest
from headgate.pipelines.sinks import dataset as sink
from headgate.storage import datasets
from headgate.storage.datasets import WriteMode
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, Outcome, errors_in, new_intake, rows_of, unheard

APPEND, REPLACE, UPSERT = WriteMode.APPEND, WriteMode.REPLACE, WriteMode.UPSERT


def load(
    intake: Intake, text: str, mode: WriteMode = APPEND, keys: tuple[str, ...] = (), **options: Any
) -> Outcome:
    return intake.ingest(intake.file(text), FileFormat.CSV, mode, keys, dialect=Dialect(), **options)


def test_rows_are_appended_with_new_columns_null_in_old_rows_and_missing_ones_in_new(intake: Intake) -> None:
    load(intake, "id,a\n1,x\n")
    outcome = load(intake, "id,when\n2,2024-02-29 10:00:00\n")
    assert outcome.rows == [
        {"id": 1, "a": "x", "when": None},
        {"id": 2, "a": None, "when": "2024-02-29 10:00:00"},
    ]
    assert outcome.types == {"id": "INTEGER", "a": "STRING", "when": "DATETIME"}


def test_values_that_an_existing_column_cannot_hold_are_rejected_row_by_row(intake: Intake) -> None:
    load(intake, "id,day,ok\n1,2024-01-01,true\n")
    job = intake.job(
        intake.file('id,day,ok\n2,2024-01-02,\n\nx,soon,TRUE\n"y\ny",2024-01-03,true\n5,,false\n'),
        FileFormat.CSV,
    )
    outcome = intake.run(job)
    assert outcome.counts == Counts(read=4, accepted=2, rejected=2)
    assert [row["id"] for row in outcome.rows] == [1, 2, 5]
    assert [(e["row"], e["line"], e["column"], e["value"], e["code"]) for e in outcome.errors] == [
        (2, 4, "id", "x", "TYPE"),
        (2, 4, "day", "soon", "TYPE"),
        (3, 5, "id", "y\ny", "TYPE"),
    ]
    assert json.loads(outcome.errors[0]["record"]) == {"id": "x", "day": "soon", "ok": "TRUE"}


@pytest.mark.parametrize(
    ("first", "good", "bad"),
    [
        ("1", ["2", "-3", "9007199254740993"], ["1.5", "x", "007", "9223372036854775808", " 1"]),
        ("1.5", ["2", "1e5", "-0.25", "0.1234567890123456"], ["NaN", "inf", "9007199254740993", "1,5"]),
        ("1.50", ["2", "2.5", "2.500000", "-3.25"], ["2.555", "1.500000000001", "1e2", "x"]),
        ("true", ["false", "TRUE", "False"], ["1", "yes"]),
        ("2024-01-01", ["2024-02-29"], ["2023-02-29", "01/02/2024", "2024-01-01T00:00:00", "0000-01-01"]),
        ("2024-01-01T00:00:00Z", ["2024-02-29T23:59:59Z"], ["2024-02-29T23:59:59", "now"]),
        ("2024-01-01 00:00:00", ["2024-02-29T23:59:59.123456"], ["2024-02-29", "2024-02-29T23:59:59Z"]),
        ("x", ["1", "true", "2024-01-01"], []),
    ],
)
def test_an_existing_column_takes_what_it_can_keep(
    intake: Intake, first: str, good: list[str], bad: list[str]
) -> None:
    load(intake, f"x\n{first}\n")
    outcome = load(intake, "x\n" + "".join(f'"{text}"\n' for text in [*good, *bad]))
    assert [error["value"] for error in outcome.errors] == bad
    assert outcome.counts == Counts(read=len(good) + len(bad), accepted=len(good), rejected=len(bad))


@pytest.mark.parametrize(
    ("column", "values", "kept"),
    [
        ("2024-01-01", [20240101, 5], []),
        ("2024-01-01 00:00:00", [5], []),
        ("true", [1, 0], []),
        ("1", [True], []),
        ("1", [2, 2**53 + 1], [2, str(2**53 + 1)]),
        ("1.5", [2, 2**53 + 1], [2.0]),
        ("1.5", [{"a": 1}], []),
        ("x", [{"a": 1}], ['{"a":1}']),
        ("x", [1.5], ["1.5"]),
        ("x", [[2**60]], None),
    ],
)
def test_json_values_go_into_columns_of_their_kind_alone(
    intake: Intake, column: str, values: list[Any], kept: list[Any] | None
) -> None:
    load(intake, f"x\n{column}\n")
    path = intake.file("".join(json.dumps({"x": value, "y": 1}) + "\n" for value in values))
    job = intake.job(path, FileFormat.NDJSON)
    if kept == []:
        with pytest.raises(JobFault, match="ALL_ROWS_REJECTED"):
            ingest(job, unheard)
        assert [error["value"] for error in errors_in(job.ledger)] == [
            json.dumps(value).replace(" ", "") for value in values
        ]
        return
    outcome = intake.run(job)
    assert outcome.counts.read == len(values)
    if kept is not None:
        assert [row["x"] for row in outcome.rows[1:]] == kept


def test_a_replaced_dataset_has_the_new_columns_alone_and_its_old_version_stays(intake: Intake) -> None:
    before = load(intake, "id,a\n1,x\n2,y\n")
    outcome = load(intake, "id,b\nz,1.5\n", REPLACE)
    assert outcome.rows == [{"id": "z", "b": 1.5}]
    assert outcome.types == {"id": "STRING", "b": "FLOAT"}
    old = datasets.snapshot(intake.dataset(), before.version.version)
    assert rows_of(intake.dataset(), old) == before.rows


def test_an_upsert_keeps_the_last_of_each_key_behind_the_rows_that_stay(intake: Intake) -> None:
    before = load(intake, "id,a\n1,one\n2,two\n3,three\n,none\n")
    outcome = load(intake, "id,a\n2,x\n4,four\n2,y\n,z\n", UPSERT, ("id",))
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
    first = load(intake, "a,b,n\n1,x,0\n1,y,0\n")
    load(intake, "a,b,n\n2,x,0\n2,y,0\n")
    outcome = load(intake, "a,b,n\n2,x,1\n3,x,1\n", UPSERT, ("a", "b"))
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
    load(intake, "a\n1\n")
    with pytest.raises(JobFault, match=f"UNKNOWN_COLUMN: The {where} has no column"):
        load(intake, "a,b\n1,2\n", UPSERT, keys)


@pytest.mark.parametrize("mode", [APPEND, REPLACE, UPSERT])
@pytest.mark.parametrize("existing", [False, True])
def test_a_file_with_a_header_alone_makes_a_version_of_no_rows(
    intake: Intake, mode: WriteMode, existing: bool
) -> None:
    if existing:
        load(intake, "a\n1\n")
    outcome = load(intake, "a\n", mode, ("a",) if mode is UPSERT else ())
    assert outcome.counts == Counts(read=0, accepted=0, rejected=0)
    assert outcome.rows == ([{"a": 1}] if existing and mode is not REPLACE else [])


@pytest.mark.parametrize("mode", [APPEND, REPLACE, UPSERT])
def test_when_all_rows_are_rejected_there_is_a_ledger_and_no_version(intake: Intake, mode: WriteMode) -> None:
    before = load(intake, "a,b\n1,2\n")
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
    load(intake, "id,a\n1,x\n2,y\n")
    path = intake.file("id,a\n2,z\n3,w\n3,v\n4\n")
    first = intake.ingest(path, FileFormat.CSV, mode, ("id",), job="job_again", dialect=Dialect())
    path.write_text("id,a\n9,9\n")
    again = intake.ingest(path, FileFormat.CSV, mode, ("id",), job="job_again", attempt=2)
    assert (again.counts, again.version, again.rows) == (first.counts, first.version, first.rows)
    assert datasets.latest(intake.dataset()) == first.version


@pytest.mark.parametrize("existing", [False, True])
def test_attempts_at_the_same_time_commit_once(intake: Intake, existing: bool) -> None:
    if existing:
        load(intake, "a\n0\n")
    path = intake.file("a\n1\n2\n")
    jobs = [intake.job(path, FileFormat.CSV, job="job_twice", attempt=attempt) for attempt in (1, 2, 3)]
    with ThreadPoolExecutor(3) as threads:
        outcomes = list(threads.map(intake.run, jobs))
    assert [outcome.counts for outcome in outcomes] == [Counts(read=2, accepted=2, rejected=0)] * 3
    latest = datasets.latest(intake.dataset())
    assert latest is not None
    assert [row["a"] for row in rows_of(intake.dataset(), latest)] == [0, 1, 2][not existing :]


def test_jobs_that_create_a_dataset_at_the_same_time_keep_all_columns(intake: Intake) -> None:
    names = ["a", "b", "c", "d"]
    jobs = [
        intake.job(intake.file(f"{name}\n1\n", name), FileFormat.CSV, dialect=Dialect()) for name in names
    ]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda job: ingest(job, unheard), jobs))
    latest = datasets.latest(intake.dataset())
    assert latest is not None
    rows = rows_of(intake.dataset(), latest)
    assert sorted(name for row in rows for name in names if row[name] == 1) == names


@pytest.mark.parametrize("mode", [APPEND, UPSERT, REPLACE])
@pytest.mark.parametrize("existing", [False, True])
def test_jobs_at_the_same_time_all_end_well(intake: Intake, mode: WriteMode, existing: bool) -> None:
    if existing:
        load(intake, "id,n\n0,0\n")
    jobs = [
        intake.job(
            intake.file(f"id,n,extra{number % 2}\n{number},{number},x\n7,{number},y\n", f"file-{number}"),
            FileFormat.CSV,
            mode,
            ("id",) if mode is UPSERT else (),
            dialect=Dialect(),
        )
        for number in range(1, 5)
    ]
    with ThreadPoolExecutor(4) as threads:
        counts = [counts for counts, _ in threads.map(lambda job: ingest(job, unheard), jobs)]
    assert counts == [Counts(read=2, accepted=2, rejected=0)] * 4
    latest = datasets.latest(intake.dataset())
    assert latest is not None
    ids = sorted(row["id"] for row in rows_of(intake.dataset(), latest))
    start = [0] if existing else []
    expected = {APPEND: [*start, 1, 2, 3, 4, 7, 7, 7, 7], UPSERT: [*start, 1, 2, 3, 4, 7]}
    assert ids == expected.get(mode, ids)
    assert len(ids) == 2 or mode is not REPLACE


def test_jobs_at_the_same_time_agree_on_the_type_of_a_new_column(intake: Intake) -> None:
    load(intake, "id\n0\n")
    files = [intake.file("id,x\n1,5\n", "one"), intake.file("id,x\n2,text\n", "two")]
    jobs = [intake.job(path, FileFormat.CSV, dialect=Dialect()) for path in files]

    def run(job: Any) -> int:
        try:
            return ingest(job, unheard)[0].accepted
        except JobFault as fault:
            return 0 if fault.code == "ALL_ROWS_REJECTED" else -1

    with ThreadPoolExecutor(2) as threads:
        accepted = sum(threads.map(run, jobs))
    latest = datasets.latest(intake.dataset())
    assert latest is not None
    assert len(rows_of(intake.dataset(), latest)) == 1 + accepted


def test_a_job_that_fails_while_it_writes_leaves_no_file(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = load(intake, "a\n1\n")
    files = intake.parquet_files()

    def fail(*_: object, **__: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(sink, "commit", fail)
    with pytest.raises(OSError, match="disk"):
        load(intake, "a\n2\n")
    assert intake.parquet_files() == files
    assert datasets.latest(intake.dataset()) == before.version


def test_a_job_that_fails_behind_its_commit_has_done_its_work(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = sink.commit

    def fail(*arguments: Any) -> None:
        commit(*arguments)
        raise OSError("too late")

    monkeypatch.setattr(sink, "commit", fail)
    outcome = load(intake, "a\n2\n")
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
    outcome = load(intake, header + "\n" + ",".join(map(str, range(len(names)))) + "\n")
    assert list(outcome.rows[0].values()) == list(range(len(names)))
    assert list(outcome.rows[0])[:-1] == names[:-1]
    again = load(intake, header + "\n" + ",".join(map(str, range(len(names)))) + "\n")
    assert again.rows == outcome.rows * 2


@pytest.mark.parametrize("key", ["", "__headgate_row__", "A"])
def test_a_key_that_names_no_column_of_its_own_is_refused(intake: Intake, key: str) -> None:
    with pytest.raises(JobFault, match="INVALID_COLUMN_NAME"):
        intake.ingest(intake.file(json.dumps({"a": 1, key: 2}) + "\n"), FileFormat.NDJSON)


@pytest.mark.parametrize("mode", [APPEND, UPSERT])
def test_a_column_whose_name_differs_in_case_alone_is_the_same(intake: Intake, mode: WriteMode) -> None:
    load(intake, "Id,Name\n1,x\n")
    outcome = load(intake, "NAME,other,ID\ny,5,2\n", mode, ("ID",))
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
