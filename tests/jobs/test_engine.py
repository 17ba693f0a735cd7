"""The pool and the engine's real process keep to one protocol: stop, permission and settling."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest

from headgate.domain.ports import ProcessDied, StopOrder, TaskFault, TaskStopped
from headgate.jobs.children import MIB, ChildPool
from headgate.storage import datasets
from headgate.storage.datasets import WriteMode
from headgate.storage.locations import LocalLocation, Location
from headgate.storage.tablefolders import table_folder
from tests.buckets import new_bucket, s3_server, set_keys

pytestmark = pytest.mark.thorough


@pytest.fixture
async def pool() -> AsyncIterator[ChildPool]:
    pool = ChildPool(1, memory_bytes=2048 * MIB)
    await pool.start()
    yield pool
    await pool.close()


@pytest.fixture
def task(tmp_path: Path) -> dict[str, Any]:
    """Ingest a million rows."""
    path = tmp_path / "data.csv"
    pl.DataFrame({"a": range(1_000_000)}).select("a", b=pl.col("a").cast(pl.String)).write_csv(path)
    return {
        "task": "ingest",
        "job": "job_1",
        "attempt": 1,
        "source": {"object": {"path": str(path)}, "format": "CSV", "dialect": None},
        "dataset": {"folder": {"path": str(tmp_path / "dataset")}, "mode": "APPEND", "keys": []},
        "rules": {},
        "datasets": {},
        "lineage": [],
        "sinks": [],
        "outside": {"endpoints": {}, "networks": [], "timeout_s": 60},
        "ledger": {"path": str(tmp_path / "errors.parquet")},
        "resolved": {"path": str(tmp_path / "resolved.parquet")},
        "scratch": str(tmp_path / "scratch" / "job_1" / "1"),
    }


def settlement(task: dict[str, Any]) -> dict[str, Any]:
    return {"task": "settle", "job": "job_1", "attempt": 1, "folder": task["dataset"]["folder"]}


def files(task: dict[str, Any]) -> list[Path]:
    return list(Path(task["dataset"]["folder"]["path"]).glob("*.parquet"))


@pytest.mark.parametrize("stage", ["reading", "writing"])
async def test_a_task_stops_on_request_and_its_process_takes_the_next(
    pool: ChildPool, task: dict[str, Any], stage: str
) -> None:
    stop = StopOrder()

    async def report(figures: dict[str, Any]) -> None:
        if figures["stage"] == stage:
            stop.give()

    with pytest.raises(TaskStopped):
        await pool.run(task, report, stop=stop)
    assert files(task) == []
    assert (await pool.run(task))["counts"]["accepted"] == 1_000_000


async def test_a_task_commits_only_where_it_is_permitted(pool: ChildPool, task: dict[str, Any]) -> None:
    answers: list[float | None] = [None, 0, 60]

    async def permit() -> float | None:
        return answers.pop(0)

    with pytest.raises(TaskStopped):
        await pool.run(task, permit=permit)
    assert (await pool.run(settlement(task)))["ingested"] is None
    done = await pool.run(task, permit=permit)
    assert answers == []
    assert (await pool.run(settlement(task)))["ingested"] == done


@pytest.mark.parametrize("left_s", [60, None])
async def test_a_task_has_its_scratch_folder_until_it_ends(
    pool: ChildPool, task: dict[str, Any], tmp_path: Path, left_s: float | None
) -> None:
    found = []

    async def permit() -> float | None:
        found.append(Path(task["scratch"]).is_dir())  # noqa: ASYNC240
        return left_s

    with suppress(TaskStopped):
        await pool.run(task, permit=permit)
    assert found == [True]
    assert list((tmp_path / "scratch").iterdir()) == []


async def test_what_a_killed_task_leaves_goes_when_it_is_settled(
    pool: ChildPool, task: dict[str, Any]
) -> None:
    asked = asyncio.Event()

    async def permit() -> None:
        asked.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(pool.run(task, permit=permit))
    await asked.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert files(task)
    assert (await pool.run(settlement(task)))["ingested"] is None
    assert files(task) == []


@pytest.fixture(params=["local", "bucket"])
def dataset(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Location]:
    """Where a dataset is, in either store; processes that start later find the bucket's keys."""
    if request.param == "local":
        yield LocalLocation(tmp_path / "dataset")
        return
    set_keys(monkeypatch)
    with s3_server() as url, new_bucket(url) as store:
        yield store.location("datasets/dataset_1")


