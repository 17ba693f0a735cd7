"""Lists are Relay connections, paged by keyset."""

from typing import Any

import pytest

from tests.graphql.conftest import AddJob, Ask

PAGE = """
query ($order: JobOrder, $after: String) {
  jobs(first: 2, orderBy: $order, after: $after) {
    edges { cursor node { id } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    totalCount
  }
}
"""


async def _pages(ask: Ask, order: str) -> list[Any]:
    pages: list[Any] = []
    after = None
    while not pages or pages[-1]["pageInfo"]["hasNextPage"]:
        pages.append((await ask(PAGE, order=order, after=after))["jobs"])
        after = pages[-1]["pageInfo"]["endCursor"]
    return pages


@pytest.mark.parametrize("order", ["CREATED_AT_ASC", "CREATED_AT_DESC"])
async def test_pages_follow_each_other_in_order(ask: Ask, add_job: AddJob, order: str) -> None:
    jobs = [(await add_job()).id for _ in range(5)]
    pages = await _pages(ask, order)
    found = [edge["node"]["id"] for page in pages for edge in page["edges"]]
    assert found == (jobs if order == "CREATED_AT_ASC" else jobs[::-1])
    assert [page["totalCount"] for page in pages] == [5, 5, 5]
    assert [page["pageInfo"]["hasPreviousPage"] for page in pages] == [False, True, True]
    assert pages[0]["pageInfo"]["startCursor"] == pages[0]["edges"][0]["cursor"]


async def test_an_empty_page_has_no_cursors(ask: Ask) -> None:
    assert (await ask(PAGE))["jobs"] == {
        "edges": [],
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None},
        "totalCount": 0,
    }


async def test_filters_join_by_and_and_null_matches_all(ask: Ask, add_job: AddJob) -> None:
    job, other = await add_job(), await add_job()
    query = "query ($filter: JobFilter) { jobs(filter: $filter) { edges { node { id } } } }"

    async def found(**conditions: object) -> list[str]:
        edges = (await ask(query, filter=conditions))["jobs"]["edges"]
        return [edge["node"]["id"] for edge in edges]

    assert await found(file=job.file_id) == [job.id]
    assert await found(file=job.file_id, status=["FAILED"]) == []
    assert await found(file=None, status=None) == [other.id, job.id]
    assert await found(dataset=f"of_{other.file_id}") == [other.id]
    assert await found(ids=[]) == []


async def test_a_file_lists_its_jobs(ask: Ask, add_job: AddJob) -> None:
    job = await add_job()
    query = "query ($id: ID!) { file(id: $id) { jobs { edges { node { id file { id } } } } } }"
    edges = (await ask(query, id=job.file_id))["file"]["jobs"]["edges"]
    assert edges == [{"node": {"id": job.id, "file": {"id": job.file_id}}}]
