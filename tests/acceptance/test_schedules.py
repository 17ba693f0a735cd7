"""A schedule that has come due starts one job, with two real servers looking at the same time."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import update

from headgate.storage.database import Database
from headgate.storage.tables import Pipeline
from tests.acceptance.processes import Headgate, MakeClient, MakeHeadgate

CREATE = """
mutation ($input: CreatePipelineInput!) {
  createPipeline(input: $input) { pipeline { id schedule { cron timezone overlap nextRunAt } } errors { code message } }
}
"""
FEED = "subscription { jobs(minIntervalMs: 0) { status job { id kind pipeline { name } } } }"
PIPELINE = """
{ pipeline(name: "nightly") { status schedule { nextRunAt } jobs { totalCount edges { node { id status } } } } }
"""
SPEC = {
    "source": {"records": {"records": [{"a": 1}]}},
    "sinks": [{"dataset": {"name": "nightly"}}],
    "schedule": {"cron": "0 3 * * *", "timezone": "Europe/Berlin"},
}
FINAL = {"SUCCEEDED", "PARTIAL", "FAILED", "CANCELED"}


async def test_a_due_schedule_starts_one_job(make_headgate: MakeHeadgate, make_client: MakeClient) -> None:
    headgate = make_headgate().start()
    other = Headgate(headgate.home, headgate.settings).start()
    try:
        client = await make_client(headgate)
        created = (await client.data(CREATE, input={"name": "nightly", "spec": SPEC}))["createPipeline"]
        assert created["errors"] == []
        schedule = created["pipeline"]["schedule"]
        assert (schedule["cron"], schedule["timezone"], schedule["overlap"]) == (
            "0 3 * * *",
            "Europe/Berlin",
            "SKIP",
        )
        coming = datetime.fromisoformat(schedule["nextRunAt"])
        assert coming > datetime.now(UTC)

        async with client.subscribe(FEED) as results:
            await _come(headgate, coming - timedelta(days=3))
            async for result in results:
                event: dict[str, Any] = result["data"]["jobs"]
                if event["status"] in FINAL:
                    break
        assert (event["status"], event["job"]["pipeline"]) == ("SUCCEEDED", {"name": "nightly"})

        found = (await client.data(PIPELINE))["pipeline"]
        assert found["jobs"]["totalCount"] == 1
        assert found["status"] == "SUCCEEDED"
        assert datetime.fromisoformat(found["schedule"]["nextRunAt"]) == coming
    finally:
        other.kill()


async def _come(headgate: Headgate, moment: datetime) -> None:
    """Let the schedule be due since a moment."""
    database = Database.connect(f"sqlite:///{headgate.home / 'headgate.db'}")
    async with database.transaction() as session:
        await session.execute(update(Pipeline).values(next_run_at=moment))
    await database.close()
