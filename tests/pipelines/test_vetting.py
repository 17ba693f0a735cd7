"""What is said of records at once is what a job says of them."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.pipelines.prepared import Source
from headgate.pipelines.screening import Screening
from headgate.pipelines.steps.registry import steps_from_json
from headgate.pipelines.validation import Validate, validate
from headgate.pipelines.vetting import MAX_ERRORS, Rules, Vet, vet
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import unheard

SPEC: dict[str, Any] = {
    "contract": {
        "columns": [{"name": "id", "type": "INTEGER", "nullable": False}, {"name": "day", "type": "DATE"}]
    },
    "steps": [{"trim": {"columns": ["name"]}}],
    "checks": [{"range": {"columns": ["id"], "min": 0}}, {"length": {"columns": ["name"], "max": 2}}],
}
RECORDS = st.fixed_dictionaries(
    {
        "id": st.none() | st.integers(-2, 5) | st.sampled_from(["7", "x", 1.5]),
        "day": st.none() | st.sampled_from(["2026-01-31", "2026-02-31", 5]),
        "name": st.none() | st.sampled_from(["a", " b  ", "abc"]),
    }
)
LINES = st.one_of(RECORDS.map(json.dumps), st.sampled_from(["{", "[1]", "7"]))


@settings(max_examples=40, deadline=None)
@given(st.lists(LINES, max_size=8))
def test_the_same_records_are_rejected_at_once_as_by_a_job(lines: list[str]) -> None:
    # One good record at least, so that there is something to hold against the rules.
    body = "\n".join([json.dumps({"id": 1, "day": "2026-01-01", "name": "a"}), *lines]).encode()
    with TemporaryDirectory() as name:
        folder = Path(name)
        vetted = vet(Vet(body, folder, Rules.from_json(SPEC)))
        (folder / "input").write_bytes(body)
        (folder / "job").mkdir()
        screening, steps = Screening.from_json(SPEC, {}), steps_from_json(SPEC["steps"])
        job = Validate(
            Source(folder / "input", FileFormat.NDJSON),
            folder / "ledger.parquet",
            folder / "job",
            screening,
            steps=steps,
        )
        counts = validate(job, unheard).counts
        ledger = folder / "ledger.parquet"
        found: list[dict[str, Any]] = pl.read_parquet(ledger).rows(named=True) if ledger.exists() else []
    assert (vetted.accepted, vetted.rejected) == (counts.accepted, counts.rejected)
    told = [(each["row"], each["column"], each["code"], each["check"]) for each in vetted.errors]
    assert sorted(told, key=str) == sorted(
        ((each["row"], each["column"], each["code"], each["check"]) for each in found), key=str
    )
    bad = {row for row, *_ in told}
    records = [line for row, line in enumerate(body.decode().split("\n"), start=1) if row not in bad]
    assert vetted.kept.decode().splitlines() == records


def test_the_first_faults_of_many_are_told(tmp_path: Path) -> None:
    vetted = vet(Vet(b'{"a": 1}\n' + b"bad\n" * 500, tmp_path, Rules.from_json({})))
    assert (vetted.accepted, vetted.rejected, len(vetted.errors)) == (1, 500, MAX_ERRORS)
    assert vetted.kept == b'{"a": 1}\n'


def test_what_must_be_whole_is_rejected_as_a_whole(tmp_path: Path) -> None:
    rules = Rules.from_json({"acceptance": {"onInvalid": "REJECT_ALL"}})
    vetted = vet(Vet(b'{"a": 1}\nbad\n', tmp_path, rules))
    assert (vetted.kept, vetted.accepted, vetted.rejected) == (b"", 0, 2)
