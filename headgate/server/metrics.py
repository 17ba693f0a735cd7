"""Figures of all jobs and workers, in the text format that Prometheus reads."""

import asyncio
from collections.abc import Iterator

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from headgate.domain import metrics
from headgate.domain.counters import LEASE_TAKEOVERS, WAKE_UPS_LOST
from headgate.domain.event_reader import ALL
from headgate.domain.metrics import Ended, Figures
from headgate.domain.services import Services
from headgate.storage.tables import JobStatus

BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
SCRAPE_TIMEOUT_S = 5.0
BROKEN = "The figures cannot be read: the database does not answer as it should.\n"

logger = structlog.get_logger(__name__)


class Meter:
    """Reads what there is to measure, whichever process did it: the database is the only source.

    Ended jobs are added up from their last events, each once, from `begin` on.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._number: int | None = None
        self._lock = asyncio.Lock()
        self._present = _Present()
        self._registry = CollectorRegistry()
        self._registry.register(self._present)
        self._ended = Counter(
            "headgate_jobs_finished",
            "Jobs that have ended since this server began.",
            ["kind", "status"],
            registry=self._registry,
        )
        self._durations = Histogram(
            "headgate_job_duration_seconds",
            "How long jobs took from the start of their first attempt, of those that ended since this server began.",
            ["kind", "status"],
            buckets=BUCKETS_S,
            registry=self._registry,
        )

    async def begin(self) -> None:
        """Count the jobs that end from now on."""
        self._number = await self._services.events.newest(ALL)

    async def scrape(self) -> bytes:
        """Answer all figures as text; whatever the database raises, and TimeoutError after 5 seconds, gets out."""
        async with asyncio.timeout(SCRAPE_TIMEOUT_S), self._lock:
            await self._catch_up()
            self._present.figures = await metrics.figures(self._services)
            return generate_latest(self._registry)

    async def _catch_up(self) -> None:
        if self._number is None:
            return await self.begin()
        newest = await self._services.events.newest(ALL)
        while self._number < newest:
            found = await metrics.ended(self._services, self._number, newest)
            for each in found:
                self._add(each)
            # Nothing is awaited since the first of them: one that is interrupted adds no job twice.
            self._number = found[-1].number if len(found) == metrics.MAX_ENDED else newest

    def _add(self, ended: Ended) -> None:
        self._ended.labels(ended.kind, ended.status).inc()
        if ended.duration_s is not None:
            self._durations.labels(ended.kind, ended.status).observe(ended.duration_s)


class _Present:
    """What is read anew for each answer."""

    figures: Figures | None = None

    def collect(self) -> Iterator[Metric]:
        """Show the figures as Prometheus names such."""
        return iter(()) if self.figures is None else _families(self.figures)


def _families(figures: Figures) -> Iterator[Metric]:
    jobs = GaugeMetricFamily(
        "headgate_jobs", "Jobs; batches are some, and so are their items.", labels=["status"]
    )
    for status in JobStatus:
        jobs.add_metric([status], figures.jobs.get(status, 0))
    yield jobs
    yield GaugeMetricFamily("headgate_queue_depth", "Jobs that wait and could run now.", figures.due_jobs)
    yield GaugeMetricFamily(
        "headgate_queue_oldest_seconds",
        "For how long the oldest of the jobs that could run now could have done so.",
        figures.oldest_due_s,
    )
    yield GaugeMetricFamily("headgate_workers", "Workers that live.", figures.workers)
    yield GaugeMetricFamily("headgate_running_jobs", "Jobs in the hands of workers.", figures.running_jobs)
    yield CounterMetricFamily(
        "headgate_lease_takeovers",
        "Jobs that were taken back from workers that fell silent.",
        figures.counters[LEASE_TAKEOVERS],
    )
    yield CounterMetricFamily(
        "headgate_wake_ups_lost", "Wake-ups that had to be sent again.", figures.counters[WAKE_UPS_LOST]
    )


def metrics_route(meter: Meter) -> Route:
    """Make /metrics."""

    async def answer(request: Request) -> Response:
        try:
            text = await meter.scrape()
        except Exception as error:
            logger.warning("metrics.not_collected", error=repr(error))
            return PlainTextResponse(BROKEN, 503)
        return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return Route("/metrics", answer)
