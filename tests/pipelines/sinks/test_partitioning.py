"""A partitioned dataset holds each combination of values in files of its own, and every reader sees the same rows."""

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable, QueryBuilder
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.orders import Stopped
from headgate.pipelines.runner import Ingest, ingest
from headgate.pipelines.sinks import partitioning
from headgate.pipelines.sinks.dataset import DatasetSink
from headgate.storage import datasets
from headgate.storage.datasets import Snapshot, WriteMode
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, Outcome, new_intake, target_of, unheard

APPEND, REPLACE, UPSERT = WriteMode.APPEND, WriteMode.REPLACE, WriteMode.UPSERT
STEP = "sinks.0.dataset"
Rows = Sequence[Mapping[str, Any]]


def job_of(
    intake: Intake,
    rows: pl.DataFrame | Rows,
    partition_by: Sequence[str] | None,
    mode: WriteMode = APPEND,
    keys: Sequence[str] = (),
    *,
    name: str = "rows",
    **options: Any,
) -> Ingest:
    """A job over typed rows."""
    path = intake.folder / f"{name}.parquet"
    (rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows)).write_parquet(path)
    job = intake.job(path, FileFormat.PARQUET, mode, keys, **options)
    return replace(job, target=replace(target_of(job), partition_by=partition_by, step=STEP))


def write(intake: Intake, rows: pl.DataFrame | Rows, *settings: Any, **options: Any) -> Outcome:
    return intake.run(job_of(intake, rows, *settings, **options))


def fault_of(intake: Intake, rows: pl.DataFrame | Rows, *settings: Any, **options: Any) -> JobFault:
    with pytest.raises(JobFault) as failed:
        ingest(job_of(intake, rows, *settings, **options), unheard)
    return failed.value


def read_by_all(intake: Intake, version: Snapshot) -> pl.DataFrame:
    """The rows of the newest version as Headgate reads them; the other readers of Delta Lake see the same."""
    ours = datasets.scan(intake.dataset(), version).collect()
    order = [pl.struct(pl.all()).map_elements(repr, return_dtype=pl.String).alias("order")]
    for other in (through_polars(intake.dataset().path), through_deltalake(intake.dataset().path)):
        theirs = other.select(ours.columns).cast(ours.schema)
        assert theirs.sort(order).equals(ours.sort(order))
    return ours


def through_polars(path: Path) -> pl.DataFrame:
    return pl.scan_delta(str(path)).collect()


def through_deltalake(path: Path) -> pl.DataFrame:
    table = QueryBuilder().register("rows", DeltaTable(path)).execute("SELECT * FROM rows").read_all()
    return pl.DataFrame(table)


def values_in_log(path: Path) -> list[dict[str, str | None]]:
    """The partitions of the files that the newest commit added."""
    [*_, newest] = sorted((path / "_delta_log").glob("*.json"))
    lines = map(json.loads, newest.read_text().splitlines())
    return [line["add"]["partitionValues"] for line in lines if "add" in line]


def test_each_combination_of_values_has_files_of_its_own_in_which_rows_keep_their_order(
    intake: Intake,
) -> None:
    rows = [{"a": a, "b": b, "n": n} for n, (a, b) in enumerate([("y", 2), ("x", 1), ("y", 1)] * 3)]
    outcome = write(intake, rows, ["a", "b"])
    assert DeltaTable(intake.dataset().path).metadata().partition_columns == ["a", "b"]
    assert outcome.version.partition_by == ("a", "b")
    assert [(part.partition, part.rows) for part in outcome.version.parts] == [
        (("x", "1"), 3),
        (("y", "1"), 3),
        (("y", "2"), 3),
    ]
    assert [row["n"] for row in outcome.rows] == [1, 4, 7, 2, 5, 8, 0, 3, 6]
    assert read_by_all(intake, outcome.version).height == 9


def test_a_reader_with_a_filter_opens_the_files_of_its_partitions_alone(intake: Intake) -> None:
    outcome = write(intake, [{"k": k, "n": n} for n, k in enumerate("aabbc")], ["k"])
    for part in outcome.version.parts:
        if part.partition != ("b",):
            (intake.dataset().path / part.name).write_bytes(b"no file that anyone can read")
    query = QueryBuilder().register("rows", DeltaTable(intake.dataset().path))
    found = pl.DataFrame(query.execute("SELECT n FROM rows WHERE k = 'b' ORDER BY n").read_all())
    assert found["n"].to_list() == [2, 3]


