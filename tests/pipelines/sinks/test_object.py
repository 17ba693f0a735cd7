"""The sink `object` writes what was accepted, in each format, to a bucket or a folder, and the same again."""

import datetime as dt
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.endpoints.outside import Outside
from headgate.pipelines.orders import Stopped
from headgate.pipelines.sinks.object import ObjectSink
from headgate.storage.columns import WHOLE
from tests.buckets import Store
from tests.pipelines.deliveries import JOB, delivery_of, rows_of

RECORDS = [{"id": number, "name": f"name {number}"} for number in range(5)]
TYPED = pl.DataFrame(
    {
        "text": ["=1+1", "", None],
        "whole": [2**60, -1, None],
        "float": [1.5, 2.0, None],
        "price": [Decimal("1.20"), Decimal("-3.00"), None],
        "day": [dt.date(2026, 1, 2), None, None],
        "at": [dt.datetime(2026, 1, 2, 3, 4, 5), dt.datetime(2026, 1, 2, 3, 4, 5, 500_000), None],
        "moment": pl.Series([dt.datetime(2026, 1, 2), None, None]).dt.replace_time_zone("UTC"),
        "flag": [True, False, None],
        "raw": [b"\x00\xff", None, None],
        "tags": [["a", "b"], [], None],
        "place": [{"city": "Ulm", "since": dt.date(2026, 1, 2)}, None, None],
    }
)


def written(
    sink: dict[str, Any], folder: Path, store: Store, rows: Any = RECORDS, forms: Any = None
) -> dict[str, Any]:
    made = ObjectSink.model_validate({"endpoint": "store", **sink})
    return made.write(rows_of(folder, rows, forms), delivery_of(folder, store.outside())).said


@pytest.mark.parametrize(
    ("format", "read"),
    [("PARQUET", pl.read_parquet), ("ARROW", pl.read_ipc), ("CSV", pl.read_csv), ("NDJSON", pl.read_ndjson)],
)
def test_rows_are_written_in_their_order(tmp_path: Path, store: Store, format: str, read: Any) -> None:
    said = written({"path": "out/{job}/rows", "format": format}, tmp_path, store)
    content = store.get(f"out/{JOB}/rows")
    assert read(io.BytesIO(content)).to_dicts() == RECORDS
    assert said == {
        "objects": [{"path": f"out/{JOB}/rows", "rows": 5, "bytes": len(content)}],
        "count": 1,
    }


def test_parquet_keeps_every_type(tmp_path: Path, store: Store) -> None:
    written({"path": "typed.parquet"}, tmp_path, store, TYPED)
    assert pl.read_parquet(io.BytesIO(store.get("typed.parquet"))).equals(TYPED)


def test_csv_holds_every_type_as_text(tmp_path: Path, store: Store) -> None:
    forms = {"float": WHOLE, "flag": "TRUE", "at": "%Y-%m-%d %H:%M:%S%.3f"}
    written({"path": "typed.csv", "format": "CSV"}, tmp_path, store, TYPED, forms)
    lines = store.get("typed.csv").decode().splitlines()
    assert lines[1].startswith("'=1+1,1152921504606846976,1.5,1.20,2026-01-02,2026-01-02 03:04:05.000,")
    assert lines[1].endswith(
        ',2026-01-02T00:00:00Z,TRUE,AP8=,"[""a"",""b""]","{""city"":""Ulm"",""since"":""2026-01-02""}"'
    )
    assert lines[2] == '"",-1,2,-3.00,,2026-01-02 03:04:05.500,,FALSE,,[],'
    assert lines[3] == ",,,,,,,,,,"


def test_ndjson_holds_every_value_exactly(tmp_path: Path, store: Store) -> None:
    written({"path": "typed.ndjson", "format": "NDJSON"}, tmp_path, store, TYPED)
    first = json.loads(store.get("typed.ndjson").decode().splitlines()[0])
    assert first == {
        "text": "=1+1",
        "whole": "1152921504606846976",
        "float": 1.5,
        "price": "1.20",
        "day": "2026-01-02",
        "at": "2026-01-02T03:04:05",
        "moment": "2026-01-02T00:00:00Z",
        "flag": True,
        "raw": "AP8=",
        "tags": ["a", "b"],
        "place": {"city": "Ulm", "since": "2026-01-02"},
    }


@pytest.mark.parametrize(
    ("escape", "line"), [(True, "'=a,'@b"), (False, "=a,@b")], ids=["escaped", "not escaped"]
)
def test_formulas_in_csv_are_escaped_unless_told(
    tmp_path: Path, store: Store, escape: bool, line: str
) -> None:
    sink = {"path": "a.csv", "format": "CSV", "escapeFormulas": escape}
    written(sink, tmp_path, store, [{"=a": "=a", "@b": "@b"}])
    assert store.get("a.csv").decode().splitlines() == [line, line]


