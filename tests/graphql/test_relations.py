"""Relations cost one query each, however many objects have them."""

from datetime import timedelta

from headgate.domain import batch_ingest, cancellation, retries
from headgate.domain.batch_ingest import BatchRequest
from headgate.domain.ingest import IngestRequest
from headgate.domain.permissions import Principal
from headgate.domain.retries import RetryRequest
from headgate.domain.services import Services
from headgate.storage.formats import FileFormat
from headgate.storage.tables import CancelMode, Job, Role, User, utc_now
from tests.graphql.conftest import AddJob, Ask, CountStatements

JOBS = """
query ($first: Int) {
  jobs(first: $first) {
    edges { node { file { name createdBy { email } } dataset { name } createdBy { email } attempts { number } } }
  }
}
"""


async def test_fifty_jobs_cost_as_many_queries_as_two(
    ask: Ask, add_job: AddJob, count_statements: CountStatements
) -> None:
    for _ in range(50):
        await add_job()
    counts = []
    for first in (2, 50):
        with count_statements() as statements:
            edges = (await ask(JOBS, first=first))["jobs"]["edges"]
        assert len(edges) == first
        assert all(edge["node"]["dataset"]["name"].startswith("of_file_") for edge in edges)
        counts.append(len([text for text in statements if text.lstrip().startswith("SELECT")]))
    assert counts == [5, 5]


BATCHES = """
query ($first: Int) {
  jobs(first: $first) {
    edges {
      node { id parent { id retryOf { id } } retryOf { id kind } availableActions { action allowed reason } }
    }
  }
}
"""
BATCH = """
query ($id: ID!, $first: Int, $after: String) {
  job(id: $id) {
    retryOf { retries { edges { node { id } } } }
    children(first: $first, after: $after, filter: {status: QUEUED}) {
      totalCount edges { node { id file { name } parent { id } } } pageInfo { hasNextPage endCursor }
    }
    retries { totalCount }
  }
}
"""


LISTS = """
query ($ids: [ID!]) {
  jobs(filter: {ids: $ids}) {
    edges {
      node {
        id
        retries(first: 1) { totalCount edges { node { id } } }
        children(first: 2, filter: {status: QUEUED}) {
          totalCount pageInfo { hasNextPage } edges { node { id children { totalCount } } }
        }
      }
    }
  }
}
"""


async def _retried_batch(services: Services, administrator: User, items: int) -> tuple[Job, Job]:
    """Start a batch, stop it and try it again; answers the first and the second one."""
    operator = Principal(administrator.id, Role.OPERATOR, utc_now() + timedelta(hours=1))
    item = IngestRequest(dataset="sales", text="a", format=FileFormat.CSV)
    batch = (await batch_ingest.submit(services, operator, BatchRequest([item] * items))).job
    assert batch is not None
    await cancellation.cancel(services, operator, batch.id, CancelMode.SAFE)
    return batch, (await retries.retry(services, operator, RetryRequest(batch.id))).job


async def test_parents_and_retries_cost_as_many_queries_for_few_as_for_many(
    ask: Ask, services: Services, administrator: User, count_statements: CountStatements
) -> None:
    await _retried_batch(services, administrator, 20)
    counts = []
    for first in (2, 21):
        with count_statements() as statements:
            nodes = [edge["node"] for edge in (await ask(BATCHES, first=first))["jobs"]["edges"]]
        assert len([node for node in nodes if node["retryOf"] or node["parent"]]) == first
        counts.append(len([text for text in statements if text.lstrip().startswith("SELECT")]))
    assert counts[0] == counts[1] <= 4


async def test_lists_of_many_jobs_cost_as_many_queries_as_of_two(
    ask: Ask, services: Services, administrator: User, count_statements: CountStatements
) -> None:
    batches = [await _retried_batch(services, administrator, items) for items in (1, 2, 3)]
    wanted = [batch.id for pair in batches for batch in pair]
    counts, found = [], {}
    for ids in (wanted[:2], wanted):
        with count_statements() as statements:
            edges = (await ask(LISTS, ids=ids))["jobs"]["edges"]
        counts.append(len([text for text in statements if text.lstrip().startswith(("SELECT", "WITH"))]))
        found = {edge["node"]["id"]: edge["node"] for edge in edges}
    assert counts[0] == counts[1]
    for items, (first, again) in enumerate(batches, 1):
        children = [item["job"] for item in again.spec["items"]]
        assert found[first.id]["retries"] == {"totalCount": 1, "edges": [{"node": {"id": again.id}}]}
        assert found[again.id]["retries"] == {"totalCount": 0, "edges": []}
        assert found[again.id]["children"] == {
            "totalCount": items,
            "pageInfo": {"hasNextPage": items > 2},
            "edges": [{"node": {"id": child, "children": {"totalCount": 0}}} for child in children[:2]],
        }
        assert found[first.id]["children"]["totalCount"] == 0


async def test_a_batch_lists_its_items_page_by_page_in_their_order(
    ask: Ask, services: Services, administrator: User
) -> None:
    first, again = await _retried_batch(services, administrator, 5)
    pages = [(await ask(BATCH, id=again.id, first=3))["job"]]
    cursor = pages[0]["children"]["pageInfo"]["endCursor"]
    pages.append((await ask(BATCH, id=again.id, first=3, after=cursor))["job"])

    found = [edge["node"] for page in pages for edge in page["children"]["edges"]]
    assert [node["id"] for node in found] == [item["job"] for item in again.spec["items"]]
    assert {node["parent"]["id"] for node in found} == {again.id}
    assert [page["children"]["totalCount"] for page in pages] == [5, 5]
    assert [page["children"]["pageInfo"]["hasNextPage"] for page in pages] == [True, False]
    assert pages[0]["retryOf"]["retries"]["edges"] == [{"node": {"id": again.id}}]
    stopped = (await ask(BATCH, id=first.id))["job"]
    assert (stopped["children"]["totalCount"], stopped["retries"]["totalCount"]) == (0, 1)


async def test_the_total_is_counted_only_when_it_is_asked_for(
    ask: Ask, add_job: AddJob, count_statements: CountStatements
) -> None:
    await add_job()
    with count_statements() as statements:
        await ask("{ jobs { pageInfo { hasNextPage } } }")
    assert not any("count(" in text for text in statements)
    assert await ask("{ jobs { totalCount } }") == {"jobs": {"totalCount": 1}}
