"""Files that grow without end for whoever reads them are refused, or end the one process that reads them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from headgate.domain.ports import TaskFault
from headgate.jobs.children import MIB, ChildPool
from tests.bombs import BOMBS

pytestmark = pytest.mark.thorough

MEMORY_BYTES = 256 * MIB
LONGEST_S = 30.0
FORMATS = {
    **{".csv": "CSV", ".gz": "CSV", ".zst": "CSV", ".json": "JSON", ".ndjson": "NDJSON"},
    **{".xlsx": "EXCEL", ".parquet": "PARQUET", ".arrow": "ARROW"},
}
REFUSALS = {
    "FILE_TOO_LARGE",
    "UNREADABLE_FILE",
    "UNSUPPORTED_FORMAT",
    "TOO_MANY_COLUMNS",
    "NESTED_TOO_DEEPLY",
    "ALL_ROWS_REJECTED",
    "ANSWER_TOO_LARGE",
    "OUT_OF_MEMORY",
    "CHILD_DIED",
}
"""What may become of a bomb, unless it is taken for what it is: every one tells its sender what is wrong."""
TAKEN = {"gzip in gzip", "a workbook of many members", "zeros in Arrow"}
"""What is no bomb here, as it is read in bounded memory."""
ON_THE_EDGE = {"one long quoted cell", "one string, shared", "one text in Parquet"}
"""What may fit into the memory that one process has, or not."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool() -> AsyncIterator[ChildPool]:
    pool = ChildPool(2, memory_bytes=MEMORY_BYTES)
    await pool.start()
    yield pool
    await pool.close()


def inspecting(folder: Path, path: Path, name: str) -> dict[str, Any]:
    said = {
        "task": "inspect",
        "object": {"path": str(path)},
        "name": name,
        "format": None,
        "dialect": None,
        "rows": 2,
    }
    return {**said, "scratch": str(folder / "scratch" / "inspection" / "1")}


def ingesting(folder: Path, path: Path, format: str) -> dict[str, Any]:
    return {
        "task": "ingest",
        "job": "job_1",
        "attempt": 1,
        "source": {"object": {"path": str(path)}, "format": format, "dialect": None},
        "dataset": {"folder": {"path": str(folder / "dataset")}, "mode": "APPEND", "keys": []},
        "rules": {},
        "datasets": {},
        "lineage": [],
        "sinks": [],
        "outside": {"endpoints": {}, "networks": [], "timeout_s": LONGEST_S},
        "ledger": {"path": str(folder / "errors.parquet")},
        "resolved": {"path": str(folder / "resolved.parquet")},
        "scratch": str(folder / "scratch" / "job_1" / "1"),
    }


async def code_of(pool: ChildPool, task: dict[str, Any]) -> str | None:
    """Why a task failed; None where it did not."""
    try:
        await pool.run(task, timeout_s=LONGEST_S)
    except TaskFault as fault:
        return fault.code
    return None


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", [name for name in BOMBS if name != "zstd"])
async def test_a_bomb_harms_nobody(pool: ChildPool, tmp_path: Path, name: str) -> None:
    file_name, make = BOMBS[name]
    path, good = tmp_path / "bomb", tmp_path / "good"
    path.write_bytes(await asyncio.to_thread(make))
    good.write_text("a,b\n1,2\n")
    inspected, neighbour = await asyncio.gather(
        code_of(pool, inspecting(tmp_path, path, file_name)),
        code_of(pool, inspecting(tmp_path / "other", good, "good.csv")),
    )
    ingested = await code_of(pool, ingesting(tmp_path, path, FORMATS[path.with_name(file_name).suffix]))
    assert neighbour is None
    assert inspected in REFUSALS | {None}
    assert (ingested is None) == (name in TAKEN) or name in ON_THE_EDGE
    assert ingested in REFUSALS | {None}
    assert await code_of(pool, inspecting(tmp_path / "other", good, "good.csv")) is None
