"""A job's events are a list, whose cursors subscriptions take."""

from typing import Any

import pytest

from headgate.domain import runs
from headgate.domain.services import Services
from headgate.graphql.context import Context
from headgate.graphql.schema import HeadgateSchema
from tests.graphql.conftest import AddJob, Ask

EVENTS = """
query ($id: ID!, $first: Int, $after: String) {
  job(id: $id) {
    events(first: $first, after: $after) {
      edges { cursor node { cursor type status progress { stage } job { id status } } }
      pageInfo { hasNextPage hasPreviousPage endCursor }
      totalCount
    }
  }
}
"""
FOLLOW = (
    "subscription ($id: ID!, $after: String) { jobProgress(jobId: $id, after: $after) { cursor status } }"
)


async def _run_side_by_side(services: Services, add_job: AddJob) -> str:
    """Let two jobs tell of themselves in turn; answers the id of one, which has five events."""
    ids = [(await add_job()).id for _ in range(2)]
    claims = await runs.claim(services, ids, "host:1:a", 30.0)
    for stage in ("reading", "writing", "committing"):
        for job_id in ids:
            await runs.progress(services, [(claims[job_id], {"stage": stage})], with_totals=False)
    return ids[0]


@pytest.mark.parametrize("first", [1, 2, 5])
async def test_the_events_of_one_job_come_page_by_page_in_their_order(
    ask: Ask, add_job: AddJob, services: Services, first: int
) -> None:
    job_id = await _run_side_by_side(services, add_job)
    events: list[Any] = []
    after, has_next = None, True
    while has_next:
        found = (await ask(EVENTS, id=job_id, first=first, after=after))["job"]["events"]
        assert found["totalCount"] == 5
        assert found["pageInfo"]["hasPreviousPage"] is (after is not None)
        events += found["edges"]
        after, has_next = found["pageInfo"]["endCursor"], found["pageInfo"]["hasNextPage"]
    nodes = [edge["node"] for edge in events]
    assert [node["type"] for node in nodes] == ["STATUS"] * 2 + ["PROGRESS"] * 3
    assert [node["status"] for node in nodes[:2]] == ["QUEUED", "RUNNING"]
    assert [node["progress"]["stage"] for node in nodes[2:]] == ["reading", "writing", "committing"]
    assert all(node["job"] == {"id": job_id, "status": "RUNNING"} for node in nodes)
    assert [edge["cursor"] for edge in events] == [node["cursor"] for node in nodes]


async def test_a_subscription_goes_on_behind_a_listed_event(
    ask: Ask, add_job: AddJob, services: Services, schema: HeadgateSchema, make_context: Any
) -> None:
    job_id = await _run_side_by_side(services, add_job)
    edges = (await ask(EVENTS, id=job_id))["job"]["events"]["edges"]
    stream = await schema.subscribe(FOLLOW, {"id": job_id, "after": edges[0]["cursor"]}, make_context())
    event = await anext(stream)
    assert event.data == {"jobProgress": {"cursor": edges[1]["cursor"], "status": "RUNNING"}}
    await stream.aclose()


async def test_a_cursor_of_another_list_is_refused(
    ask: Ask, add_job: AddJob, schema: HeadgateSchema, make_context: Any
) -> None:
    job = await add_job()
    cursor = (await ask("{ jobs { edges { cursor } } }"))["jobs"]["edges"][0]["cursor"]
    context: Context = make_context()
    result = await schema.execute(EVENTS, {"id": job.id, "after": cursor}, context)
    assert result.errors is not None
    assert "INVALID_CURSOR" in str(result.errors[0].original_error)
