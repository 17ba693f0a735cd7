"""Files made to break whoever reads them: the server answers, stays small, and does its other work."""

import asyncio
import io
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from tests.acceptance.processes import Client, Headgate
from tests.bombs import BOMBS

MIB = 1 << 20
GROWTH_BYTES = 100 * MIB
REFUSED = {
    "a billion laughs": "UNREADABLE_FILE",
    "a workbook that owns up": "FILE_TOO_LARGE",
    "a footer that lies": "UNREADABLE_FILE",
    "half a million columns": "TOO_MANY_COLUMNS",
    "new keys in every record": "TOO_MANY_COLUMNS",
    "gzip in gzip": "UNSUPPORTED_FORMAT",
}
FAILING = {
    "deep arrays": "ALL_ROWS_REJECTED",
    "zstd": "FILE_TOO_LARGE",
}


def memory_of(headgate: Headgate) -> int:
    """How much memory the server's own process has."""
    assert headgate.process is not None
    pages = Path(f"/proc/{headgate.process.pid}/statm").read_text().split()[1]
    return int(pages) * 4096


@pytest.fixture
async def neighbour(client: Client) -> Any:
    """What somebody else does meanwhile, again and again."""
    done: list[str] = []

    async def work() -> None:
        while True:
            answer = await client.ingest({"text": {"format": "CSV", "content": "a\n1\n"}}, "of_a_neighbour")
            done.append(answer["job"]["status"])

    working = asyncio.create_task(work())
    yield done
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_bombs_are_refused_while_the_server_stays_small(
    client: Client, shared_headgate: Headgate, neighbour: list[str]
) -> None:
    await client.upload(b"a\n1\n")
    before = memory_of(shared_headgate)
    for name, code in REFUSED.items():
        file_name, make = BOMBS[name]
        answer = await client.upload(make(), file_name)
        assert [error["code"] for error in answer["errors"]] == [code], name
        assert answer["file"]["status"] == "FAILED"
    for name, code in FAILING.items():
        file_name, make = BOMBS[name]
        file = (await client.upload(make(), file_name))["file"]
        job = (await client.ingest({"file": file["id"]}, "bombs"))["job"]
        assert (job["status"], job["failure"]["code"]) == ("FAILED", code), name
    assert memory_of(shared_headgate) < before + GROWTH_BYTES
    assert neighbour
    assert set(neighbour) == {"SUCCEEDED"}


async def test_a_workbook_is_ingested(client: Client) -> None:
    book, target = openpyxl.Workbook(), io.BytesIO()
    assert book.active is not None
    for row in (["id", "name", "price"], [1, "Ann", 2.5], [2, "Bob", None]):
        book.active.append(row)
    book.save(target)
    file = (await client.upload(target.getvalue(), "sales.xlsx"))["file"]
    assert (file["status"], file["format"]) == ("READY", "EXCEL")
    job = (await client.ingest({"file": file["id"]}, "of_a_workbook"))["job"]
    assert (job["status"], job["counts"]["accepted"]) == ("SUCCEEDED", 2)
