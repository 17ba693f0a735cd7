"""Workers are stopped, replaced and killed while they have something to do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import psutil
import pytest
from sqlmodel import col, select

from headgate.domain.happenings import FINAL
from headgate.server.preparation import issue_administrator_token
from headgate.settings import Settings
from headgate.storage.database import Database
from headgate.storage.tables import Attempt, Job, JobStatus, Worker
from tests.acceptance.processes import INGEST, Client, MakeHeadgate
from tests.chaos.load import orders
from tests.chaos.monkey import pid_of
from tests.chaos.trial import headgate
from tests.chaos.verdict import Record
from tests.conftest import MakeRedis
from tests.fleet import Member, Site, ending, until

pytestmark = pytest.mark.thorough

LONG_LEASE_S = 600.0
GRACE_S = 5.0
LIMIT_S = 60.0

MakeMember = Callable[..., Member]


@pytest.fixture
def site(tmp_path: Path, make_redis: MakeRedis) -> Site:
    """A place for a Headgate in which only those who tell of it give a job back: leases last long."""
    home = tmp_path / "home"
    home.mkdir()
    url = f"sqlite:///{home / 'headgate.db'}"
    settings = {"GRACE_SECONDS": str(GRACE_S)}
    return Site(home, url, make_redis(), lease_s=LONG_LEASE_S, tick_s=1.0, slots=2, settings=settings)


@pytest.fixture
async def make_member(site: Site) -> AsyncIterator[MakeMember]:
    """Make processes, which are ended behind the test."""
    async with AsyncExitStack() as stack:
        members: list[Member] = []
        await stack.enter_async_context(ending(members))

        def make(command: str, *arguments: str) -> Member:
            members.append(Member(site, command, len(members), *arguments))
            return members[-1]

        yield make


@pytest.fixture
async def database(site: Site) -> AsyncIterator[Database]:
    """The database that all processes share."""
    database = Database.connect(site.database_url)
    yield database
    await database.close()


@pytest.fixture
async def token(site: Site) -> str:
    return await issue_administrator_token(Settings(home=site.home, database_url=site.database_url), "ADMIN")


async def _submit(server: Member, token: str) -> str:
    async with httpx.AsyncClient(
        base_url=server.url, headers={"authorization": f"Bearer {token}"}, trust_env=False
    ) as http:
        wanted = {"data": {"records": [{"id": 1}]}, "dataset": "drained"}
        payload = (await Client(http, server.url, token).data(INGEST, input=wanted))["ingest"]
    assert payload["errors"] == []
    return str(payload["job"]["id"])


async def _status(database: Database, job_id: str) -> JobStatus:
    async with database.read() as session:
        return (await session.scalars(select(col(Job.status)).where(Job.id == job_id))).one()


async def _attempts(database: Database, job_id: str) -> list[Attempt]:
    statement = select(Attempt).where(Attempt.job_id == job_id).order_by(col(Attempt.number))
    async with database.read() as session:
        return list(await session.scalars(statement))


async def _until_one_of(
    database: Database, job_ids: list[str], statuses: set[JobStatus], count: int
) -> list[str]:
    """Wait until so many of these jobs have one of these statuses; answers which."""
    found: list[str] = []

    async def are_there() -> bool:
        found[:] = [job_id for job_id in job_ids if await _status(database, job_id) in statuses]
        return len(found) >= count

    await until(are_there, LIMIT_S, f"not {count} of the jobs are {statuses}")
    return found


async def test_a_worker_that_is_told_to_stop_ends_what_it_can_and_hands_back_the_rest(
    make_member: MakeMember, database: Database, token: str
) -> None:
    server, worker, next_worker = make_member("serve"), make_member("worker"), make_member("worker")
    await asyncio.gather(server.start(), worker.start())
    await asyncio.gather(server.up(), worker.up())
    slow, never_ending = children = worker.children()
    for child in children:
        child.suspend()
    running = [await _submit(server, token) for _ in children]
    await _until_one_of(database, running, {JobStatus.RUNNING}, 2)

    stopping = asyncio.create_task(worker.terminate())
    await asyncio.sleep(0)
    slow.resume()
    [kept] = await _until_one_of(database, running, set(FINAL), 1)
    waiting = await _submit(server, token)
    assert await stopping == 0
    [handed_back] = set(running) - {kept}
    assert not never_ending.is_running()
    assert await _status(database, handed_back) is JobStatus.RETRYING
    assert await _status(database, waiting) is JobStatus.QUEUED

    await next_worker.start()
    await _until_one_of(database, [handed_back, waiting], {JobStatus.SUCCEEDED}, 2)
    assert [attempt.status for attempt in await _attempts(database, kept)] == [JobStatus.SUCCEEDED]
    [interrupted, again] = await _attempts(database, handed_back)
    assert interrupted.failure is not None
    assert interrupted.failure["code"] == "INTERRUPTED"
    assert again.worker is not None
    assert pid_of(again.worker) == next_worker.pid


async def test_a_job_that_is_handed_back_is_begun_by_another_worker_at_once(
    make_member: MakeMember, database: Database, token: str
) -> None:
    server, worker, other = make_member("serve"), make_member("worker"), make_member("worker")
    await asyncio.gather(server.start(), worker.start())
    await asyncio.gather(server.up(), worker.up())
    for child in worker.children():
        child.suspend()
    job = await _submit(server, token)
    await _until_one_of(database, [job], {JobStatus.RUNNING}, 1)
    await other.start()
    await other.up()

    assert await worker.terminate() == 0
    await _until_one_of(database, [job], {JobStatus.SUCCEEDED}, 1)
    first, second = await _attempts(database, job)
    assert first.finished_at is not None
    assert (second.started_at - first.finished_at).total_seconds() < GRACE_S


async def test_a_new_version_goes_out_under_load_and_no_job_is_lost_or_fails(site: Site) -> None:
    statuses = []
    async with headgate(site, seed=0, servers=2, workers=2) as here, asyncio.TaskGroup() as group:
        given = iter(orders(seed=0, count=1000))
        is_over = asyncio.Event()

        async def send() -> None:
            while not is_over.is_set():
                await here.client.place(next(given))
                await here.few_left(1)

        sending = group.create_task(send())
        for member in here.fleet.members:
            statuses.append(await member.terminate())
            await member.start()
            await member.up()
        is_over.set()
        await sending
        await here.still()
        record = await Record.read(here.database)
        faults = await here.faults(record)
    assert statuses == [0] * 4
    assert faults == []
    failures = [each.failure for attempts in record.attempts.values() for each in attempts if each.failure]
    assert {failure["code"] for failure in failures} <= {"INTERRUPTED"}


async def _pids_of_workers(database: Database) -> set[int]:
    async with database.read() as session:
        return {pid_of(worker_id) for worker_id in await session.scalars(select(Worker.id))}


async def test_several_processes_are_kept_running_until_all_are_told_to_stop(
    make_member: MakeMember, database: Database, token: str
) -> None:
    parent = make_member("worker", "--processes", "2")
    first, second = await _two_workers(parent, database, without=set())
    first.kill()
    kept, new = sorted(
        await _two_workers(parent, database, without={first.pid}), key=lambda each: each != second
    )
    assert kept == second
    assert new.pid != first.pid

    assert await parent.terminate() == 0
    assert not kept.is_running()
    assert not new.is_running()
    assert await _pids_of_workers(database) == {first.pid}


async def test_several_processes_end_when_the_one_that_keeps_them_is_killed(
    make_member: MakeMember, database: Database, token: str
) -> None:
    parent = make_member("worker", "--processes", "2")
    workers = await _two_workers(parent, database, without=set())
    everybody = parent.children()
    await parent.kill()
    _, alive = await asyncio.to_thread(psutil.wait_procs, everybody, timeout=LIMIT_S)
    assert alive == []
    assert await _pids_of_workers(database) == set(), workers


async def _two_workers(parent: Member, database: Database, *, without: set[int]) -> list[psutil.Process]:
    """Start them where they are not started yet, and wait until two tell that they work."""
    if not parent.is_alive:
        await parent.start()
    found: set[int] = set()

    async def are_there() -> bool:
        found.clear()
        found.update(await _pids_of_workers(database) - without)
        return len(found) == 2

    await until(are_there, LIMIT_S, "there are not two workers")
    return [psutil.Process(pid) for pid in sorted(found)]


def test_a_worker_without_redis_says_in_one_line_what_is_missing(make_headgate: MakeHeadgate) -> None:
    done = make_headgate().run("worker")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "headgate: Set HEADGATE_REDIS_URL: without Redis the server runs the jobs itself."
    ]
