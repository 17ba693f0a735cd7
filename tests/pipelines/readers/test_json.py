"""Every JSON record comes back exactly, wherever the blocks are cut; broken records alone are rejected."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.errors import JobFault
from headgate.pipelines import jsonscan, recordblocks
from headgate.pipelines.counts import Counts
from headgate.pipelines.prepared import ROW_INDEX
from headgate.pipelines.readers import json as reader
from headgate.pipelines.rejections import RejectionLog
from headgate.storage.columns import MAX_SAFE_INTEGER
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, Outcome, errors_in, new_intake

FORMATS = [FileFormat.JSON, FileFormat.NDJSON]
TEXTS = st.text(st.sampled_from('ab"\\/[]{},: \n\u00e9\u2028\U0001f600'), max_size=8)
INTEGERS = st.integers() | st.sampled_from([2**53 + 1, 2**63, 2**64 + 1, -(2**63) - 1])
SCALARS = st.one_of(
    st.none(), st.booleans(), INTEGERS, st.floats(allow_nan=False, allow_infinity=False), TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
KINDS = [st.booleans(), INTEGERS, st.floats(allow_nan=False, allow_infinity=False), TEXTS, VALUES]


@st.composite
def records(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Records whose columns mostly keep to one kind of value, and some keys of which are missing."""
    names = draw(
        st.lists(st.sampled_from(["a", "b", "Name", 'q"uote', "\u00e9 \\"]), min_size=1, unique=True)
    )
    kinds = {name: draw(st.sampled_from(KINDS)) for name in names}
    some = st.fixed_dictionaries({}, optional={name: st.none() | kind for name, kind in kinds.items()})
    return [{names[0]: 1}, *draw(st.lists(some.filter(bool), max_size=12))]


def written(items: list[dict[str, Any]], format: FileFormat, indent: int | None, *, ascii: bool) -> bytes:
    if format is FileFormat.JSON:
        return json.dumps(items, indent=indent, ensure_ascii=ascii).encode()
    return "".join(json.dumps(item, ensure_ascii=ascii) + "\n" for item in items).encode()


def ingest(
    content: bytes, format: FileFormat, block_bytes: int = 1 << 20, block_records: int = 100
) -> Outcome:
    with ExitStack() as stack:
        stack.enter_context(patch.object(jsonscan, "BLOCK_BYTES", block_bytes))
        stack.enter_context(patch.object(reader, "BLOCK_BYTES", block_bytes))
        stack.enter_context(patch.object(recordblocks, "BLOCK_RECORDS", block_records))
        intake = stack.enter_context(new_intake())
        return intake.ingest(intake.file(content), format)


def exact(value: Any) -> Any:
    """A JSON value as the API gives it: integers that a double can't hold are text."""
    if isinstance(value, dict):
        return {key: exact(item) for key, item in value.items()}
    if isinstance(value, list):
        return [exact(item) for item in value]
    large = isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_SAFE_INTEGER
    return str(value) if large else value


def check(record: Mapping[str, Any], row: Mapping[str, Any], types: Mapping[str, str]) -> None:
    for name, kind in types.items():
        value, got = record.get(name), row[name]
        if kind != "STRING" or value is None or isinstance(value, str):
            assert got == exact(value)
        else:
            assert isinstance(got, str)
            assert json.loads(got) == value


@settings(max_examples=150)
@given(
    records(),
    st.sampled_from(FORMATS),
    st.integers(1, 60),
    st.integers(1, 5),
    st.sampled_from([None, 0, 2]),
    st.booleans(),
)
def test_every_value_comes_back_wherever_blocks_are_cut(
    items: list[dict[str, Any]],
    format: FileFormat,
    block_bytes: int,
    block_records: int,
    indent: int | None,
    ascii: bool,
) -> None:
    outcome = ingest(written(items, format, indent, ascii=ascii), format, block_bytes, block_records)
    assert outcome.counts == Counts(read=len(items), accepted=len(items), rejected=0)
    for item, row in zip(items, outcome.rows, strict=True):
        check(item, row, outcome.types)


def reading_of(intake: Intake, content: str | bytes, format: FileFormat) -> tuple[list[Any], list[Any]]:
    """The rows, and row, line and code of each error."""
    reading = intake.read(intake.file(content), format)
    errors = [(error["row"], error["line"], error["code"]) for error in reading.errors]
    assert reading.rejected == len(errors)
    return reading.frame.to_dicts(), errors


@pytest.mark.parametrize(
    "broken", ['{"a"}', '{"a": 1,}', "7", "null", "[]", '{"a": 1e400}', '{"a": "\\ud800"}', "{'a': 1}"]
)
@pytest.mark.parametrize("format", FORMATS)
def test_one_broken_record_is_rejected_alone(intake: Intake, format: FileFormat, broken: str) -> None:
    if format is FileFormat.JSON:
        content = f'[\n{{"a": 1}},\n\n{broken},\n{{"a": 3}}\n]'
    else:
        content = f'{{"a": 1}}\n\n\n{broken}\n{{"a": 3}}'
    rows, errors = reading_of(intake, content, format)
    assert rows == [{"a": 1}, {"a": 3}]
    assert errors == [(2, 4, "STRUCTURE")]


