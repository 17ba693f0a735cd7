"""How uploads end: complete, failed, given up, too late, or by a server that died."""

import asyncio
import base64
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col
from structlog.testing import capture_logs

from headgate.domain import files
from headgate.domain.leftovers import remove_leftovers
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.domain.upload_completion import complete_arrived
from headgate.domain.upload_endings import sweep_expired
from headgate.errors import JobFault
from headgate.storage.ids import new_id
from headgate.storage.objects import LocalStore
from headgate.storage.pieces import Assembly
from headgate.storage.tables import FileStatus, Upload, utc_now
from tests.server.uploads.support import CONTENT, Inspector, both_stores, id_of, row_of, sqlite_only, stored
from tests.server.uploads.tus_client import TusClient


@both_stores
async def test_a_file_whose_sha256_differs_fails(services: Services, client: TusClient) -> None:
    said = base64.b64encode(b"0" * 64).decode()
    begun = await client.create(len(CONTENT), upload_metadata=f"sha256 {said}")
    last = await client.patch(begun.headers["location"], 0, CONTENT)
    assert (last.status, last.code) == (422, "CHECKSUM_MISMATCH")
    file = await files.get(services, id_of(begun))
    assert file is not None
    assert (file.status, file.storage_key) == (FileStatus.FAILED, None)
    assert not await services.store.exists(f"files/{file.id}")
    assert (await client.ask("HEAD", begun.headers["location"])).status == 410


@sqlite_only
async def test_a_file_that_the_engine_refuses_fails_with_the_reason(
    services: Services, client: TusClient, inspector: Inspector
) -> None:
    inspector.fault = JobFault("UNSUPPORTED_FORMAT", "What is this?", "DATA")
    begun = await client.create(len(CONTENT))
    last = await client.patch(begun.headers["location"], 0, CONTENT)
    assert (last.status, last.code) == (422, "UNSUPPORTED_FORMAT")
    file = await files.get(services, id_of(begun))
    assert file is not None
    assert file.failure == {"code": "UNSUPPORTED_FORMAT", "message": "What is this?"}


@both_stores
async def test_an_upload_of_a_server_that_died_with_its_last_byte_is_completed_once(
    services: Services, client: TusClient, inspector: Inspector, left: Callable[[], list[str]]
) -> None:
    begun = await client.create(len(CONTENT))
    inspector.fault = RuntimeError("The server is killed while it looks into the file.")
    with capture_logs():
        assert (await client.patch(begun.headers["location"], 0, CONTENT)).status == 500
    inspector.fault = None

    done = await asyncio.gather(*(complete_arrived(services) for _ in range(3)))

    assert sum(done) == 1
    assert await stored(services, begun) == CONTENT
    assert left() == [f"files/{id_of(begun)}"]


@both_stores
@pytest.mark.parametrize("code", ["STORE_FULL", "STORE_UNAVAILABLE"])
async def test_a_file_that_arrived_while_the_store_was_away_is_completed_later(
    services: Services, client: TusClient, inspector: Inspector, code: str
) -> None:
    begun = await client.create(len(CONTENT))
    inspector.fault = JobFault(code, "Not now.", "SYSTEM", retryable=True)
    last = await client.patch(begun.headers["location"], 0, CONTENT)
    assert (last.status, last.code) == (503, code)
    assert await complete_arrived(services) == 0
    told = await client.ask("HEAD", begun.headers["location"])
    assert told.headers["upload-offset"] == str(len(CONTENT))
    inspector.fault = None

    assert await complete_arrived(services) == 1

    assert await stored(services, begun) == CONTENT


@both_stores
async def test_what_has_not_come_in_time_is_swept_away(
    services: Services, client: TusClient, left: Callable[[], list[str]]
) -> None:
    late, other = await client.create(len(CONTENT)), await client.create(len(CONTENT))
    await client.patch(late.headers["location"], 0, CONTENT[:4])
    assert await sweep_expired(services) == 0
    async with services.database.transaction() as session:
        past = update(Upload).where(col(Upload.file_id) == id_of(late))
        await session.execute(past.values(expires_at=utc_now() - timedelta(seconds=1)))
    refused = await client.patch(late.headers["location"], 4, CONTENT[4:])
    assert (refused.status, refused.code) == (410, "UPLOAD_EXPIRED")

    assert await sweep_expired(services) == 1

    assert (await client.ask("HEAD", late.headers["location"])).status == 410
    assert not any(id_of(late) in key for key in left())
    assert any(id_of(other) in key for key in left())
    file = await files.get(services, id_of(late))
    assert file is not None
    assert file.status is FileStatus.EXPIRED
    assert await row_of(services, other) is not None


@both_stores
async def test_an_upload_is_given_up_even_while_somebody_writes(
    services: Services, client: TusClient, left: Callable[[], list[str]]
) -> None:
    begun = await client.create(len(CONTENT))
    url = begun.headers["location"]
    stuck = asyncio.create_task(client.patch(url, 0, CONTENT[:7], asyncio.Event()))
    assert (await client.ask("DELETE", url)).status == 204
    assert (await stuck).status in (410, 423)
    assert (await client.patch(url, 0, CONTENT)).status == 410
    assert await row_of(services, begun) is None
    assert left() == []
    complete = await client.create(0)
    assert (await client.ask("DELETE", complete.headers["location"])).code == "UPLOAD_COMPLETE"


@both_stores
async def test_bytes_that_somebody_else_has_removed_are_told_of(
    services: Services, client: TusClient
) -> None:
    begun = await client.create(len(CONTENT))
    await client.patch(begun.headers["location"], 0, CONTENT[:4])
    row = await row_of(services, begun)
    assert row is not None
    await services.pieces.discard(Assembly.of(row))
    answer = await client.patch(begun.headers["location"], 4, CONTENT[4:])
    assert (answer.status, answer.code) == (410, "UPLOAD_LOST")


@sqlite_only
async def test_leftovers_of_uploads_that_ended_go_and_no_others(
    services: Services, client: TusClient, principal: Principal
) -> None:
    begun = await client.create(len(CONTENT))
    await client.patch(begun.headers["location"], 0, CONTENT[:9])
    assert isinstance(services.store, LocalStore)
    old = services.store.path(f"uploads/{new_id('file')}")
    old.write_bytes(b"left")
    assert await remove_leftovers(services, min_age=timedelta(seconds=-60)) == 1
    assert not old.exists()
    assert (await client.patch(begun.headers["location"], 9, CONTENT[9:])).status == 204
    assert await stored(services, begun) == CONTENT
