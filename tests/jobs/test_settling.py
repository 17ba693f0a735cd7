"""What a job had committed is found out after its process died, even where that kills another process."""

from collections.abc import Mapping
from typing import Any

import pytest

from headgate.domain import jobs
from headgate.domain.ports import ProcessDied, Report, TaskFault
from headgate.domain.services import Services
from headgate.errors import JobFault
from headgate.jobs import deaths
from headgate.storage.tables import JobStatus
from tests.jobs.conftest import RESULT, LedEngine

KILLED = deaths.ended(-9)
BROKEN = TaskFault("INTERNAL", "The table cannot be read.", "SYSTEM", retryable=True)


class DyingEngine(LedEngine):
    """Its process dies after the commit; settling meets these faults before it finds that out."""

    def __init__(self, *faults: JobFault) -> None:
        super().__init__()
        self._faults = list(faults)

    async def run(self, task: Mapping[str, Any], *args: Any, **options: Any) -> dict[str, Any]:
        if task["task"] != "settle":
            raise KILLED
        if self._faults:
            raise self._faults.pop(0)
        return {"ingested": RESULT}


@pytest.mark.parametrize("faults", [[], [KILLED]])
async def test_a_job_that_had_committed_succeeds(
    services: Services, submit: Any, working: Any, faults: list[ProcessDied]
) -> None:
    job = await submit()
    async with working(DyingEngine(*faults)):
        ended = await jobs.wait(services, job.id, 30)
    assert (ended.status, ended.attempts, ended.rows_accepted) == (JobStatus.SUCCEEDED, 1, 1)


@pytest.mark.parametrize("faults", [[BROKEN], [KILLED, KILLED]])
async def test_a_job_of_which_nobody_knows_is_tried_again(
    services: Services, submit: Any, working: Any, faults: list[JobFault]
) -> None:
    job = await submit()
    async with working(DyingEngine(*faults)):
        ended = await jobs.wait(services, job.id, 30)
    assert (ended.status, ended.attempts, ended.rows_accepted) == (JobStatus.SUCCEEDED, 2, 1)


async def test_a_job_that_had_committed_succeeds_though_its_worker_had_trouble_with_it(
    services: Services, submit: Any, working: Any, engine: LedEngine
) -> None:
    async def lead(report: Report) -> None:
        raise OSError("the pipe is broken")

    engine.lead = lead  # type: ignore[method-assign]
    engine.ingested = RESULT
    job = await submit()
    async with working():
        ended = await jobs.wait(services, job.id, 30)
    assert (ended.status, ended.attempts, ended.rows_accepted) == (JobStatus.SUCCEEDED, 1, 1)