@pytest.mark.parametrize("format", FORMATS)
def test_half_a_character_is_rejected_beside_a_long_number_too(intake: Intake, format: FileFormat) -> None:
    record = '{"a": 18446744073709551616, "b": "\\ud800"}'
    content = f'[{{"a": 1}},\n{record}]' if format is FileFormat.JSON else f'{{"a": 1}}\n{record}\n'
    rows, errors = reading_of(intake, content, format)
    assert (rows, errors) == ([{"a": 1}], [(2, 2, "STRUCTURE")])


def test_a_record_that_is_not_utf8_is_rejected(intake: Intake) -> None:
    rows, errors = reading_of(intake, b'{"a":"x"}\n{"a":"\xff"}\n{"a":"y"}\n', FileFormat.NDJSON)
    assert (rows, errors) == ([{"a": "x"}, {"a": "y"}], [(2, 2, "ENCODING")])


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ('{"type": "x", "features": [{"a": 1}, {"a": 2}], "n": [1, 2]}', [{"a": 1}, {"a": 2}]),
        ('{"names": ["]", "{"], "rows": [\n\n {"a": [{"b": 1}]}]}', [{"a": [{"b": 1}]}]),
        ('{"a": 1, "b": []}', [{"a": 1, "b": []}]),
        ('\ufeff[{"a": 1}]\n\n', [{"a": 1}]),
        ('\ufeff{"a": 1}', [{"a": 1}]),
        ('[{"a": 1, "a": 2}]', [{"a": 2}]),
        ('[{"a": "\\\\"}, {"a": "\\""}, {"a": "\\\\\\""}]', [{"a": "\\"}, {"a": '"'}, {"a": '\\"'}]),
        ('[{"a": 1}, {"b": 2}]', [{"a": 1, "b": None}, {"a": None, "b": 2}]),
    ],
)
@pytest.mark.parametrize("block_bytes", [1, 2, 3, 7, 1 << 20])
def test_documents_of_several_shapes_are_read(
    intake: Intake, monkeypatch: pytest.MonkeyPatch, content: str, rows: list[Any], block_bytes: int
) -> None:
    monkeypatch.setattr(jsonscan, "BLOCK_BYTES", block_bytes)
    assert reading_of(intake, content, FileFormat.JSON) == (rows, [])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ('{"a": [{"x": 1}], "b": [{"y": 1}]}', "AMBIGUOUS_RECORDS"),
        ('[{"a": 1}]\n[{"a": 2}]', "AMBIGUOUS_RECORDS"),
        ('[{"a": 1}] x', "AMBIGUOUS_RECORDS"),
        ('[{"a": 1}},{"a": 2}]', "AMBIGUOUS_RECORDS"),
        ('{"a": [{"x": 1}]}\n{"a": [{"x": 2}]}', "AMBIGUOUS_RECORDS"),
        ('{"a": [{"x": 1}]} {"b": 1}', "AMBIGUOUS_RECORDS"),
        ('"text"', "NO_RECORDS"),
        ("17", "NO_RECORDS"),
        ("[]", "NO_COLUMNS"),
        ("[{}, {}]", "NO_COLUMNS"),
    ],
)
@pytest.mark.parametrize("block_bytes", [1, 5, 1 << 20])
def test_a_document_whose_records_nobody_can_tell_is_refused(
    intake: Intake, monkeypatch: pytest.MonkeyPatch, content: str, code: str, block_bytes: int
) -> None:
    monkeypatch.setattr(jsonscan, "BLOCK_BYTES", block_bytes)
    with pytest.raises(JobFault, match=code):
        intake.ingest(intake.file(content), FileFormat.JSON)
    assert intake.parquet_files() == set()


@pytest.mark.parametrize("content", ["[1, 2, 3]", '[[{"a": 1}], [{"a": 2}]]', '["a", null]'])
def test_items_that_are_no_objects_are_rejected_one_by_one(intake: Intake, content: str) -> None:
    rows, errors = reading_of(intake, content, FileFormat.JSON)
    assert (rows, len(errors)) == ([], len(json.loads(content)))
    with pytest.raises(JobFault, match="ALL_ROWS_REJECTED") as failed:
        intake.run(job := intake.job(intake.file(content), FileFormat.JSON))
    assert len(errors_in(job.ledger)) == len(errors)
    assert (failed.value.details or {})["counts"]["rejected"] == len(errors)


CUT = '[{"a": 1},\n {"a": 2},\n {"a": 345}]'


