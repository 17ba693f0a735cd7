"""A job that is told to stop ends at once and leaves nothing, unless it has begun to commit."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headgate.pipelines import damage
from headgate.pipelines.counts import Counts
from headgate.pipelines.dialect import Dialect
from headgate.pipelines.orders import Orders, Stopped, unwrapped
from headgate.pipelines.runner import Ingest, ingest
from headgate.pipelines.sinks import writing as sink
from headgate.storage import datasets
from headgate.storage.datasets import WriteMode
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, committed, unheard

ROWS = 300_000


class Stop:
    """A watch that is called `calls` times before the job is to stop, and from then on stops it."""

    def __init__(self, calls: int = 10**9, error: BaseException | None = None) -> None:
        self.calls, self.stages, self._left, self._error = 0, [""], calls, error

    def __call__(self, stage: str, **figures: Any) -> None:
        self.calls += 1
        self.stages.append(stage)
        if self.calls > self._left:
            error, self._error = self._error, None
            raise error or Stopped


def source(intake: Intake, format: FileFormat) -> Path:
    path = intake.folder / "source"
    frame = pl.DataFrame({"id": range(ROWS)}).with_columns(a=pl.lit("x"))
    match format:
        case FileFormat.CSV:
            frame.write_csv(path)
        case FileFormat.PARQUET:
            frame.write_parquet(path)
        case FileFormat.NDJSON:
            frame.head(20_000).write_ndjson(path)
        case FileFormat.JSON:
            path.write_text(json.dumps({"records": frame.head(20_000).to_dicts()}), encoding="utf-16")
        case FileFormat.EXCEL:
            path = path.with_suffix(".xlsx")
            frame.head(2_000).write_excel(path)
    return path


def assert_stops_anywhere(intake: Intake, path: Path, format: FileFormat, mode: WriteMode) -> None:
    def a_job(name: str, dataset: str) -> Ingest:
        return intake.job(path, format, mode, ("id",), job=name, dataset=dataset)

    before = intake.load("id,a\n1,old\n").version
    intake.load("id,a\n1,old\n", dataset="other")
    whole = Stop()
    ingest(a_job("job_whole", "other"), whole)
    assert {"reading", "writing", "committing"} >= set(whole.stages[1:]) >= {"writing", "committing"}
    for calls in sorted({*range(0, whole.calls, max(whole.calls // 12, 1)), whole.calls - 1}):
        with pytest.raises(Stopped):
            ingest(a_job(f"job_{calls}", "dataset"), Stop(calls))
        assert intake.parquet_files() == {part.name for part in before.parts}
        assert datasets.latest(intake.dataset()) == before
        assert not intake.ledger(f"job_{calls}").exists()


@pytest.mark.parametrize(
    "format",
    [FileFormat.CSV, FileFormat.PARQUET, FileFormat.NDJSON, FileFormat.JSON, FileFormat.EXCEL],
)
def test_a_job_of_any_format_can_be_stopped_whenever_it_tells_how_far_it_is(
    intake: Intake, format: FileFormat
) -> None:
    assert_stops_anywhere(intake, source(intake, format), format, WriteMode.APPEND)


@pytest.mark.parametrize("mode", [WriteMode.UPSERT, WriteMode.REPLACE])
def test_a_job_of_any_mode_can_be_stopped_whenever_it_tells_how_far_it_is(
    intake: Intake, mode: WriteMode
) -> None:
    assert_stops_anywhere(intake, source(intake, FileFormat.CSV), FileFormat.CSV, mode)


def test_a_stop_that_polars_wraps_is_one_and_the_file_is_not_read_again(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(frame: pl.LazyFrame) -> None:
        raise AssertionError

    monkeypatch.setattr(damage, "_read_all", fail)
    path = source(intake, FileFormat.PARQUET)
    with pytest.raises(Stopped):
        ingest(intake.job(path, FileFormat.PARQUET), Stop(0, pl.exceptions.ComputeError("wrapped")))
    assert intake.parquet_files() == set()


def test_a_failure_that_is_no_stop_stays_one() -> None:
    with pytest.raises(ZeroDivisionError), unwrapped(unheard):
        raise ZeroDivisionError


def test_a_stop_behind_the_commit_comes_too_late(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    orders, commit = Orders(lambda question: orders.take({"commit": 60})), sink.commit

    def watch(stage: str, **figures: Any) -> None:
        orders.obey()

    def stop_and_commit(*arguments: Any, **options: Any) -> Any:
        orders.take({"stop": True})
        return commit(*arguments, **options)

    monkeypatch.setattr(sink, "commit", stop_and_commit)
    job = intake.job(intake.file("a\n1\n"), FileFormat.CSV, dialect=Dialect())
    counts, version = committed(ingest(job, watch, orders.permit))
    assert (counts, version.row_count) == (Counts(read=1, accepted=1, rejected=0), 1)
    with pytest.raises(Stopped):
        orders.permit()