TYPED = {
    "text": pl.Series(["a", None]),
    "small": pl.Series([-7, None], dtype=pl.Int8),
    "integer": pl.Series([2**60, None]),
    "boolean": pl.Series([True, None]),
    "date": pl.Series([dt.date(1, 1, 2), None]),
    "moment": pl.Series([dt.datetime(1969, 12, 31, 23, 59, 59, 7), None]),
    "instant": pl.Series([dt.datetime(2024, 2, 29, 1, 2, 3, tzinfo=dt.UTC), None]),
    "exact": pl.Series([Decimal("-0.0000001"), None], dtype=pl.Decimal(38, 7)),
}
SPELLED = {
    "text": "a",
    "small": "-7",
    "integer": str(2**60),
    "boolean": "true",
    "date": "0001-01-02",
    "moment": "1969-12-31 23:59:59.000007",
    "instant": "2024-02-29T01:02:03.000000Z",
    "exact": "-0.0000001",
}


@pytest.mark.parametrize("name", list(TYPED))
def test_values_of_each_type_are_spelled_as_the_protocol_says(intake: Intake, name: str) -> None:
    frame = pl.DataFrame({name: TYPED[name], "n": [1, 2]})
    outcome = write(intake, frame, [name])
    assert values_in_log(intake.dataset().path) == [{name: SPELLED[name]}, {name: None}]
    assert [part.partition for part in outcome.version.parts] == [(SPELLED[name],), (None,)]
    assert read_by_all(intake, outcome.version).equals(frame)
    again = write(intake, frame.with_columns(n=pl.col("n") + 1), None, UPSERT, ["n"])
    assert read_by_all(intake, again.version).height == 3


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(1.5, id="float"),
        pytest.param([1], id="list"),
        pytest.param({"a": 1}, id="struct"),
        pytest.param(b"x", id="binary"),
    ],
)
def test_values_of_other_types_tell_no_partitions(intake: Intake, value: Any) -> None:
    fault = fault_of(intake, [{"k": value, "n": 1}], ["k"])
    assert (fault.code, fault.category, fault.step) == ("WRONG_TYPE", "CONFIG", STEP)
    assert intake.parquet_files() == set()


def test_texts_that_look_like_other_numbers_at_first_only_tell_partitions(intake: Intake) -> None:
    text = "k,n\n" + "1.5,1\n" * 20_000 + "x,2\n"
    job = intake.job(intake.file(text), FileFormat.CSV)
    outcome = intake.run(replace(job, target=replace(target_of(job), partition_by=["k"])))
    assert outcome.version.parts[-1].partition == ("x",)
    assert outcome.version.row_count == 20_001


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param("x" * 1025, id="long"),
        pytest.param("ü" * 513, id="long in bytes"),
    ],
)
def test_a_text_that_can_tell_no_partition_is_rejected(intake: Intake, value: str) -> None:
    outcome = write(intake, [{"K": "a", "n": 1}, {"K": value, "n": 2}, {"K": None, "n": 3}], ["k"])
    assert [row["n"] for row in outcome.rows] == [1, 3]
    assert [(error["code"], error["row"], error["column"]) for error in outcome.errors] == [
        ("NO_PARTITION", 2, "K")
    ]


def test_names_may_differ_in_case_and_the_dataset_spells_them(intake: Intake) -> None:
    write(intake, [{"Country": "de", "n": 1}], ["COUNTRY"])
    outcome = write(intake, [{"country": "at", "n": 2}], ["country"])
    assert outcome.version.partition_by == ("Country",)
    assert [part.partition for part in outcome.version.parts] == [("de",), ("at",)]
    assert read_by_all(intake, outcome.version)["n"].to_list() == [1, 2]


