"""Several files read as one are what plain Python makes of them one after the other."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.errors import JobFault
from headgate.pipelines.dialect import Dialect
from headgate.pipelines.prepared import ROW_INDEX, Source
from headgate.pipelines.readers.many import Files, read_files
from headgate.pipelines.rejections import RejectionLog, save_ledger
from headgate.pipelines.replay import RowSet
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, errors_in, new_intake, unheard

BROKEN = None
"""A record that its reader rejects."""
Table = tuple[FileFormat, Sequence[dict[str, Any] | None]]
NAMES = ("id", "name", "amount")


@dataclass(frozen=True)
class Read:
    rows: list[tuple[int, int, dict[str, Any]]]
    errors: list[dict[str, Any]]
    types: dict[str, pl.DataType]
    accepted: int
    texts: frozenset[str]
    sample: pl.DataFrame


def read(intake: Intake, paths: Sequence[tuple[Path, FileFormat]], only: Sequence[int] | None = None) -> Read:
    scratch = intake.scratch()
    log = RejectionLog(scratch)
    sources = [Source(path, format, _dialect(format)) for path, format in paths]
    chosen = None if only is None else RowSet(pl.Series(only, dtype=pl.Int64).to_numpy())
    prepared = read_files(Files(sources, chosen), scratch, log, unheard)
    frame = prepared.frame.collect()
    assert prepared.rows is not None
    rows, lines = prepared.rows.locate(frame[ROW_INDEX].to_numpy().astype("int64"))
    records = frame.drop(ROW_INDEX)
    save_ledger(scratch / "ledger.parquet", log)
    return Read(
        list(zip(rows.tolist(), lines.tolist(), records.to_dicts(), strict=True)),
        errors_in(scratch / "ledger.parquet"),
        dict(records.schema),
        prepared.accepted,
        prepared.texts,
        prepared.sample,
    )


def _dialect(format: FileFormat) -> Dialect | None:
    return Dialect() if format is FileFormat.CSV else None


def written(intake: Intake, number: int, table: Table) -> Path:
    format, records = table
    path = intake.folder / f"{number}.{format.lower()}"
    match format:
        case FileFormat.CSV:
            lines = [",".join(NAMES), *map(_csv_line, records)]
            path.write_text("".join(f"{line}\n" for line in lines))
        case FileFormat.NDJSON:
            path.write_text("".join(f"{_json_line(record)}\n" for record in records))
        case _:
            frame = pl.DataFrame(
                list(records), schema={"id": pl.Int32, "name": pl.String, "amount": pl.Float64}
            )
            frame.write_parquet(path)
    return path


def _csv_line(record: dict[str, Any] | None) -> str:
    if record is BROKEN:
        return "one,cell,too,many"
    return ",".join("" if record[name] is None else str(record[name]) for name in NAMES)


def _json_line(record: dict[str, Any] | None) -> str:
    return "{broken" if record is BROKEN else json.dumps(record)


record = st.fixed_dictionaries(
    {
        "id": st.integers(0, 10**6),
        "name": st.one_of(st.none(), st.text("abcxyz", min_size=1, max_size=4)),
        "amount": st.one_of(st.none(), st.integers(-50, 50).map(lambda number: number / 4)),
    }
)
table = st.one_of(
    st.tuples(
        st.sampled_from([FileFormat.CSV, FileFormat.NDJSON]),
        st.lists(st.one_of(record, st.just(BROKEN)), min_size=1, max_size=6),
    ),
    st.tuples(st.just(FileFormat.PARQUET), st.lists(record, max_size=6)),
)


def expected(tables: Sequence[Table]) -> tuple[list[tuple[int, int, dict[str, Any]]], list[tuple[int, int]]]:
    """The good rows with their numbers and lines, and the places of the broken ones."""
    good, broken, number = [], [], 0
    for format, records in tables:
        for at, each in enumerate(records):
            number += 1
            line = {FileFormat.CSV: at + 2, FileFormat.NDJSON: at + 1}.get(format, 0)
            if each is BROKEN:
                broken.append((number, line))
            else:
                good.append((number, line, each))
    return good, broken


def as_texts(row: dict[str, Any]) -> dict[str, str | None]:
    return {name: None if row.get(name) is None else str(row.get(name)) for name in NAMES}


@settings(max_examples=60)
@given(tables=st.lists(table, min_size=1, max_size=4))
def test_files_read_as_one_are_their_concatenation(tables: list[Table]) -> None:
    good, broken = expected(tables)
    with new_intake() as intake:
        found = read(intake, [(written(intake, n, each), each[0]) for n, each in enumerate(tables)])
    assert [(row, line) for row, line, _ in found.rows] == [(row, line) for row, line, _ in good]
    assert [as_texts(values) for *_, values in found.rows] == [as_texts(values) for *_, values in good]
    assert [(error["row"], error["line"]) for error in found.errors] == broken
    assert found.accepted == len(good)
    assert set(found.sample.schema) == set(found.types)


@settings(max_examples=60)
@given(data=st.data(), tables=st.lists(table, min_size=1, max_size=4))
def test_rows_read_again_have_the_numbers_and_lines_that_they_had(
    data: st.DataObject, tables: list[Table]
) -> None:
    good, broken = expected(tables)
    every = sorted([row for row, *_ in good] + [row for row, _ in broken])
    only = data.draw(st.lists(st.sampled_from(every), unique=True) if every else st.just([]))
    with new_intake() as intake:
        found = read(intake, [(written(intake, n, each), each[0]) for n, each in enumerate(tables)], only)
    chosen = [row for row in good if row[0] in only]
    assert [(row, line, as_texts(values)) for row, line, values in found.rows] == [
        (row, line, as_texts(values)) for row, line, values in chosen
    ]
    assert [(error["row"], error["line"]) for error in found.errors] == [
        place for place in broken if place[0] in only
    ]
    assert found.accepted == len(chosen)


def ndjson(intake: Intake, *contents: Sequence[dict[str, Any]]) -> list[tuple[Path, FileFormat]]:
    return [
        (intake.file("".join(json.dumps(each) + "\n" for each in content), f"{n}.ndjson"), FileFormat.NDJSON)
        for n, content in enumerate(contents)
    ]


def test_a_column_that_a_file_lacks_is_null_there(intake: Intake) -> None:
    found = read(intake, ndjson(intake, [{"a": 1}], [{"b": "x"}]))
    assert [values for *_, values in found.rows] == [{"a": 1, "b": None}, {"a": None, "b": "x"}]


def test_names_that_differ_in_case_alone_are_one_column(intake: Intake) -> None:
    found = read(intake, ndjson(intake, [{"Id": 1}], [{"ID": 2}]))
    assert [values for *_, values in found.rows] == [{"Id": 1}, {"Id": 2}]


def test_a_column_without_values_takes_the_type_of_the_others(intake: Intake) -> None:
    found = read(intake, ndjson(intake, [{"a": None}], [{"a": 2}]))
    assert [values for *_, values in found.rows] == [{"a": None}, {"a": 2}]


@pytest.mark.parametrize(
    ("one", "other", "values"),
    [
        (1, 2.5, [1.0, 2.5]),
        (2**53 + 1, 2.5, [str(2**53 + 1), "2.5"]),
        (1, "x", ["1", "x"]),
        (True, "x", ["true", "x"]),
        ({"k": 1}, "x", ['{"k":1}', "x"]),
        ({"k": 1}, {"k": 2.5}, ['{"k":1}', '{"k":2.5}']),
        ([1], {"k": 1}, ["[1]", '{"k":1}']),
        ([1], [2], [[1], [2]]),
    ],
    ids=str,
)
def test_types_of_which_none_keeps_both_become_text(
    intake: Intake, one: object, other: object, values: list[Any]
) -> None:
    found = read(intake, ndjson(intake, [{"a": one}], [{"a": other}]))
    assert [row["a"] for *_, row in found.rows] == values


PARQUET_TYPES = [
    (pl.Int8(), pl.UInt8(), pl.Int16()),
    (pl.UInt16(), pl.UInt32(), pl.UInt32()),
    (pl.Int64(), pl.UInt64(), pl.Decimal(20, 0)),
    (pl.Int16(), pl.Float32(), pl.Float32()),
    (pl.Int32(), pl.Float32(), pl.Float64()),
    (pl.Float32(), pl.Float64(), pl.Float64()),
    (pl.Decimal(10, 2), pl.Decimal(12, 4), pl.Decimal(12, 4)),
    (pl.Decimal(10, 2), pl.Int32(), pl.Decimal(12, 2)),
    (pl.Decimal(38, 2), pl.Decimal(38, 4), pl.String()),
    (pl.Decimal(10, 2), pl.Float64(), pl.String()),
    (pl.Date(), pl.Datetime("us"), pl.Datetime("us")),
    (pl.Date(), pl.Datetime("us", "UTC"), pl.String()),
    (pl.Datetime("ms"), pl.Datetime("us"), pl.Datetime("us")),
    (pl.Datetime("ns"), pl.Datetime("us"), pl.String()),
    (pl.Categorical(), pl.String(), pl.String()),
    (pl.List(pl.Int8()), pl.List(pl.Int16()), pl.List(pl.Int16())),
    (pl.Struct({"k": pl.Int8()}), pl.Struct({"k": pl.Int16()}), pl.Struct({"k": pl.Int16()})),
    (pl.Struct({"k": pl.Int8()}), pl.Struct({"j": pl.Int8()}), pl.String()),
    (pl.Null(), pl.Boolean(), pl.Boolean()),
    (pl.Boolean(), pl.Int8(), pl.String()),
]


@pytest.mark.parametrize(("one", "other", "wanted"), PARQUET_TYPES, ids=str)
@pytest.mark.parametrize("turned", [False, True], ids=["this way", "the other way"])
def test_typed_columns_get_a_type_that_keeps_both(
    intake: Intake, one: pl.DataType, other: pl.DataType, wanted: pl.DataType, turned: bool
) -> None:
    frames = [pl.DataFrame({"a": [_value(dtype)]}, schema={"a": dtype}) for dtype in (one, other)]
    frames = frames[::-1] if turned else frames
    paths = []
    for number, frame in enumerate(frames):
        path = intake.folder / f"{number}.parquet"
        frame.write_parquet(path)
        paths.append((path, FileFormat.PARQUET))
    assert read(intake, paths).types == {"a": wanted}


def _value(dtype: pl.DataType) -> Any:
    match dtype:
        case pl.List():
            return [1]
        case pl.Struct():
            return {dtype.fields[0].name: 1}
        case pl.Null():
            return None
        case pl.Boolean():
            return True
        case pl.Categorical() | pl.String():
            return "x"
        case _ if dtype.is_temporal():
            return date(2026, 1, 2)
    return 1


def test_the_text_of_csv_stays_text_whose_type_is_still_to_be_found(intake: Intake) -> None:
    paths = [
        (intake.file("a,b\n1,2\n", "1.csv"), FileFormat.CSV),
        (intake.file("b,a\n3,4\n", "2.csv"), FileFormat.CSV),
    ]
    found = read(intake, paths)
    assert found.texts == {"a", "b"}
    assert [values for *_, values in found.rows] == [{"a": "1", "b": "2"}, {"a": "4", "b": "3"}]


def test_a_sample_of_many_files_is_no_larger_than_one_of_one(intake: Intake) -> None:
    content = [{"a": number} for number in range(1_000)]
    found = read(intake, ndjson(intake, content, content, content))
    assert 500 < found.sample.height <= 1_000


def test_a_file_that_is_not_readable_is_named(intake: Intake) -> None:
    damaged = intake.file(b"PAR1 and no more", "second.parquet")
    paths = [*ndjson(intake, [{"a": 1}]), (damaged, FileFormat.PARQUET)]
    with pytest.raises(JobFault) as caught:
        read(intake, paths)
    assert caught.value.code == "UNREADABLE_FILE"
    assert caught.value.message.startswith("second.parquet: ")
    assert str(intake.folder) not in caught.value.message


def test_progress_counts_rows_and_bytes_through_all_files(intake: Intake) -> None:
    scratch, heard = intake.scratch(), []
    sources = [
        Source(intake.file("a\n1\n2\n", f"{number}.csv"), FileFormat.CSV, Dialect()) for number in range(2)
    ]
    read_files(Files(sources), scratch, RejectionLog(scratch), lambda stage, **told: heard.append(told))
    told = [(each["rows_read"], each["bytes_read"], each["bytes_total"]) for each in heard]
    assert list(dict.fromkeys(told)) == [(2, 6, 12), (4, 12, 12)]


def test_no_files_make_no_rows(intake: Intake) -> None:
    prepared = read_files(Files([]), intake.scratch(), RejectionLog(intake.scratch()), unheard)
    assert (prepared.accepted, list(prepared.names)) == (0, [])
    assert prepared.frame.collect().is_empty()


def test_files_have_the_format_that_may_be_damaged_without_a_reader_seeing_it() -> None:
    csv, parquet = (Source(Path("a"), format) for format in (FileFormat.CSV, FileFormat.PARQUET))
    assert Files([csv, parquet]).format is FileFormat.PARQUET
    assert Files([csv]).format is FileFormat.CSV
    assert Files([]).format is None
