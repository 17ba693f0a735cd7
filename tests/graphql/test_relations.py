"""Relations cost one query each, however many objects have them."""

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


async def test_the_total_is_counted_only_when_it_is_asked_for(
    ask: Ask, add_job: AddJob, count_statements: CountStatements
) -> None:
    await add_job()
    with count_statements() as statements:
        await ask("{ jobs { pageInfo { hasNextPage } } }")
    assert not any("count(" in text for text in statements)
    assert await ask("{ jobs { totalCount } }") == {"jobs": {"totalCount": 1}}