@pytest.mark.parametrize("mode", [APPEND, UPSERT])
def test_a_sink_that_says_nothing_writes_as_the_dataset_is_partitioned(
    intake: Intake, mode: WriteMode
) -> None:
    keys = ["n"] if mode is UPSERT else []
    write(intake, [{"k": "a", "j": 1, "n": 1}], ["k", "j"])
    write(intake, [{"j": 2, "n": 2}], None, mode, keys)
    outcome = write(intake, [{"n": 3, "new": True}], None, mode, keys)
    assert [part.partition for part in outcome.version.parts] == [("a", "1"), (None, "2"), (None, None)]
    assert read_by_all(intake, outcome.version).rows() == [
        ("a", 1, 1, None),
        (None, 2, 2, None),
        (None, None, 3, True),
    ]


def test_a_plain_dataset_stays_plain(intake: Intake) -> None:
    write(intake, [{"k": "a", "n": 1}], None)
    outcome = write(intake, [{"k": "b", "n": 2}, {"k": "a", "n": 3}], [])
    assert outcome.version.partition_by == ()
    assert [part.rows for part in outcome.version.parts] == [1, 2]


@pytest.mark.parametrize(
    ("standing", "asked"), [(["k"], ["n"]), (["k"], []), ([], ["k"]), (["k"], ["k", "j"])]
)
@pytest.mark.parametrize("mode", [APPEND, UPSERT])
def test_only_replace_changes_what_partitions_a_dataset(
    intake: Intake, standing: list[str], asked: list[str], mode: WriteMode
) -> None:
    rows = [{"k": "a", "j": 1, "n": 1}, {"k": "b", "j": 1, "n": 2}]
    before = write(intake, rows, standing)
    fault = fault_of(intake, rows, asked, mode, ["n"] if mode is UPSERT else [])
    assert (fault.code, fault.category, fault.step) == ("PARTITIONS_DIFFER", "CONFIG", STEP)
    assert fault.details == {"partitionBy": standing}
    assert datasets.latest(intake.dataset()) == before.version
    outcome = write(intake, rows, asked, REPLACE)
    assert outcome.version.partition_by == tuple(asked)
    assert read_by_all(intake, outcome.version).height == 2
    old = datasets.snapshot(intake.dataset(), before.version.version)
    assert old.partition_by == tuple(standing)
    assert datasets.scan(intake.dataset(), old).collect().height == 2


def test_the_order_of_the_columns_is_that_of_the_dataset(intake: Intake) -> None:
    write(intake, [{"a": 1, "b": 2, "n": 1}], ["a", "b"])
    outcome = write(intake, [{"a": 3, "b": 4, "n": 2}], ["b", "a"])
    assert [part.partition for part in outcome.version.parts] == [("1", "2"), ("3", "4")]


def test_replacing_rows_may_have_other_columns_and_types(intake: Intake) -> None:
    write(intake, [{"k": "a", "n": 1}], ["k"])
    fault = fault_of(intake, [{"other": 1, "n": 1}], None, REPLACE)
    assert (fault.code, fault.step) == ("UNKNOWN_COLUMN", STEP)
    other = [{"other": dt.datetime(2024, 1, 1), "k": 5, "m": 1}]
    assert write(intake, other, None, REPLACE).version.partition_by == ("k",)
    outcome = write(intake, other, ["other"], REPLACE)
    assert values_in_log(intake.dataset().path) == [{"other": "2024-01-01 00:00:00.000000"}]
    assert read_by_all(intake, outcome.version).rows() == [(dt.datetime(2024, 1, 1), 5, 1)]
    assert read_by_all(intake, write(intake, [{"z": 1}], [], REPLACE).version).rows() == [(1,)]


def test_a_job_that_replaced_with_other_partitions_is_found_to_have_committed(intake: Intake) -> None:
    write(intake, [{"k": "a", "n": 1}], ["k"])
    job = job_of(intake, [{"k": "b", "n": 2}], ["n"], REPLACE, job="job_again")
    first = ingest(job, unheard)
    later = write(intake, [{"k": "c", "n": 3}], None)
    assert ingest(job, unheard).version == first.version
    assert datasets.latest(intake.dataset()) == later.version


