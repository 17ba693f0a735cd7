"""Files come in pieces by tus 1.0, whatever happens to the connection on the way."""

import asyncio
import base64
import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from sqlmodel import select

from headgate.domain import files
from headgate.domain.services import Services
from headgate.domain.upload_completion import complete_arrived
from headgate.domain.upload_intake import BATCH_BYTES, CHECKPOINT_BYTES
from headgate.storage.tables import AuditEntry, Upload, User, utc_now
from tests.server.uploads.support import CONTENT, both_stores, id_of, row_of, sqlite_only, stored
from tests.server.uploads.tus_client import BYTES, TusClient


@both_stores
async def test_a_file_comes_in_pieces_and_is_ready_with_its_last_byte(
    services: Services, client: TusClient, user: User
) -> None:
    begun = await client.create(len(CONTENT), upload_metadata="filename cGVvcGxlLmNzdg==,odd")
    url = begun.headers["location"]
    assert (begun.status, begun.offset, begun.headers["tus-resumable"]) == (201, 0, "1.0.0")
    assert begun.headers["upload-expires"].endswith("GMT")
    first = await client.patch(url, 0, CONTENT[:10], CONTENT[10:20])
    assert (first.status, first.offset) == (204, 20)
    assert first.headers["upload-expires"].endswith("GMT")

    head = await client.ask("HEAD", url)
    assert (head.status, head.offset, head.headers["upload-length"]) == (200, 20, str(len(CONTENT)))
    assert head.headers["upload-metadata"] == "filename cGVvcGxlLmNzdg==,odd"
    assert head.headers["cache-control"] == "no-store"
    last = await client.patch(url, 20, CONTENT[20:])

    assert (last.status, last.offset) == (204, len(CONTENT))
    assert await stored(services, begun) == CONTENT
    file = await files.get(services, id_of(begun))
    assert file is not None
    assert (file.name, file.format, file.created_by_id) == ("people.csv", "CSV", user.id)
    assert await row_of(services, begun) is None
    again = await client.ask("HEAD", url)
    assert (again.status, again.offset) == (200, len(CONTENT))
    async with services.database.read() as session:
        actions = (await session.scalars(select(AuditEntry.action))).all()
    assert {"startUpload", "completeUpload"} <= set(actions)


@dataclass(frozen=True)
class Step:
    """One PATCH: how much of the rest, in thirds; how far from the right place; and what goes wrong."""

    thirds: int
    shift: int
    is_lost: bool
    is_wrong: bool


STEPS = st.builds(
    Step,
    st.integers(1, 3),
    st.sampled_from([0, 0, 0, -3, 2]),
    st.booleans(),
    st.sampled_from([False, False, True]),
)


WRONG = "sha1 " + base64.b64encode(hashlib.sha1(b"?", usedforsecurity=False).digest()).decode()


