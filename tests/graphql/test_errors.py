"""Open errors are listed, counted and linked to, through the schema."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headgate.domain import runs
from headgate.domain.ledgers import ledger_key
from headgate.domain.samples import samples_of
from headgate.domain.services import Services
from headgate.graphql.schema import HeadgateSchema
from headgate.storage.ledger import SCHEMA
from headgate.storage.tables import Job
from tests.graphql.conftest import AddJob, Ask, CountStatements
from tests.services import path_of

FIELDS = "id row line column value code check severity message suggestion record"
SUMMARIES = """
query ($first: Int) {
  jobs(first: $first) { edges { node { errorSummary { code column count rows samples { row job { id } } } } } }
}
"""
LIVE = f"subscription ($id: ID!) {{ jobProgress(jobId: $id) {{ type message errors {{ {FIELDS} }} }} }}"


def fault(row: int, **values: Any) -> dict[str, Any]:
    usual = {
        "column": "age",
        "code": "TYPE",
        "severity": "ERROR",
        "message": "Wrong.",
        "record": '{"age":"x"}',
    }
    return dict.fromkeys(SCHEMA) | {"row": row} | usual | values


@pytest.fixture
def reject(services: Services, add_job: AddJob) -> Any:
    """Add a job that has these errors."""

    async def reject(*faults: dict[str, Any]) -> Job:
        job = await add_job()
        async with services.database.transaction() as session:
            (await session.get_one(Job, job.id)).has_errors = True
        write(path_of(services, ledger_key(job.id)), *faults)
        return job

    return reject


def write(path: Path, *faults: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(faults, schema=SCHEMA).write_parquet(path)


async def test_fifty_summaries_with_samples_cost_as_many_queries_as_two(
    ask: Ask, reject: Any, count_statements: CountStatements
) -> None:
    for _ in range(50):
        await reject(fault(1), fault(2), fault(2, column="name"))
    counts = []
    for first in (2, 50):
        with count_statements() as statements:
            edges = (await ask(SUMMARIES, first=first))["jobs"]["edges"]
        assert len(edges) == first
        for edge in edges:
            assert [(each["count"], len(each["samples"])) for each in edge["node"]["errorSummary"]] == [
                (2, 2),
                (1, 1),
            ]
        counts.append(len([text for text in statements if text.lstrip().startswith("SELECT")]))
    assert counts == [4, 4]


async def test_a_summary_is_grouped_by_what_is_asked_for(ask: Ask, reject: Any) -> None:
    job = await reject(fault(1), fault(2, check="range", severity="WARNING"))
    query = """
    query ($id: ID!, $by: [ErrorGroup!]) {
      job(id: $id) { errorSummary(groupBy: $by) { code column check severity count rows } }
      errorSummary(filter: {job: $id, severity: WARNING}, groupBy: $by) { code column check severity count rows }
    }
    """
    found = await ask(query, id=job.id, by=["SEVERITY", "CHECK"])
    nothing = {"code": None, "column": None, "count": 1, "rows": 1}
    warning = {"check": "range", "severity": "WARNING"} | nothing
    assert found["errorSummary"] == [warning]
    assert found["job"]["errorSummary"] == [{"check": None, "severity": "ERROR"} | nothing, warning]
    assert (await ask(query, id=job.id, by=None))["errorSummary"][0]["code"] == "TYPE"


async def test_groups_must_be_named(schema: HeadgateSchema, make_context: Any, reject: Any) -> None:
    await reject(fault(1))
    for query in (
        "{ errorSummary(filter: {}, groupBy: []) { count } }",
        "{ jobs { edges { node { errorSummary(groupBy: []) { count } } } } }",
    ):
        result = await schema.execute(query, context_value=make_context())
        assert result.errors is not None
        assert "INVALID_ARGUMENT" in str(result.errors[0].original_error)


async def test_a_job_links_to_its_errors_and_rows(ask: Ask, reject: Any) -> None:
    job = await reject(fault(1))
    query = """
    query ($id: ID!, $filter: ErrorFilter) {
      job(id: $id) { errors: errorsDownloadUrl rows: errorsDownloadUrl(content: ROWS, filter: $filter) }
    }
    """
    links = (await ask(query, id=job.id, filter={"code": ["TYPE"], "job": job.id}))["job"]
    assert links["errors"].startswith(f"/downloads/errors/{job.id}.csv?user_")
    assert links["errors"].endswith('{"content": "ERRORS", "filter": {}}')
    assert links["rows"].endswith('{"content": "ROWS", "filter": {"code": ["TYPE"]}}')


async def test_live_errors_are_those_that_the_ledger_then_has(
    schema: HeadgateSchema, make_context: Any, services: Services, ask: Ask, add_job: AddJob
) -> None:
    job = await add_job()
    claim = (await runs.claim(services, [job.id], "host:1:a", 30.0))[job.id]
    faults = [fault(3, line=4, value="x", check="type", suggestion="7"), fault(5)]
    await runs.progress(services, [], [(claim, samples_of(faults))], with_totals=False)
    stream = await schema.subscribe(LIVE, {"id": job.id}, make_context())
    seen = [(await anext(stream)).data or {} for _ in range(3)]
    await stream.aclose()

    async with services.database.transaction() as session:
        (await session.get_one(Job, job.id)).has_errors = True
    write(path_of(services, ledger_key(job.id)), *faults)
    edges = (await ask(f"{{ errors(filter: {{}}) {{ edges {{ node {{ {FIELDS} }} }} }} }}"))["errors"][
        "edges"
    ]

    events = [each["jobProgress"] for each in seen]
    assert [event["type"] for event in events] == ["STATUS", "STATUS", "ERRORS"]
    assert events[2]["message"] == "TYPE in age"
    assert events[2]["errors"] == [edge["node"] for edge in edges]
