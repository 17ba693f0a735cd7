"""Health, as clients see it."""

from headgate.domain import workers
from headgate.domain.services import Services
from headgate.storage.ids import new_id
from headgate.storage.tables import Job, JobKind
from tests.graphql.conftest import Ask

HEALTH = """
{
  health {
    status activeJobs queuedJobs
    workers { id host startedAt lastSeenAt runningJobs }
    checks { name status message }
  }
}
"""


async def test_workers_and_waiting_jobs_are_told_and_batches_are_no_work_themselves(
    ask: Ask, services: Services
) -> None:
    async with services.database.transaction() as session:
        await workers.tell(session, "host:1:a", running_jobs=2)
        session.add(Job(id=new_id("job"), kind=JobKind.BATCH))
        session.add(Job(id=new_id("job"), kind=JobKind.INGEST))
    found = (await ask(HEALTH))["health"]

    assert (found["status"], found["activeJobs"], found["queuedJobs"]) == ("HEALTHY", 0, 1)
    [worker] = found["workers"]
    assert worker["startedAt"] <= worker["lastSeenAt"]
    assert (worker["id"], worker["host"], worker["runningJobs"]) == ("host:1:a", "host", 2)


async def test_a_headgate_without_a_worker_says_what_that_means(ask: Ask) -> None:
    found = (await ask(HEALTH))["health"]
    assert (found["status"], found["workers"]) == ("DEGRADED", [])
    message = "No worker is running: jobs wait until one does."
    assert found["checks"][-1] == {"name": "workers", "status": "DEGRADED", "message": message}
