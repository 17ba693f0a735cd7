"""Typed files keep every value in the types that a dataset has, and damaged ones fail with a clear fault."""

import random
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from headgate.errors import JobFault
from headgate.pipelines.counts import Counts
from headgate.pipelines.inspector import inspect
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, Outcome

FORMATS = [FileFormat.PARQUET, FileFormat.ARROW]


def ingest(intake: Intake, series: pl.Series, format: FileFormat = FileFormat.PARQUET) -> Outcome:
    path = intake.folder / "data"
    frame = series.alias("x").to_frame()
    frame.write_parquet(path) if format is FileFormat.PARQUET else frame.write_ipc(path)
    outcome = intake.ingest(path, format)
    assert outcome.counts == Counts(read=frame.height, accepted=frame.height, rejected=0)
    return outcome


NOON = datetime(2024, 2, 29, 12)


@pytest.mark.parametrize(
    ("series", "native", "values"),
    [
        (pl.Series([0, 255, None], dtype=pl.UInt8), pl.Int16(), [0, 255, None]),
        (pl.Series([2**16 - 1], dtype=pl.UInt16), pl.Int32(), [2**16 - 1]),
        (pl.Series([2**32 - 1], dtype=pl.UInt32), pl.Int64(), [2**32 - 1]),
        (pl.Series([1, 2**63 - 1], dtype=pl.UInt64), pl.Int64(), [1, str(2**63 - 1)]),
        (pl.Series([1, 2**64 - 1], dtype=pl.UInt64), pl.Decimal(20, 0), ["1", str(2**64 - 1)]),
        (pl.Series([-(2**100)], dtype=pl.Int128), pl.Decimal(38, 0), [str(-(2**100))]),
        (pl.Series([2**127 - 1], dtype=pl.Int128), pl.String(), [str(2**127 - 1)]),
        (pl.Series([Decimal("1.50"), Decimal("-0.01")]), pl.Decimal(38, 2), ["1.50", "-0.01"]),
        (pl.Series([1.5, float("nan"), float("inf")]), pl.Float64(), [1.5, "NaN", "Infinity"]),
        (pl.Series([0.1], dtype=pl.Float32), pl.Float32(), [pl.Series([0.1], dtype=pl.Float32).to_list()[0]]),
        (pl.Series([1.5], dtype=pl.Float16), pl.Float32(), [1.5]),
        (pl.Series([NOON], dtype=pl.Datetime("ms")), pl.Datetime("us"), ["2024-02-29T12:00:00"]),
        (pl.Series([NOON], dtype=pl.Datetime("ns")), pl.Datetime("us"), ["2024-02-29T12:00:00"]),
        (
            pl.Series([1_000_000_001, None]).cast(pl.Datetime("ns")),
            pl.String(),
            ["1970-01-01 00:00:01.000000001", None],
        ),
        (
            pl.Series([datetime(2024, 2, 29, 11, tzinfo=UTC)]).dt.convert_time_zone("Europe/Berlin"),
            pl.Datetime("us", "UTC"),
            ["2024-02-29T11:00:00Z"],
        ),
        (pl.Series([date(2024, 2, 29)]), pl.Date(), ["2024-02-29"]),
        (pl.Series([time(1, 2, 3, 4)]), pl.String(), ["01:02:03.000004"]),
        (pl.Series([timedelta(days=1, microseconds=5)]), pl.String(), ["P1DT0.000005S"]),
        (pl.Series(["a", None, "b"], dtype=pl.Categorical()), pl.String(), ["a", None, "b"]),
        (pl.Series(["a"], dtype=pl.Enum(["b", "a"])), pl.String(), ["a"]),
        (pl.Series([None, None], dtype=pl.Null()), pl.String(), [None, None]),
        (pl.Series([b"\x00\xff"]), pl.Binary(), ["AP8="]),
        (pl.Series([[1, None], [], None], dtype=pl.List(pl.UInt8)), pl.List(pl.Int16), [[1, None], [], None]),
        (pl.Series([[1, 2]], dtype=pl.Array(pl.Int8, 2)), pl.List(pl.Int8), [[1, 2]]),
        (pl.Series([{"a": 2**60, "b": [{"c": None}]}]), None, [{"a": str(2**60), "b": [{"c": None}]}]),
        (pl.Series([[time(1, 2, 3, 4)]]), pl.String(), ['["01:02:03.000004"]']),
        (
            pl.Series([{"at": NOON}], dtype=pl.Struct({"at": pl.Datetime("ns")})),
            None,
            [{"at": "2024-02-29T12:00:00"}],
        ),
        (pl.Series([{"n": 2**64 - 1}], dtype=pl.Struct({"n": pl.UInt64})), None, [{"n": str(2**64 - 1)}]),
    ],
)
@pytest.mark.parametrize("format", FORMATS)
def test_every_type_keeps_its_values(
    intake: Intake, format: FileFormat, series: pl.Series, native: pl.DataType | None, values: list[Any]
) -> None:
    outcome = ingest(intake, series, format)
    assert [row["x"] for row in outcome.rows] == values
    if native is not None:
        assert outcome.version.columns[0].dtype == native
    again = intake.ingest(intake.folder / "data", format)
    assert again.counts == outcome.counts
    assert again.rows == outcome.rows * 2