def test_rows_are_split_where_it_is_said(tmp_path: Path, store: Store) -> None:
    said = written({"path": "out.v1/rows.csv", "format": "CSV", "maxRowsPerFile": 2}, tmp_path, store)
    names = [f"out.v1/rows-0000{number}.csv" for number in (1, 2, 3)]
    assert store.keys() == names
    assert [(each["path"], each["rows"]) for each in said["objects"]] == list(
        zip(names, [2, 2, 1], strict=True)
    )
    read = [pl.read_csv(io.BytesIO(store.get(name))) for name in names]
    assert pl.concat(read).to_dicts() == RECORDS


def test_too_many_objects_are_refused(tmp_path: Path, store: Store) -> None:
    rows = pl.DataFrame({"id": range(10_001)})
    with pytest.raises(JobFault, match="TOO_MANY_OBJECTS"):
        written({"path": "rows", "maxRowsPerFile": 1}, tmp_path, store, rows)
    assert store.keys() == []


def test_written_again_the_objects_are_the_same(tmp_path: Path, store: Store) -> None:
    sink = {"path": "out/", "maxRowsPerFile": 2}
    first = written(sink, tmp_path, store)
    contents = store.contents()
    assert written(sink, tmp_path, store) == first
    assert store.contents() == contents
    assert sorted(contents) == [f"out/{JOB}-0-0000{number}.parquet" for number in (1, 2, 3)]


def test_written_with_fewer_objects_none_of_the_old_ones_stays(tmp_path: Path, store: Store) -> None:
    sink = {"path": "rows.csv", "format": "CSV", "maxRowsPerFile": 1}
    written(sink, tmp_path, store)
    store.put("rows-notes.csv", "kept")
    written(sink, tmp_path, store, RECORDS[:2])
    assert store.keys() == ["rows-00001.csv", "rows-00002.csv", "rows-notes.csv"]


def test_no_rows_make_an_object_with_the_columns(tmp_path: Path, store: Store) -> None:
    rows = pl.DataFrame(schema={"id": pl.Int64, "name": pl.String})
    written({"path": "none.csv", "format": "CSV", "maxRowsPerFile": 2}, tmp_path, store, rows)
    assert store.get("none-00001.csv") == b"id,name\n"


def test_rows_are_written_to_a_folder_that_is_allowed(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    outside = Outside(folders=[allowed])
    for path, place in (("out/a.parquet", "out/a.parquet"), (f"{allowed}/b.parquet", "b.parquet")):
        ObjectSink(path=path).write(rows_of(tmp_path, RECORDS), delivery_of(tmp_path, outside))
        assert pl.read_parquet(allowed / place).to_dicts() == RECORDS


def test_no_folder_is_written_to_unless_it_is_allowed(tmp_path: Path) -> None:
    sink = ObjectSink(path=f"{tmp_path}/out.parquet")
    with pytest.raises(JobFault, match="PATH_NOT_ALLOWED"):
        sink.write(rows_of(tmp_path, RECORDS), delivery_of(tmp_path, Outside()))
    assert not (tmp_path / "out.parquet").exists()


@pytest.mark.parametrize("format", ["PARQUET", "ARROW", "CSV", "NDJSON"])
def test_a_job_that_is_stopped_writes_no_object(tmp_path: Path, store: Store, format: str) -> None:
    def stop(stage: str, **figures: Any) -> None:
        raise Stopped

    sink = ObjectSink.model_validate({"endpoint": "store", "path": "rows", "format": format})
    delivery = delivery_of(tmp_path, store.outside(), watch=stop)
    with pytest.raises((Stopped, pl.exceptions.PolarsError)):
        sink.write(rows_of(tmp_path, RECORDS), delivery)
    assert store.keys() == []
    assert list(delivery.scratch.iterdir()) == []


@pytest.mark.parametrize(
    "settings",
    [
        {"path": "a/*.csv"},
        {"path": "a/{day}.csv"},
        {"path": "a/{job"},
        {"path": "../a"},
        {"path": ""},
        {"path": "a", "maxRowsPerFile": 0},
        {"path": "a", "format": "EXCEL"},
        {},
    ],
    ids=str,
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ObjectSink.model_validate(settings)


def test_the_example_writes_its_records(tmp_path: Path, store: Store) -> None:
    rows = rows_of(tmp_path, ObjectSink.records)
    said = ObjectSink.from_example().write(rows, delivery_of(tmp_path, store.outside())).said
    assert [each["path"] for each in said["objects"]] == [f"exports/{JOB}/orders.parquet"]
