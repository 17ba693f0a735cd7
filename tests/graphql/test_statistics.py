"""Figures over many jobs, as clients see them."""

import pytest

from headgate.domain import endings, runs
from headgate.domain.endings import Ending
from headgate.domain.services import Services
from headgate.errors import JobFault
from tests.graphql.conftest import AddJob, Ask

STATISTICS = """
query ($filter: JobFilter, $group: JobGroup!) {
  jobStatistics(filter: $filter, groupBy: $group) {
    key jobs rowsRead rowsRejected durationP50Ms durationP95Ms
  }
}
"""


async def test_groups_come_in_the_order_of_their_enum_and_tell_durations_of_ended_jobs(
    ask: Ask, add_job: AddJob, services: Services
) -> None:
    job, waiting = await add_job(), await add_job()
    claims = await runs.claim(services, [job.id], "host:1:a", 30.0)
    await endings.close(services, [Ending(claims[job.id], JobFault("X", "x", "DATA"))])

    found = (await ask("query ($id: ID!) { job(id: $id) { durationMs } }", id=job.id))["job"]
    duration_ms = pytest.approx(found["durationMs"])
    none = {"jobs": 1, "rowsRead": 0, "rowsRejected": 0, "durationP50Ms": None, "durationP95Ms": None}
    queued = {"key": "QUEUED", **none}
    failed = {"key": "FAILED", **none, "durationP50Ms": duration_ms, "durationP95Ms": duration_ms}
    assert (await ask(STATISTICS, group="STATUS"))["jobStatistics"] == [queued, failed]
    only = await ask(STATISTICS, group="STATUS", filter={"ids": [waiting.id]})
    assert only["jobStatistics"] == [queued]
    assert (await ask(STATISTICS, group="KIND", filter={"ids": []}))["jobStatistics"] == []
