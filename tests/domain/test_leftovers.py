"""A server that starts removes what others left when they were killed, and nothing else."""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headgate.domain import files
from headgate.domain.acceptance import input_key
from headgate.domain.leftovers import remove_leftovers, remove_scratch
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.errors import JobFault
from headgate.storage.ids import new_id
from tests.buckets import Store
from tests.services import path_of
from tests.stores import bucket_store

OLD = timedelta(hours=2)
FROM_BEFORE = "file_01h455vb4pex5vsknk084sn02q"

Leave = Callable[[str], Path]


@pytest.fixture
def leave(services: Services) -> Leave:
    """Put an object into the store, as a server does that is killed right afterwards."""

    def leave(key: str) -> Path:
        path = path_of(services, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left")
        return path

    return leave


def age(services: Services) -> None:
    """Let everything in the store be as it was two hours ago."""
    moment = (datetime.now(UTC) - OLD).timestamp()
    for path in path_of(services, "files").parent.rglob("*"):
        os.utime(path, (moment, moment))


async def test_objects_that_no_row_names_go_once_they_are_old(
    services: Services, operator: Principal, leave: Leave
) -> None:
    left = [leave(f"files/{new_id('file')}"), leave(f"inputs/{new_id('job')}")]
    assert await remove_leftovers(services) == 0
    assert all(path.exists() for path in left)
    age(services)

    assert await remove_leftovers(services) == 2

    assert not any(path.exists() for path in left)


async def test_objects_that_a_row_names_stay(
    services: Services, operator: Principal, arrive: Any, submit: Any
) -> None:
    file = await files.receive(services, operator, await arrive())
    job = await submit()
    age(services)

    assert await remove_leftovers(services) == 0

    assert await services.store.exists(f"files/{file.id}")
    assert await services.store.exists(input_key(job.id))


async def test_the_object_of_a_file_that_failed_goes(
    services: Services, operator: Principal, arrive: Any, inspector: Any
) -> None:
    inspector.answer = JobFault("EMPTY_FILE", "The file is empty.", "DATA")
    incoming = await arrive()
    with pytest.raises(files.UnusableFile):
        await files.receive(services, operator, incoming)
    age(services)
    assert await remove_leftovers(services) == 1
    assert not await services.store.exists(incoming.key)


async def test_nothing_older_than_the_database_goes(
    services: Services, operator: Principal, leave: Leave
) -> None:
    of_another = leave(f"files/{FROM_BEFORE}")
    age(services)
    assert await remove_leftovers(services) == 0
    assert of_another.exists()


async def test_a_database_without_users_removes_no_file(services: Services, leave: Leave) -> None:
    of_another = leave(f"files/{new_id('file')}")
    age(services)
    assert await remove_leftovers(services) == 0
    assert of_another.exists()


async def test_scratch_of_what_has_ended_goes_and_that_of_open_jobs_stays(
    services: Services, submit: Any, claim: Any, end: Any, leave: Leave
) -> None:
    ended, running, waiting = await submit(), await submit(), await submit()
    await end(await claim(ended), JobFault("X", "x", "DATA"))
    await claim(running)
    going = [leave(f"scratch/{owner}/1/part") for owner in (ended.id, new_id("inspection"))]
    going.append(leave(f"scratch/{new_id('check')}"))
    staying = [leave(f"scratch/{owner}/1/part") for owner in (running.id, waiting.id, new_id("job"))]
    age(services)

    assert await remove_leftovers(services) == 3

    assert not any(path.exists() for path in going)
    assert all(path.exists() for path in staying)


async def test_unfinished_writes_go(services: Services, operator: Principal) -> None:
    left = path_of(services, "files").parent / ".unfinished" / "left"
    left.parent.mkdir(parents=True)
    left.touch()
    age(services)
    assert await remove_leftovers(services) == 1
    assert not left.exists()


async def test_parts_of_jobs_that_ended_without_a_commit_go(
    services: Services, submit: Any, claim: Any, end: Any, leave: Leave
) -> None:
    failed, running = await claim(await submit()), await claim(await submit())
    await end(failed, JobFault("X", "x", "DATA"))
    folder = failed.dataset.storage_key
    going = [leave(f"{folder}/{failed.job_id}-{attempt}-000000.parquet") for attempt in (1, 2)]
    staying = [leave(f"{folder}/{running.job_id}-1-000000.parquet"), leave(f"{folder}/_delta_log/0.json")]
    age(services)

    assert await remove_leftovers(services) == 2

    assert not any(path.exists() for path in going)
    assert all(path.exists() for path in staying)


@pytest.mark.parametrize("folder", ["errors", "resolved"])
async def test_ledgers_and_resolved_rows_without_a_job_go(
    services: Services, submit: Any, leave: Leave, folder: str
) -> None:
    going = leave(f"{folder}/{new_id('job')}.parquet")
    staying = leave(f"{folder}/{(await submit()).id}.parquet")
    age(services)
    assert await remove_leftovers(services) == 1
    assert staying.exists()
    assert not going.exists()


async def test_scratch_on_this_machine_goes_where_objects_are_in_a_bucket(
    services: Services, own_bucket: Store, tmp_path: Path
) -> None:
    async with bucket_store(own_bucket, tmp_path / "here") as store:
        elsewhere = replace(services, store=store)
        left, staying = (store.scratch / new_id(prefix) for prefix in ("inspection", "job"))
        for path in (left, staying):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        assert await remove_scratch(elsewhere) == 0
        assert await remove_scratch(elsewhere, min_age=timedelta(hours=-1)) == 1
        assert (left.exists(), staying.exists()) == (False, True)


async def test_objects_of_a_bucket_that_no_row_names_go(
    services: Services, own_bucket: Store, operator: Principal, tmp_path: Path
) -> None:
    for folder, prefix in (("files", "file"), ("inputs", "job"), ("fetched", "job"), ("scratch", "check")):
        inner = "/x/content" if folder == "fetched" else ""
        own_bucket.put(f"main/{folder}/{new_id(prefix)}{inner}", b"x")
    own_bucket.put(f"main/errors/{new_id('job')}.parquet", b"x")
    async with bucket_store(own_bucket, tmp_path / "here") as store:
        elsewhere = replace(services, store=store)
        assert await remove_leftovers(elsewhere) == 0
        assert await remove_leftovers(elsewhere, min_age=timedelta(hours=-1)) == 5
    assert own_bucket.keys() == []