def test_a_rejected_row_has_its_number_and_no_line(intake: Intake) -> None:
    ingest(intake, pl.Series([date(2024, 1, 1)]))
    path = intake.folder / "more"
    pl.DataFrame({"x": [datetime(2024, 1, 2), datetime(2024, 1, 3, 4)]}).write_parquet(path)
    outcome = intake.ingest(path, FileFormat.PARQUET)
    assert [row["x"] for row in outcome.rows] == ["2024-01-01", "2024-01-02"]
    assert [(error["row"], error["line"], error["value"]) for error in outcome.errors] == [
        (2, None, "2024-01-03T04:00:00")
    ]


def test_columns_that_share_a_name_get_their_own(intake: Intake) -> None:
    path = intake.folder / "data"
    pl.DataFrame({"a": [1], "A": [2], "__headgate_row__": [3]}).write_parquet(path)
    assert intake.ingest(path, FileFormat.PARQUET).rows == [{"a": 1, "A_2": 2, "column_3": 3}]


def test_a_file_without_columns_is_refused(intake: Intake) -> None:
    path = intake.folder / "data"
    pl.DataFrame().write_parquet(path)
    with pytest.raises(JobFault, match="NO_COLUMNS"):
        intake.ingest(path, FileFormat.PARQUET)


@pytest.mark.parametrize("format", FORMATS)
def test_a_file_without_rows_makes_an_empty_version(intake: Intake, format: FileFormat) -> None:
    outcome = ingest(intake, pl.Series([], dtype=pl.Int64), format)
    assert (outcome.rows, outcome.types) == ([], {"x": "INTEGER"})


def damaged(content: bytes, random: random.Random) -> bytes:
    """The content with a few bytes of its last part overwritten, or cut off."""
    if random.random() < 0.2:
        return content[: random.randrange(12, len(content))]
    data = bytearray(content)
    for _ in range(random.randint(1, 4)):
        at = len(data) - random.randint(4, 500)
        data[at : at + 4] = random.choice([b"\xff\xff\xff\x7f", b"\xff\xff\xff\xff", b"\x00\x00\x00\x80"])
    return bytes(data)


@pytest.mark.parametrize("format", FORMATS)
def test_a_damaged_file_is_read_as_it_is_or_called_unreadable(
    intake: Intake, format: FileFormat, capfd: pytest.CaptureFixture[str]
) -> None:
    frame = pl.DataFrame(
        {"x": range(3000), "y": [f"text {number}" for number in range(3000)], "z": [[1, 2]] * 3000}
    )
    path = intake.folder / "data"
    frame.write_parquet(path) if format is FileFormat.PARQUET else frame.write_ipc(path)
    content, faults = path.read_bytes(), 0
    for number in range(60):
        path.write_bytes(damaged(content, random.Random(number)))
        job = intake.job(path, format, dataset=f"dataset-{number}")
        try:
            intake.run(job)
        except JobFault as fault:
            faults += 1
            assert (fault.code, fault.category) == ("UNREADABLE_FILE", "DATA")  # noqa: PT017
            assert intake.parquet_files(f"dataset-{number}") == set()
            assert not job.ledger.exists()
    assert faults > 20


@pytest.mark.parametrize("format", [*FORMATS, FileFormat.EXCEL])
def test_what_is_cut_off_or_something_else_is_unreadable(intake: Intake, format: FileFormat) -> None:
    heads = {FileFormat.PARQUET: b"PAR1", FileFormat.ARROW: b"ARROW1\0\0", FileFormat.EXCEL: b"PK\x03\x04"}
    for content in (
        heads[format],
        heads[format] + b"x" * 1000,
        heads[format] + b"\xff" * 100 + heads[format],
    ):
        path = intake.file(content)
        with pytest.raises(JobFault, match="UNREADABLE_FILE") as failed:
            intake.ingest(path, format)
        assert format.value.lower() in failed.value.message.lower()
    if format is not FileFormat.EXCEL:
        with pytest.raises(JobFault, match="UNREADABLE_FILE"):
            inspect(path, "data", intake.scratch(), rows=5)


def test_a_fault_of_the_system_is_not_the_files(intake: Intake) -> None:
    with pytest.raises(OSError, match="No such file"):
        intake.ingest(intake.folder / "absent", FileFormat.EXCEL)
