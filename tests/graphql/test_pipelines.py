"""Pipelines over GraphQL: made, changed, run and deleted, with everything that they relate to."""

from typing import Any

import pytest

from headgate.domain.services import Services
from headgate.storage.tables import Job, JobStatus, User, utc_now
from tests.graphql.conftest import Ask, CountStatements

SPEC = """{
  source: {records: {records: [{a: 1}]}}
  contract: {columns: [{name: "a", type: INTEGER}]}
  checks: [{required: {columns: ["a"]}}]
  sinks: [{dataset: {name: "sales"}}]
}"""
YAML = """\
name: sales
source:
  records:
    records: [{a: 1}]
contract:
  columns:
  - {name: a, type: INTEGER}
checks:
- required: {columns: [a]}
sinks:
- dataset: {name: sales}
"""
ERRORS = "errors { code path message retryable }"
EVERYTHING = """
query ($name: String!, $since: DateTime) {
  pipeline(name: $name) {
    id name description version enabled spec yaml status createdAt updatedAt
    schedule { cron timezone overlap nextRunAt }
    dataset { name }
    lastJob { id pipelineVersion pipeline { name } }
    jobs(filter: {status: [QUEUED, FAILED]}, first: 1) { totalCount edges { node { id } } pageInfo { hasNextPage } }
    statistics(since: $since) {
      jobs succeeded partial failed canceled successRate rowsRead rowsAccepted rowsRejected durationP50Ms durationP95Ms
      rowsPerSecond lastSucceededAt
    }
    columns { name type nativeType nullable }
    versions(first: 1) { totalCount edges { node { version spec comment createdAt createdBy { email } } } }
    createdBy { email }
  }
}
"""


async def _create(ask: Ask, name: str = "sales", spec: str = SPEC, more: str = "") -> dict[str, Any]:
    made = await ask(
        f'mutation {{ createPipeline(input: {{name: "{name}", spec: {spec} {more}}}) '
        f"{{ pipeline {{ id name version spec yaml }} {ERRORS} }} }}"
    )
    answer: dict[str, Any] = made["createPipeline"]
    return answer


async def _change(ask: Ask, **input: Any) -> dict[str, Any]:
    changed = await ask(
        "mutation ($input: UpdatePipelineInput!) { updatePipeline(input: $input) "
        f"{{ pipeline {{ name version enabled }} {ERRORS} }} }}",
        input=input,
    )
    answer: dict[str, Any] = changed["updatePipeline"]
    return answer


async def _run(ask: Ask, name: str = "sales") -> str:
    ran = await ask(f'mutation {{ runPipeline(input: {{name: "{name}"}}) {{ job {{ id }} {ERRORS} }} }}')
    assert ran["runPipeline"]["errors"] == []
    job_id: str = ran["runPipeline"]["job"]["id"]
    return job_id


async def _end(services: Services, job_id: str, status: JobStatus, **values: Any) -> None:
    """Let a job have ended, without anybody at work."""
    async with services.database.transaction() as session:
        job = await session.get_one(Job, job_id)
        job.status, job.finished_at = status, utc_now()
        for name, value in values.items():
            setattr(job, name, value)


async def test_a_pipeline_is_made_of_a_spec(ask: Ask) -> None:
    made = await _create(ask)
    assert made["errors"] == []
    assert (made["pipeline"]["name"], made["pipeline"]["version"]) == ("sales", 1)
    assert made["pipeline"]["spec"] == {
        "source": {"records": {"records": [{"a": 1}]}},
        "contract": {"columns": [{"name": "a", "type": "INTEGER"}]},
        "checks": [{"required": {"columns": ["a"]}}],
        "sinks": [{"dataset": {"name": "sales"}}],
    }
    assert made["pipeline"]["yaml"] == YAML


async def test_the_same_as_yaml_makes_no_version(ask: Ask) -> None:
    await _create(ask)
    assert (await _change(ask, name="sales", yaml=YAML))["pipeline"]["version"] == 1
    other = await _change(ask, name="sales", yaml=YAML.replace("[a]}", "[a], allowBlank: true}"))
    assert other == {"pipeline": {"name": "sales", "version": 2, "enabled": True}, "errors": []}


async def test_each_mistake_of_a_spec_is_told_with_its_path(ask: Ask) -> None:
    made = await _create(
        ask,
        spec="""{
          checks: [{required: {columns: []}}, {range: {columns: ["a"], min: 2, max: 1}}]
          sinks: [{dataset: {name: "1"}}]
          timeoutSeconds: -1
        }""",
    )
    assert made["pipeline"] is None
    assert {error["code"] for error in made["errors"]} == {"INVALID_SPEC"}
    assert {".".join(error["path"]) for error in made["errors"]} == {
        "input.spec.checks.0.required.columns",
        "input.spec.checks.1.range",
        "input.spec.sinks.0.dataset.name",
        "input.spec.timeoutSeconds",
    }