@sqlite_only
@pytest.mark.parametrize("kind", ["folder", "bucket"])
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(content=st.binary(min_size=1, max_size=99), steps=st.lists(STEPS, max_size=5), is_known=st.booleans())
async def test_however_a_file_is_split_and_broken_off_it_has_the_same_bytes(
    services: Services, client: TusClient, content: bytes, steps: list[Step], is_known: bool
) -> None:
    begun = await client.create(len(content) if is_known else None)
    url, at = begun.headers["location"], 0
    for step in [*steps, Step(3, 0, is_lost=False, is_wrong=False)]:
        where = max(at + step.shift, 0)
        size = (len(content) - at) * step.thirds // 3
        chunks = [content[where : where + size // 2], content[where + size // 2 : where + size]]
        options: dict[str, Any] = {"upload_length": str(len(content))}
        if step.is_wrong:
            options["upload_checksum"] = WRONG
        answer = await client.patch(url, where, *chunks, lost=step.is_lost, **options)
        if where != at:
            assert answer.status == 409
        elif step.is_wrong and at < len(content):
            assert answer.status == (0 if step.is_lost else 460)
        else:
            at += size
        assert (await client.ask("HEAD", url)).offset == at
    assert at == len(content)
    # A client may have been lost with the last byte.
    await complete_arrived(services)
    assert await stored(services, begun) == content


@both_stores
@pytest.mark.parametrize("part_bytes", [5 << 20], ids=str)
async def test_a_large_body_counts_on_the_way_and_a_lost_client_goes_on_behind_it(
    services: Services, client: TusClient
) -> None:
    block = bytes(range(256)) * (BATCH_BYTES // 256)
    begun = await client.create(CHECKPOINT_BYTES + 3 * BATCH_BYTES)
    url, paused = begun.headers["location"], asyncio.Event()
    blocks = [block] * (CHECKPOINT_BYTES // BATCH_BYTES + 2)
    sending = asyncio.create_task(client.patch(url, 0, *blocks, paused, lost=True))
    async with asyncio.timeout(20):
        while (row := await row_of(services, begun)) is None or row.received < 3 * (5 << 20):  # noqa: ASYNC110, nobody tells
            await asyncio.sleep(0.01)
    paused.set()
    await sending

    at = (await client.ask("HEAD", url)).offset
    assert at == len(blocks) * BATCH_BYTES
    assert (await client.patch(url, at, block)).status == 204
    assert await stored(services, begun) == block * (len(blocks) + 1)


@both_stores
async def test_a_client_that_comes_back_takes_over_from_its_earlier_request(
    services: Services, client: TusClient
) -> None:
    begun = await client.create(len(CONTENT))
    url, never = begun.headers["location"], asyncio.Event()
    stuck = asyncio.create_task(client.patch(url, 0, CONTENT[:7], never))
    async with asyncio.timeout(20):
        while (row := await row_of(services, begun)) is None or row.locked_until is None:  # noqa: ASYNC110, nobody tells
            await asyncio.sleep(0.01)

    at = (await client.ask("HEAD", url)).offset
    assert (await stuck).code == "UPLOAD_LOCKED"
    assert (await client.patch(url, at, CONTENT[at:])).status == 204
    assert await stored(services, begun) == CONTENT


@sqlite_only
async def test_whoever_does_not_let_go_keeps_others_out_until_its_lock_runs_out(
    services: Services, client: TusClient
) -> None:
    begun = await client.create(len(CONTENT))
    locked = update(Upload).values(locked_until=utc_now() + timedelta(seconds=1), lock_token=7)
    async with services.database.transaction() as session:
        await session.execute(locked)
    answer = await client.patch(begun.headers["location"], 0, CONTENT)
    assert answer.status == 204
    assert await stored(services, begun) == CONTENT


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
@sqlite_only
async def test_bytes_count_only_with_the_checksum_that_is_said(
    services: Services, client: TusClient, algorithm: str
) -> None:
    begun = await client.create(len(CONTENT))
    url = begun.headers["location"]
    said = f"{algorithm} {base64.b64encode(hashlib.new(algorithm, CONTENT).digest()).decode()}"
    wrong = await client.patch(url, 0, b"x" * len(CONTENT), upload_checksum=said)
    assert (wrong.status, wrong.code) == (460, "CHECKSUM_MISMATCH")
    assert (await client.ask("HEAD", url)).offset == 0
    assert (await client.patch(url, 0, CONTENT, upload_checksum=said)).status == 204
    assert await stored(services, begun) == CONTENT


@sqlite_only
async def test_a_file_can_come_with_the_request_that_begins_it(services: Services, client: TusClient) -> None:
    answer = await client.ask(
        "POST", "/uploads", [CONTENT[:5], CONTENT[5:]], **BYTES, upload_length="72", content_length="72"
    )
    assert (answer.status, answer.offset) == (201, len(CONTENT))
    assert await stored(services, answer) == CONTENT


@both_stores
async def test_an_empty_file_is_complete_by_being_begun(services: Services, client: TusClient) -> None:
    assert await stored(services, await client.create(0)) == b""