@pytest.mark.parametrize(
    ("partition_by", "code"),
    [(["x"], "UNKNOWN_COLUMN"), (["k", "x"], "UNKNOWN_COLUMN"), (["n", "k"], "ALL_COLUMNS_PARTITIONED")],
)
def test_columns_that_can_partition_no_dataset_are_refused(
    intake: Intake, partition_by: list[str], code: str
) -> None:
    fault = fault_of(intake, [{"k": "a", "n": 1}], partition_by)
    assert (fault.code, fault.category, fault.step) == (code, "CONFIG", STEP)
    assert datasets.latest(intake.dataset()) is None


def test_so_many_partitions_are_written_by_several_scans_and_no_more(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitioning, "MAX_PARTITIONS", 200)
    numbers = [n * 7 % 200 for n in range(1000)]
    outcome = write(intake, [{"k": k, "n": n} for n, k in enumerate(numbers)], ["k"])
    assert [part.partition for part in outcome.version.parts] == [(str(k),) for k in range(200)]
    found = read_by_all(intake, outcome.version)
    assert found.rows() == sorted(found.rows())
    fault = fault_of(intake, [{"k": k, "n": 1} for k in range(201)], ["k"], dataset="other")
    assert (fault.code, fault.category, fault.step) == ("TOO_MANY_PARTITIONS", "CONFIG", STEP)
    assert intake.parquet_files("other") == set()


def test_no_rows_make_a_version_without_files(intake: Intake) -> None:
    nothing = pl.DataFrame({"k": [], "n": []}, schema={"k": pl.String, "n": pl.Int64})
    outcome = write(intake, nothing, ["k"])
    assert (outcome.version.parts, outcome.version.partition_by) == ((), ("k",))
    for mode, keys in ((APPEND, []), (UPSERT, ["k"]), (REPLACE, [])):
        write(intake, [{"k": "a", "n": 1}], None)
        outcome = write(intake, nothing, None, mode, keys)
        assert read_by_all(intake, outcome.version).height == (
            0 if mode is REPLACE else outcome.version.row_count
        )


def test_an_upsert_whose_keys_tell_the_partition_looks_into_no_other(intake: Intake) -> None:
    first = write(intake, [{"k": k, "id": 1, "n": 0} for k in "abc"], ["k"])
    for part in first.version.parts:
        if part.partition != ("b",):
            (intake.dataset().path / part.name).write_bytes(b"no file that anyone can read")
    job = job_of(
        intake, [{"k": "b", "id": 1, "n": 1}, {"k": "b", "id": 1, "n": 2}], None, UPSERT, ["id", "k"]
    )
    done = ingest(job, unheard)
    assert done.version is not None
    assert done.counts.merged == 1
    kept = [part for part in done.version.parts if part.partition != ("b",)]
    assert [part.partition for part in kept] == [("a",), ("c",)]
    [changed] = [part for part in done.version.parts if part.partition == ("b",)]
    assert pl.read_parquet(intake.dataset().path / changed.name)["n"].to_list() == [2]


def test_an_upserted_row_may_move_to_another_partition(intake: Intake) -> None:
    write(intake, [{"k": "a", "id": 1}, {"k": "a", "id": 2}, {"k": None, "id": 3}], ["k"])
    outcome = write(
        intake, [{"k": "b", "id": 2}, {"k": "a", "id": 3}, {"k": "b", "id": 3}], None, UPSERT, ["id"]
    )
    assert outcome.counts.merged == 1
    assert [part.partition for part in outcome.version.parts] == [("a",), ("b",)]
    assert read_by_all(intake, outcome.version).rows() == [("a", 1), ("b", 2), ("b", 3)]


ODD = st.sampled_from(
    ["/", "a/b", "..", "%2F", "100%", "ä=ö", " ", "null", "__HIVE_DEFAULT_PARTITION__", "\n", '"', "\0"]
)
TEXTS = st.one_of(st.none(), ODD, st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8))
DAYS = st.one_of(st.none(), st.dates())
MOMENTS = st.one_of(st.none(), st.datetimes(max_value=dt.datetime(9999, 12, 31, 23, 59, 59)))
ROWS = st.lists(st.tuples(TEXTS, DAYS, MOMENTS, st.one_of(st.none(), st.booleans())), min_size=1, max_size=12)
SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "text": pl.String,
    "day": pl.Date,
    "moment": pl.Datetime("us"),
    "flag": pl.Boolean,
}