async def test_mistakes_in_yaml_are_told_with_their_path_too(ask: Ask) -> None:
    await _create(ask)
    wrong = await _change(ask, name="sales", yaml="sinks:\n- dataset: {name: '1'}\nstep: []\n")
    assert [error["path"] for error in wrong["errors"]] == [
        ["input", "yaml", "step"],
        ["input", "yaml", "sinks", "0", "dataset", "name"],
    ]
    [broken] = (await _change(ask, name="sales", yaml="a: [\n"))["errors"]
    assert (broken["code"], broken["path"]) == ("INVALID_YAML", ["input", "yaml"])
    assert broken["message"].startswith("Line 2, column 1: ")


@pytest.mark.parametrize(
    ("input", "code", "path"),
    [
        ({"name": "none"}, "NOT_FOUND", ["input", "name"]),
        ({"name": "sales", "expectedVersion": 7}, "CONFLICT", ["input", "expectedVersion"]),
        ({"name": "sales", "newName": "other"}, "NAME_TAKEN", ["input", "newName"]),
        ({"name": "sales", "yaml": "a: 1", "spec": {}}, "INVALID_ARGUMENT", ["input", "yaml"]),
    ],
    ids=["none", "version", "name", "two ways"],
)
async def test_a_change_that_is_not_possible_is_refused(
    ask: Ask, input: dict[str, Any], code: str, path: list[str]
) -> None:
    await _create(ask)
    await _create(ask, "other")
    answer = await _change(ask, **input)
    assert answer["pipeline"] is None
    assert [(error["code"], error["path"]) for error in answer["errors"]] == [(code, path)]


async def test_a_pipeline_tells_everything_about_itself(
    ask: Ask, services: Services, administrator: User
) -> None:
    schedule = '{cron: "0 6 * * *", timezone: "Europe/Berlin"}'
    await _create(ask, spec=f"{SPEC[:-1]} schedule: {schedule}}}", more='description: "All sales."')
    before = (await ask(EVERYTHING, name="sales"))["pipeline"]
    assert (before["status"], before["lastJob"], before["statistics"]["jobs"]) == (None, None, 0)
    assert (before["dataset"], before["description"]) == (None, "All sales.")
    assert before["columns"] == [{"name": "a", "type": "INTEGER", "nativeType": "Int64", "nullable": True}]
    assert before["schedule"]["nextRunAt"] > before["createdAt"]
    assert {**before["schedule"], "nextRunAt": 0} == {
        "cron": "0 6 * * *",
        "timezone": "Europe/Berlin",
        "overlap": "SKIP",
        "nextRunAt": 0,
    }

    first, second = await _run(ask), await _run(ask)
    await _end(services, first, JobStatus.PARTIAL, rows_read=10, rows_accepted=8, rows_rejected=2)
    await _end(services, second, JobStatus.FAILED)
    after = (await ask(EVERYTHING, name="sales"))["pipeline"]
    assert (after["status"], after["dataset"]) == ("FAILED", {"name": "sales"})
    assert after["lastJob"] == {"id": second, "pipelineVersion": 1, "pipeline": {"name": "sales"}}
    assert after["jobs"] == {
        "totalCount": 1,
        "edges": [{"node": {"id": second}}],
        "pageInfo": {"hasNextPage": False},
    }
    figures = after["statistics"]
    assert (figures["jobs"], figures["partial"], figures["failed"], figures["successRate"]) == (2, 1, 1, 0.5)
    assert (figures["rowsRead"], figures["rowsAccepted"], figures["rowsRejected"]) == (10, 8, 2)
    assert figures["lastSucceededAt"] is not None
    later = await ask(EVERYTHING, name="sales", since="2999-01-01T00:00:00Z")
    assert later["pipeline"]["statistics"]["jobs"] == 0
    assert after["versions"]["totalCount"] == 1
    [version] = [edge["node"] for edge in after["versions"]["edges"]]
    assert (version["version"], version["spec"]) == (1, after["spec"])
    assert version["createdBy"] == after["createdBy"] == {"email": administrator.email}


async def test_a_pipeline_is_found_by_its_id(ask: Ask) -> None:
    made = (await _create(ask))["pipeline"]
    found = await ask("query ($id: ID!) { node(id: $id) { id ... on Pipeline { name } } }", id=made["id"])
    assert found["node"] == {"id": made["id"], "name": "sales"}
    assert (await ask('{ pipeline(name: "none") { id } }'))["pipeline"] is None


async def test_versions_are_read_page_by_page(ask: Ask) -> None:
    await _create(ask)
    for seconds in (1, 2, 3):
        await _change(ask, name="sales", yaml=f"{YAML}timeoutSeconds: {seconds}\n", comment=f"{seconds} s")
    query = """query ($after: String) { pipeline(name: "sales") { versions(first: 3, after: $after) {
      totalCount edges { node { version comment } } pageInfo { hasNextPage endCursor }
    } } }"""
    first = (await ask(query))["pipeline"]["versions"]
    assert [edge["node"] for edge in first["edges"]] == [
        {"version": number, "comment": f"{number - 1} s"} for number in (4, 3, 2)
    ]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (4, True)
    rest = (await ask(query, after=first["pageInfo"]["endCursor"]))["pipeline"]["versions"]
    assert [edge["node"] for edge in rest["edges"]] == [{"version": 1, "comment": None}]
    assert rest["pageInfo"]["hasNextPage"] is False


