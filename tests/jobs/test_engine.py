"""The pool and the engine's real process keep to one protocol: stop, permission and settling."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headgate.domain.ports import StopOrder, TaskStopped
from headgate.jobs.children import MIB, ChildPool


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
