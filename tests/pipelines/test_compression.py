"""Packed text is read as if it weren't; of a file that is cut off, every whole record is read and the rest rejected."""

import gzip
import json
import random
import sys
from collections.abc import Callable
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.errors import JobFault
from headgate.pipelines import compression
from headgate.pipelines.inspector import inspect
from headgate.pipelines.replay import RowSet
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, new_intake

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Pack = Callable[[bytes], bytes]
RANDOM = random.Random(7)
RECORDS = [(number, RANDOM.randrange(10**12)) for number in range(1, 20_001)]
CSV = "id,v\n" + "".join(f"{number},{value}\n" for number, value in RECORDS)
NDJSON = "".join(json.dumps({"id": number, "v": value}) + "\n" for number, value in RECORDS)
JSON = json.dumps([{"id": number, "v": value} for number, value in RECORDS])
TEXTS = {FileFormat.CSV: CSV, FileFormat.NDJSON: NDJSON, FileFormat.JSON: JSON}
PACKS = [gzip.compress, zstd.compress]


def checked(content: bytes) -> bytes:
    """Pack with zstd and a sum, as its own tool does."""
    return zstd.compress(content, options={zstd.CompressionParameter.checksum_flag: 1})


def values(rows: list[tuple[object, ...]]) -> list[tuple[int, int]]:
    return [(int(str(number)), int(str(value))) for number, value in rows]


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("format", TEXTS)
def test_packed_text_is_read_as_it_was_before(intake: Intake, format: FileFormat, pack: Pack) -> None:
    path = intake.file(pack(TEXTS[format].encode()))
    reading = intake.read(path, format)
    assert (values(reading.rows), reading.errors) == (RECORDS, [])
    found = inspect(path, "data.gz", intake.scratch(), rows=1)
    assert (found.format, found.records, found.has_more) == (format, [{"id": 1, "v": RECORDS[0][1]}], True)


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("format", TEXTS)
@pytest.mark.parametrize("share", [0.5, 0.9, 0.9999])
def test_of_a_file_that_is_cut_off_the_whole_records_are_read(
    intake: Intake, format: FileFormat, pack: Pack, share: float
) -> None:
    packed = pack(TEXTS[format].encode())
    path = intake.file(packed[: int(len(packed) * share)])
    reading = intake.read(path, format)
    count = reading.prepared.accepted
    assert count > 0
    assert values(reading.rows) == RECORDS[:count]
    assert [(error["row"], error["code"]) for error in reading.errors] == [(count + 1, "STRUCTURE")]
    assert "cut off" in reading.errors[0]["message"]
    assert "Send it again" in reading.errors[0]["message"]
    assert inspect(path, "data", intake.scratch(), rows=1).records == [{"id": 1, "v": RECORDS[0][1]}]
    again = intake.read(path, format, only=RowSet(np.array([2, count + 1])))
    assert (values(again.rows), again.errors) == (RECORDS[1:2], reading.errors)


@settings(max_examples=40)
@given(st.data(), st.sampled_from(["id,v\n1,a\n2,b\n", 'id,v\n1,"a\nb"\n2,c\n', "id,v\r1,a\r2,b\r"]))
def test_wherever_a_small_file_ends_no_record_is_made_up(data: st.DataObject, text: str) -> None:
    packed = gzip.compress(text.encode(), mtime=0)
    cut = packed[: data.draw(st.integers(10, len(packed) - 1))]
    with new_intake() as intake:
        path = intake.file(text, "whole")
        whole = intake.read(path, FileFormat.CSV)
        try:
            reading = intake.read(intake.file(cut), FileFormat.CSV)
        except JobFault as fault:
            assert fault.code in ("UNREADABLE_FILE", "EMPTY_FILE")  # noqa: PT017
            return
        assert reading.rows == whole.rows[: len(reading.rows)]
        assert reading.rejected == 1


@pytest.mark.parametrize("pack", PACKS)
def test_several_packed_files_in_one_are_read_one_after_the_other(intake: Intake, pack: Pack) -> None:
    half = CSV.index("\n", len(CSV) // 2) + 1
    content = pack(CSV[:half].encode()) + pack(CSV[half:].encode()) + bytes(100)
    reading = intake.read(intake.file(content), FileFormat.CSV)
    assert (values(reading.rows), reading.errors) == (RECORDS, [])


@pytest.mark.parametrize("pack", PACKS)
def test_what_follows_a_packed_file_is_rejected(intake: Intake, pack: Pack) -> None:
    reading = intake.read(intake.file(pack(CSV.encode()) + b"more"), FileFormat.CSV)
    assert values(reading.rows) == RECORDS
    assert [(error["row"], error["code"]) for error in reading.errors] == [(20_001, "STRUCTURE")]


@pytest.mark.parametrize("pack", [gzip.compress, checked])
@pytest.mark.parametrize("seed", range(8))
def test_of_a_file_with_a_wrong_byte_no_wrong_value_is_read(intake: Intake, pack: Pack, seed: int) -> None:
    content = bytearray(pack(CSV.encode()))
    content[random.Random(seed).randrange(20, len(content))] ^= 0x55
    try:
        reading = intake.read(intake.file(bytes(content)), FileFormat.CSV)
    except JobFault as fault:
        assert fault.code == "UNREADABLE_FILE"  # noqa: PT017
    else:
        assert values(reading.rows) == RECORDS[: reading.prepared.accepted]
        assert reading.rejected == 1


@pytest.mark.parametrize("pack", PACKS)
def test_a_bomb_is_refused_before_it_fills_the_disk(intake: Intake, pack: Pack) -> None:
    path = intake.file(pack(b"id,v\n" + b"1,2\n" * 5_000_000))
    with (
        patch.object(compression, "BASE_BYTES", 3 << 20),
        pytest.raises(JobFault, match="FILE_TOO_LARGE") as refused,
    ):
        intake.read(path, FileFormat.CSV)
    assert refused.value.category == "DATA"
    sizes = [file.stat().st_size for file in intake.folder.rglob("unpacked")]
    assert max(sizes) <= (3 << 20) + compression.MAX_RATIO * path.stat().st_size


def test_a_bomb_costs_no_more_than_its_head_to_look_at(intake: Intake) -> None:
    path = intake.file(gzip.compress(b"id,v\n" + b"1,2\n" * 5_000_000, mtime=0))
    scratch = intake.scratch()
    assert inspect(path, "a.csv.gz", scratch, rows=1).has_more
    assert sum(file.stat().st_size for file in scratch.rglob("*")) <= 4 << 20