@pytest.mark.parametrize("kept", range(1, len(CUT) + 1))
def test_the_rows_before_a_cut_survive_and_the_cut_is_seen(intake: Intake, kept: int) -> None:
    rows, errors = reading_of(intake, CUT[:kept], FileFormat.JSON)
    assert rows == json.loads(CUT)[: CUT[:kept].count("}")]
    assert len(errors) == (kept < len(CUT))


def test_a_file_in_utf16_is_read_as_well(intake: Intake) -> None:
    for format, content in [(FileFormat.JSON, '[{"a": "é"}]'), (FileFormat.NDJSON, '{"a": "é"}\r\n')]:
        assert reading_of(intake, content.encode("utf-16"), format) == ([{"a": "é"}], [])


def test_a_record_too_large_fails_the_job(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonscan, "MAX_ITEM_BYTES", 1000)
    monkeypatch.setattr(jsonscan, "BLOCK_BYTES", 100)
    with pytest.raises(JobFault, match="RECORD_TOO_LARGE"):
        intake.read(intake.file('[{"a": 1},\n{"a": "' + "x" * 2000 + '"}, {"a": 3}]'), FileFormat.JSON)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("depth", [90, 120, 5_000, 200_000])
def test_deep_nesting_is_stored_or_rejected(intake: Intake, format: FileFormat, depth: int) -> None:
    deep = '{"a": ' * depth + "1" + "}" * depth
    content = f'[{{"a": 1}},{deep}]' if format is FileFormat.JSON else f'{{"a": 1}}\n{deep}\n'
    outcome = intake.ingest(intake.file(content), format)
    if depth > reader.MAX_DEPTH:
        assert outcome.counts == Counts(read=2, accepted=1, rejected=1)
    else:
        assert [json.loads(row["a"]) for row in outcome.rows] == [1, json.loads(deep)["a"]]


def test_a_deep_column_is_stored(intake: Intake) -> None:
    deep = "[" * 60 + "1" + "]" * 60
    outcome = intake.ingest(intake.file(f'{{"a": {deep}}}\n'), FileFormat.NDJSON)
    assert outcome.rows == [{"a": json.loads(deep)}]


def test_empty_records_count_as_rows(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recordblocks, "BLOCK_RECORDS", 2)
    outcome = intake.ingest(intake.file('{}\n{}\n{}\n{}\n{"a": 1}\n{}\n'), FileFormat.NDJSON)
    assert [row["a"] for row in outcome.rows] == [None] * 4 + [1, None]


def test_a_broken_record_keeps_its_text_in_the_ledger(intake: Intake) -> None:
    reading = intake.read(intake.file('{"a": 1}\n{"a": tru}\n17\n'), FileFormat.NDJSON)
    assert [(error["value"], error["record"]) for error in reading.errors] == [
        ('{"a": tru}', None),
        ("17", "17"),
    ]


def test_whole_numbers_in_a_list_of_floats_in_an_object_are_floats(intake: Intake) -> None:
    outcome = intake.ingest(intake.file('[{"a": {"b": [0, 0.5]}}, {"a": null}]'), FileFormat.JSON)
    assert outcome.rows == [{"a": {"b": [0.0, 0.5]}}, {"a": None}]


LINES = st.one_of(
    st.sampled_from(
        [
            b"",
            b"  ",
            b"{}",
            b'{"a":1}\r',
            b'{"a":1},{"a":2}',
            b'{"a":[1',
            b"2]}",
            b'{"a":12345678901234567890123}',
            b'{"a":"\xff"}',
            b'{"a":"\\ud800"}',
            b"[" * 101 + b"]" * 101,
            b'{"a":' + b"[" * 99 + b"]" * 99 + b"}",
            b'{"a":' + b"[" * 101 + b"]" * 101 + b"}",
            b"null",
            b"[1]",
            b'"text"',
        ]
    ),
    st.builds(lambda value: json.dumps({"a": value}).encode(), SCALARS),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(LINES, max_size=8))
def test_lines_are_read_together_as_each_is_by_itself(lines: list[bytes]) -> None:
    """What is wrong with one, and what each holds, doesn't depend on the lines beside it."""

    def read(*, at_once: bool) -> tuple[dict[str, list[Any]], list[list[int]], list[Any]]:
        with TemporaryDirectory() as folder:
            log = RejectionLog(Path(folder))
            records = reader.RecordReader(None, log)
            texts = [line + b"\n" for line in lines]
            for number, text in enumerate([b"".join(texts)] if at_once else texts, start=1):
                records.take_lines(text, number)
            kept = records.finish()
            frame = kept.frame.drop(ROW_INDEX).collect()
            places = kept.rows.locate(np.arange(kept.accepted)) if kept.rows and kept.accepted else ()
            faults = [row for part in log.parts() for row in pl.read_parquet(part).rows()]
            return frame.to_dict(as_series=False), [place.tolist() for place in places], faults

    assert read(at_once=True) == read(at_once=False)