def numbered(rows: Iterable[tuple[Any, ...]], first: int) -> pl.DataFrame:
    return (
        pl.DataFrame(list(rows), schema=SCHEMA, orient="row").with_row_index("n", first).cast({"n": pl.Int64})
    )


@given(ROWS, ROWS, st.sets(st.sampled_from(list(SCHEMA)), min_size=1))
@settings(max_examples=25)
def test_rows_come_back_whatever_tells_their_partition(
    first: list[tuple[Any, ...]], second: list[tuple[Any, ...]], partition_by: set[str]
) -> None:
    with new_intake() as intake:
        frames = [numbered(first, 0), numbered(second, len(first))]
        for frame in frames:
            outcome = write(intake, frame, sorted(partition_by))
        found = read_by_all(intake, outcome.version)
        wanted = pl.concat(frames)
        assert found.sort("n").equals(wanted)
        for _, rows in found.group_by(sorted(partition_by)):
            assert rows["n"].is_sorted()
        together = wanted.select(sorted(partition_by)).unique().height
        assert len({part.partition for part in outcome.version.parts}) == together


@pytest.mark.parametrize(
    "columns",
    [
        pytest.param(["a", "a"], id="twice"),
        pytest.param(["a", "A"], id="twice but for case"),
        pytest.param([""], id="empty"),
        pytest.param("a", id="no list"),
    ],
)
def test_columns_to_partition_by_are_named_once(columns: Any) -> None:
    with pytest.raises(ValidationError, match="partitionBy"):
        DatasetSink.model_validate({"name": "orders", "partitionBy": columns})


def test_a_column_of_nothing_but_nulls_makes_one_partition(intake: Intake) -> None:
    outcome = write(intake, [{"k": None, "n": n} for n in range(3)], ["k"])
    assert [(part.partition, part.rows) for part in outcome.version.parts] == [((None,), 3)]
    assert read_by_all(intake, outcome.version)["n"].to_list() == [0, 1, 2]


@pytest.mark.parametrize("mode", [APPEND, UPSERT])
def test_a_job_can_be_stopped_at_each_step_and_leaves_nothing(intake: Intake, mode: WriteMode) -> None:
    keys = ["n"] if mode is UPSERT else []
    rows = [{"k": k, "n": n} for n, k in enumerate("abc" * 50)]
    before = write(intake, rows[:9], ["k"])
    files = intake.parquet_files()
    heard = 0

    def count(stage: str, **figures: Any) -> None:
        nonlocal heard
        heard += 1

    ingest(job_of(intake, rows, None, mode, keys, dataset="other"), count)
    for limit in range(heard):
        left = limit

        def stop(stage: str, **figures: Any) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise Stopped

        with pytest.raises(Stopped):
            ingest(job_of(intake, rows, None, mode, keys), stop)
        assert intake.parquet_files() == files
    assert datasets.latest(intake.dataset()) == before.version


def test_rows_that_come_while_the_dataset_gets_other_partitions_are_not_appended(intake: Intake) -> None:
    write(intake, [{"k": "a", "n": 1}], ["k"])
    replaced: list[Snapshot] = []

    def replace_first(stage: str, **figures: Any) -> None:
        if stage == "committing" and not replaced:
            replaced.append(write(intake, [{"k": "b", "n": 2}], ["n"], REPLACE).version)

    job = job_of(intake, [{"k": "c", "n": 3}], None, name="appended")
    done = ingest(job, replace_first)
    assert done.version is not None
    assert [part.partition for part in done.version.parts] == [("2",), ("3",)]
    assert read_by_all(intake, done.version).rows() == [("b", 2), ("c", 3)]


def test_values_are_the_same_behind_a_checkpoint_and_whatever_columns_are_called(intake: Intake) -> None:
    rows = [{"a.b": None, "path": "p/%", "day": dt.date(2024, 1, n + 1), "n": n} for n in range(3)]
    version = write(intake, rows, ["a.b", "path", "day"]).version
    DeltaTable(intake.dataset().path).create_checkpoint()
    datasets.snapshot.cache_clear()
    assert datasets.snapshot(intake.dataset(), 0) == version
    assert version.parts[2].partition == (None, "p/%", "2024-01-03")
    assert read_by_all(intake, version).height == 3