async def test_the_yaml_of_an_old_version_brings_it_back(ask: Ask) -> None:
    await _create(ask)
    await _change(ask, name="sales", yaml=f"{YAML}timeoutSeconds: 9\n")
    query = """{ pipeline(name: "sales") { versions { edges { node { version yaml } } } } }"""
    written = [edge["node"]["yaml"] for edge in (await ask(query))["pipeline"]["versions"]["edges"]]
    assert written[1] == YAML.removeprefix("name: sales\n")
    assert written[0] == f"{written[1]}timeoutSeconds: 9\n"
    assert (await _change(ask, name="sales", yaml=written[1]))["pipeline"]["version"] == 3


LIST = """
query ($first: Int) {
  pipelines(first: $first) {
    edges { node {
      name status lastJob { id pipeline { name } } jobs(first: 2) { totalCount edges { node { id } } }
      statistics { jobs successRate } versions(first: 1) { totalCount edges { node { createdBy { email } } } }
      dataset { name } createdBy { email } columns { name } yaml
    } }
  }
}
"""


async def test_ten_pipelines_cost_as_many_queries_as_two(ask: Ask, count_statements: CountStatements) -> None:
    for number in range(10):
        await _create(ask, f"p{number:02}", SPEC.replace("sales", f"d{number:02}"))
        await _run(ask, f"p{number:02}")
    counts = []
    for first in (2, 10):
        with count_statements() as statements:
            edges = (await ask(LIST, first=first))["pipelines"]["edges"]
        assert [edge["node"]["name"] for edge in edges] == [f"p{number:02}" for number in range(first)]
        assert all(edge["node"]["lastJob"]["pipeline"]["name"] == edge["node"]["name"] for edge in edges)
        assert all(
            edge["node"]["dataset"]["name"] == edge["node"]["name"].replace("p", "d") for edge in edges
        )
        counts.append(len([text for text in statements if text.lstrip().startswith(("SELECT", "WITH"))]))
    assert counts[0] == counts[1] <= 9


async def test_lists_are_filtered_by_pipelines(ask: Ask, services: Services) -> None:
    await _create(ask)
    await _create(ask, "other", more="enabled: true")
    mine = await _run(ask)
    await _end(services, await _run(ask, "other"), JobStatus.FAILED)
    await _change(ask, name="other", enabled=False)
    found = await ask(
        """{
          jobs(filter: {pipeline: "sales"}) { edges { node { id } } }
          errors(filter: {pipeline: "sales"}) { totalCount }
          jobStatistics(groupBy: PIPELINE) { key jobs }
          failed: pipelines(filter: {status: FAILED}) { totalCount edges { node { name } } }
          disabled: pipelines(filter: {enabled: false}) { totalCount }
          named: pipelines(filter: {nameContains: "SAL"}, orderBy: UPDATED_AT_DESC) { edges { node { name } } }
        }"""
    )
    assert found == {
        "jobs": {"edges": [{"node": {"id": mine}}]},
        "errors": {"totalCount": 0},
        "jobStatistics": [{"key": "other", "jobs": 1}, {"key": "sales", "jobs": 1}],
        "failed": {"totalCount": 1, "edges": [{"node": {"name": "other"}}]},
        "disabled": {"totalCount": 1},
        "named": {"edges": [{"node": {"name": "sales"}}]},
    }


async def test_a_pipeline_is_deleted_once_its_jobs_have_ended(ask: Ask, services: Services) -> None:
    made, job_id = (await _create(ask))["pipeline"], await _run(ask)
    delete = f'mutation {{ deletePipeline(name: "sales") {{ deletedId {ERRORS} }} }}'
    [busy] = (await ask(delete))["deletePipeline"]["errors"]
    assert (busy["code"], busy["path"], busy["retryable"]) == ("PIPELINE_BUSY", ["name"], True)
    await _end(services, job_id, JobStatus.SUCCEEDED)
    assert (await ask(delete))["deletePipeline"] == {"deletedId": made["id"], "errors": []}
    job = await ask("query ($id: ID!) { job(id: $id) { status pipeline { name } } }", id=job_id)
    assert job["job"] == {"status": "SUCCEEDED", "pipeline": None}


async def test_a_run_of_what_is_not_there_is_refused_at_its_name(ask: Ask) -> None:
    ran = await ask(f'mutation {{ runPipeline(input: {{name: "none"}}) {{ job {{ id }} {ERRORS} }} }}')
    [error] = ran["runPipeline"]["errors"]
    assert (error["code"], error["path"]) == ("NOT_FOUND", ["input", "name"])
