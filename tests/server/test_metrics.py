"""Prometheus reads of every server what all processes did, each thing once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import delete
from starlette.applications import Starlette
from structlog.testing import capture_logs

from headgate.domain import counters, metrics, workers
from headgate.domain.happenings import happened, status_changed
from headgate.domain.services import Services
from headgate.server.metrics import BROKEN, BUCKETS_S, Meter, metrics_route
from headgate.storage.database import Database
from headgate.storage.events import append_events
from headgate.storage.ids import new_id
from headgate.storage.tables import Job, JobEvent, JobEventType, JobKind, JobStatus, Worker, utc_now
from tests.services import make_services

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]
Finish = Callable[..., Awaitable[None]]


class NoEngine:
    """An engine that nobody should ask."""

    async def run(self, *_: Any, **__: Any) -> dict[str, Any]:
        raise AssertionError


@pytest.fixture
def services(database: Database, tmp_path: Path) -> Services:
    return make_services(database, tmp_path / "store", NoEngine())


@pytest.fixture
async def make_meter(database_url: str, tmp_path: Path) -> AsyncIterator[Callable[[], Meter]]:
    """Make meters, each with a database of its own as servers have."""
    made: list[Database] = []

    def make() -> Meter:
        made.append(Database.connect(database_url))
        return Meter(make_services(made[-1], tmp_path / "store", NoEngine()))

    yield make
    for database in made:
        await database.close()


def _read(text: bytes) -> Samples:
    families = text_string_to_metric_families(text.decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def _find(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((f"headgate_{name}", frozenset(labels.items())))


async def _finish(
    services: Services,
    took_s: float | None = 1.0,
    status: JobStatus = JobStatus.SUCCEEDED,
    kind: JobKind = JobKind.INGEST,
) -> None:
    """Let a job end, which took so long or never began; other events come before and behind its last one."""
    now = utc_now()
    job = Job(id=new_id("job"), kind=kind, started_at=None if took_s is None else now)
    other = Job(id=new_id("job"), kind=kind, status=JobStatus.RUNNING)
    events = [happened(job, JobEventType.PROGRESS), status_changed(job, status)]
    events += [happened(other, JobEventType.PROGRESS)]
    job.finished_at = now + timedelta(seconds=took_s or 0)
    async with services.database.transaction() as session:
        session.add_all([job, other])
        await append_events(session, events)


def _counted(samples: Samples) -> dict[tuple[str, str], float]:
    """How many jobs have ended, by kind and status."""
    ended = {
        labels: value for (name, labels), value in samples.items() if name == "headgate_jobs_finished_total"
    }
    return {(dict(labels)["kind"], dict(labels)["status"]): value for labels, value in ended.items()}


async def test_every_figure_is_told(services: Services, make_meter: Callable[[], Meter]) -> None:
    meter = make_meter()
    await meter.begin()
    now = utc_now()
    waiting = [
        Job(id=new_id("job"), kind=JobKind.INGEST, due_at=now - timedelta(seconds=90)),
        Job(
            id=new_id("job"),
            kind=JobKind.INGEST,
            status=JobStatus.RETRYING,
            due_at=now - timedelta(seconds=30),
        ),
        Job(id=new_id("job"), kind=JobKind.INGEST, due_at=now + timedelta(hours=1)),
        Job(id=new_id("job"), kind=JobKind.BATCH, due_at=now - timedelta(hours=1)),
    ]
    async with services.database.transaction() as session:
        session.add_all(waiting)
        session.add(Worker(id="host:9:z", host="host", last_seen_at=now - timedelta(hours=1), running_jobs=7))
        await workers.tell(session, "host:1:a", running_jobs=2)
        await workers.tell(session, "host:2:b", running_jobs=1)
        await counters.add(session, counters.LEASE_TAKEOVERS, 4)
        await counters.add(session, counters.WAKE_UPS_LOST, 5)
    await _finish(services, took_s=2.0, status=JobStatus.PARTIAL)
    samples = _read(await meter.scrape())

    statuses = {status: _find(samples, "jobs", status=status) for status in JobStatus}
    assert statuses == dict.fromkeys(JobStatus, 0) | {"QUEUED": 3, "RETRYING": 1, "RUNNING": 1, "PARTIAL": 1}
    assert _find(samples, "queue_depth") == 2
    assert 90 <= (_find(samples, "queue_oldest_seconds") or 0) < 150
    assert (_find(samples, "workers"), _find(samples, "running_jobs")) == (2, 3)
    assert _find(samples, "lease_takeovers_total") == 4
    assert _find(samples, "wake_ups_lost_total") == 5
    ended = {"kind": "INGEST", "status": "PARTIAL"}
    assert _find(samples, "jobs_finished_total", **ended) == 1
    assert _find(samples, "job_duration_seconds_count", **ended) == 1
    assert _find(samples, "job_duration_seconds_sum", **ended) == 2
    assert _find(samples, "job_duration_seconds_bucket", le="1.0", **ended) == 0
    assert _find(samples, "job_duration_seconds_bucket", le="2.5", **ended) == 1


async def test_a_job_that_never_began_has_no_duration(
    services: Services, make_meter: Callable[[], Meter]
) -> None:
    meter = make_meter()
    await meter.begin()
    await _finish(services, took_s=None, status=JobStatus.CANCELED)
    samples = _read(await meter.scrape())
    assert _counted(samples) == {("INGEST", "CANCELED"): 1}
    assert _find(samples, "job_duration_seconds_count", kind="INGEST", status="CANCELED") is None


async def test_what_ended_before_the_beginning_is_not_counted(
    services: Services, make_meter: Callable[[], Meter]
) -> None:
    meter, late = make_meter(), make_meter()
    await _finish(services)
    await meter.begin()
    await _finish(services)
    assert _counted(_read(await meter.scrape())) == {("INGEST", "SUCCEEDED"): 1}
    assert _counted(_read(await late.scrape())) == {}
    await _finish(services)
    assert _counted(_read(await late.scrape())) == {("INGEST", "SUCCEEDED"): 1}


DURATION = st.sampled_from([0.0, 0.05, 0.051, 1.0, 3599.999999, 3600.0, 7200.0, *BUCKETS_S])
ENDING = st.tuples(DURATION, st.sampled_from([JobStatus.FAILED, JobStatus.PARTIAL]), st.sampled_from(JobKind))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from([0, 1]) | ENDING, max_size=20), at_once=st.integers(1, 3))
async def test_every_server_counts_every_job_once_however_it_is_scraped(
    services: Services, make_meter: Callable[[], Meter], steps: list[Any], at_once: int
) -> None:
    async with services.database.transaction() as session:
        await session.execute(delete(JobEvent))
        await session.execute(delete(Job))
    meters = [make_meter(), make_meter()]
    expected: Counter[tuple[str, str, float]] = Counter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "MAX_ENDED", at_once)
        for meter in meters:
            await meter.begin()
        for step in steps:
            if isinstance(step, int):
                await meters[step].scrape()
                continue
            await _finish(services, *step)
            for bound in (*BUCKETS_S, float("inf")):
                expected[step[2], step[1], bound] += step[0] <= bound
        for meter in meters:
            assert dict(_buckets(_read(await meter.scrape()))) == expected


def _buckets(samples: Samples) -> Iterator[tuple[tuple[str, str, float], float]]:
    for (name, labels), value in samples.items():
        if name == "headgate_job_duration_seconds_bucket":
            found = dict(labels)
            yield (found["kind"], found["status"], float(found["le"])), value


async def test_jobs_that_end_side_by_side_while_servers_are_scraped_are_all_counted(
    services: Services, make_meter: Callable[[], Meter]
) -> None:
    meter = make_meter()
    await meter.begin()
    ending = asyncio.gather(*(_finish(services) for _ in range(60)))
    while not ending.done():
        await asyncio.gather(meter.scrape(), meter.scrape())
    await ending
    assert _counted(_read(await meter.scrape())) == {("INGEST", "SUCCEEDED"): 60}


async def _ask(meter: Meter) -> httpx.Response:
    transport = httpx.ASGITransport(Starlette(routes=[metrics_route(meter)]))
    async with httpx.AsyncClient(transport=transport, base_url="http://headgate") as http:
        return await http.get("/metrics")


async def test_the_answer_is_of_the_type_that_prometheus_reads(make_meter: Callable[[], Meter]) -> None:
    answer = await _ask(make_meter())
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert _find(_read(answer.content), "workers") == 0


async def test_without_the_database_one_line_says_so_and_nothing_is_lost(
    services: Services, make_meter: Callable[[], Meter], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Database.connect("postgresql://127.0.0.1:9/none")
    meter = make_meter()
    await meter.begin()
    await _finish(services)
    with monkeypatch.context() as patch, capture_logs() as logs:
        patch.setattr(meter._services.database, "read", gone.read)
        answer = await _ask(meter)
    assert (answer.status_code, answer.text) == (503, BROKEN)
    assert [entry["event"] for entry in logs] == ["metrics.not_collected"]
    assert _counted(_read(await meter.scrape())) == {("INGEST", "SUCCEEDED"): 1}
    await gone.close()