@pytest.fixture
async def pool_of_three(dataset: Location) -> AsyncIterator[ChildPool]:
    pool = ChildPool(3, memory_bytes=2048 * MIB)
    await pool.start()
    yield pool
    await pool.close()


def writing(
    task: dict[str, Any], dataset: Location, job: int, rows: pl.DataFrame, mode: WriteMode
) -> dict[str, Any]:
    """A task of its own like this one, with these rows; an upsert's key is `id`."""
    said = json.dumps(task)
    for name in ("/data.", "/errors.", "/resolved.", "/job_1/"):
        said = said.replace(name, f"{name[:-1]}-{job}{name[-1]}")
    target = {"mode": mode, "keys": ["id"], "folder": dataset.to_json()}
    made: dict[str, Any] = {**json.loads(said), "job": f"job_{job}", "dataset": target}
    rows.write_csv(Path(task["scratch"]).parents[2] / f"data-{job}.csv")
    return made


async def test_a_process_killed_between_its_files_and_its_commit_adds_its_rows_once(
    dataset: Location, pool: ChildPool, task: dict[str, Any]
) -> None:
    folder = table_folder(dataset)
    first = writing(task, dataset, 1, pl.DataFrame({"id": [1, 2], "n": [0, 0]}), WriteMode.UPSERT)
    await pool.run(first)
    second = writing(task, dataset, 2, pl.DataFrame({"id": [2, 3], "n": [1, 1]}), WriteMode.UPSERT)
    written: list[str] = []

    async def killed() -> float | None:
        written.extend(folder.names("job_2-1-"))
        for process in psutil.Process().children():
            if "headgate.pipelines" in process.cmdline():
                process.kill()
        return 60

    with pytest.raises(ProcessDied):
        await pool.run(second, permit=killed)
    assert len(written) == 2, "its own rows, and those that stay of the file whose row it replaces"
    settlement = {"task": "settle", "job": "job_2", "attempt": 1, "folder": dataset.to_json()}
    assert (await pool.run(settlement))["ingested"] is None
    assert list(folder.names("job_2-")) == []
    again = {**second, "attempt": 2}
    done = await pool.run(again)
    assert await pool.run(again) == done
    latest = datasets.latest(folder)
    assert latest is not None
    assert latest.version == 1
    rows = datasets.scan(folder, latest).sort("id").collect().rows()
    assert rows == [(1, 0), (2, 1), (3, 1)]


async def test_processes_that_write_at_once_take_their_turns(
    pool_of_three: ChildPool, task: dict[str, Any], dataset: Location
) -> None:
    """Each version is the one before with the rows of one job in it, as the job's mode says."""
    modes = [WriteMode.APPEND, WriteMode.UPSERT, WriteMode.REPLACE] * 2
    jobs = {
        f"job_{job}": (mode, pl.DataFrame({"id": [job % 3, 3 + job % 3], "n": [job, job]}))
        for job, mode in enumerate(modes)
    }

    async def run(job: int) -> None:
        mode, rows = jobs[f"job_{job}"]
        made = writing(task, dataset, job, rows, mode)
        for attempt in range(1, 20):
            try:
                await pool_of_three.run({**made, "attempt": attempt})
            except TaskFault as fault:
                if fault.code != "DATASET_BUSY":
                    raise
            else:
                return

    await asyncio.gather(*map(run, range(len(modes))))
    folder = table_folder(dataset)
    latest = datasets.latest(folder)
    assert latest is not None
    expected: list[tuple[int, int]] = []
    found = []
    for version in range(latest.version + 1):
        snapshot = datasets.snapshot(folder, version)
        job = next(
            job for job in jobs if (done := datasets.committed_by(folder, job)) and done.snapshot == snapshot
        )
        found.append(job)
        expected = after(expected, *jobs[job])
        assert sorted(datasets.scan(folder, snapshot).collect().rows()) == sorted(expected)
    assert sorted(found) == sorted(jobs)


def after(before: list[tuple[int, int]], mode: WriteMode, rows: pl.DataFrame) -> list[tuple[int, int]]:
    """The rows of a dataset when others have gone in."""
    new: list[tuple[int, int]] = list(rows.iter_rows())
    keys = {row[0] for row in new}
    kept = {
        WriteMode.APPEND: before,
        WriteMode.REPLACE: [],
        WriteMode.UPSERT: [row for row in before if row[0] not in keys],
    }
    return kept[mode] + new
