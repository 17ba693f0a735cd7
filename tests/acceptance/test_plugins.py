"""A server takes along the kinds of other packages: those of the example in the docs, as they stand there."""

import json
import os
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.endpoints import make_endpoint
from tests.acceptance.processes import Client, Headgate, MakeClient
from tests.packages import installed
from tests.restapi import Reply, RestApi, serving_api

EXAMPLE = Path(__file__).parents[2] / "docs/plugins/headgate_example"
STRAY = """
from headgate_example import FiscalYear
class Trim(FiscalYear):
    kind = "trim"
"""
CATALOG = """{
  catalog { sources { ...E } steps { ...E } checks { ...E } sinks { ...E } }
}
fragment E on CatalogEntry { name summary example needs }
"""
DELETE = 'mutation { deleteEndpoint(name: "chat") { deletedId } }'
YEARS = '{ __type(name: "HeadgateExampleNamedAfter") { enumValues { name } } }'
INPUT = "query ($name: String!) { __type(name: $name) { inputFields { name description type { name } } } }"
CREATE = """
mutation ($input: CreatePipelineInput!) {
  createPipeline(input: $input) { pipeline { name } errors { code path } }
}
"""
RUN = """
mutation ($name: String!) {
  runPipeline(input: {name: $name, waitSeconds: 30}) {
    job {
      status counts { read accepted rejected } failure { code message } result { data }
      errors { edges { node { row code check value } } }
      dataset { rows { records } }
    }
  }
}
"""
INGEST = """
mutation ($spec: PipelineSpecInput!) {
  ingest(input: {spec: $spec, waitSeconds: 30}) { job { status failure { code message } } errors { path message } }
}
"""
PIPELINE = """
source:
  days: {first: 2026-03-27, last: 2026-04-02}
steps:
- fiscalYear: {column: date, firstMonth: 4, namedAfter: BEGIN}
checks:
- workday: {columns: [date]}
sinks:
- dataset: {name: opening_days}
- announce: {endpoint: chat, text: "Opening days:"}
"""


def install_example(folder: Path) -> None:
    """Install the package of the docs into a folder, with what its pyproject.toml says."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())
    installed(folder, "headgate_example", project["project"]["entry-points"])
    for module in project["tool"]["setuptools"]["py-modules"]:
        (folder / f"{module}.py").write_text((EXAMPLE / f"{module}.py").read_text())


def install_stray(folder: Path) -> None:
    """Install a package whose kinds can't be used: one has no module, the other a name that is taken."""
    entries = {"lost": "headgate_lost:Lost", "trim": "headgate_stray:Trim"}
    installed(folder, "headgate_stray", {"headgate.steps": entries})
    (folder / "headgate_stray.py").write_text(STRAY)


@pytest.fixture(scope="module")
def headgate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headgate]:
    """A server beside which packages are installed."""
    folder = tmp_path_factory.mktemp("packages")
    install_example(folder)
    install_stray(folder)
    path = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))
    settings = {
        "PYTHONPATH": path,
        "HEADGATE_WORKERS": "1",
        "HEADGATE_LOG_FORMAT": "json",
        "HEADGATE_ALLOWED_NETWORKS": "127.0.0.0/8",
    }
    headgate = Headgate(folder / "home", settings).start()
    yield headgate
    headgate.stop()


@pytest.fixture
async def client(headgate: Headgate, make_client: MakeClient) -> Client:
    """An administrator's client of that server."""
    return await make_client(headgate)


@pytest.fixture
async def chat(client: Client) -> AsyncIterator[RestApi]:
    """A web hook, and an endpoint that leads there."""
    with serving_api() as api:
        api.routes["/hook"] = lambda asked: Reply(204)
        await client.data(DELETE)
        await make_endpoint(client, "chat", "HTTP", {"url": f"{api.url}/hook"})
        yield api


async def _fields(client: Client, name: str) -> dict[str, Any]:
    fields = (await client.data(INPUT, name=name))["__type"]["inputFields"]
    return {field["name"]: field for field in fields}


async def test_kinds_of_a_package_are_there_like_all_others_and_stray_ones_are_only_named_in_the_log(
    headgate: Headgate, client: Client, chat: RestApi
) -> None:
    catalog = (await client.data(CATALOG))["catalog"]
    brought = {"sources": "days", "steps": "fiscalYear", "checks": "workday", "sinks": "announce"}
    for noun, kind in brought.items():
        (entry,) = [entry for entry in catalog[noun] if entry["name"] == kind]
        field = (await _fields(client, f"{noun[:-1].capitalize()}Input"))[kind]
        assert field["description"] == entry["summary"]
        answer = (await client.data(INGEST, spec=entry["example"]))["ingest"]
        assert (answer["errors"], answer["job"]["failure"]) == ([], None), kind
    assert [each["needs"] for each in catalog["sinks"] if each["name"] == "announce"] == [
        "The example needs an endpoint chat of the kind HTTP."
    ]
    years = (await client.data(YEARS))["__type"]["enumValues"]
    assert [each["name"] for each in years] == ["BEGIN", "END"]
    told = [json.loads(line) for line in (headgate.home / "serve.log").read_text().splitlines()]
    stray = [each for each in told if each["event"].startswith("Left out of headgate.steps")]
    assert {each["level"] for each in stray} == {"warning"}
    for entry in ("lost = headgate_lost:Lost", "trim = headgate_stray:Trim"):
        assert any(entry in each["event"] for each in stray)
    assert {"first", "last"} == (await _fields(client, "DaysSourceInput")).keys()
    assert {"columns", "chars", "emptyAsNull"} == (await _fields(client, "TrimStepInput")).keys()


async def test_a_pipeline_runs_through_a_source_a_step_a_check_and_a_sink_of_a_package(
    client: Client, chat: RestApi
) -> None:
    made = (await client.data(CREATE, input={"name": "opening", "yaml": PIPELINE}))["createPipeline"]
    assert made["errors"] == []
    job = (await client.data(RUN, name="opening"))["runPipeline"]["job"]
    assert (job["status"], job["failure"]) == ("PARTIAL", None)
    assert job["counts"] == {"read": 7, "accepted": 5, "rejected": 2}
    assert [(edge["node"]["code"], edge["node"]["value"]) for edge in job["errors"]["edges"]] == [
        ("WEEKEND", "2026-03-28"),
        ("WEEKEND", "2026-03-29"),
    ]
    assert job["dataset"]["rows"]["records"] == [
        {"date": "2026-03-27", "fiscal_year": 2025},
        {"date": "2026-03-30", "fiscal_year": 2025},
        {"date": "2026-03-31", "fiscal_year": 2025},
        {"date": "2026-04-01", "fiscal_year": 2026},
        {"date": "2026-04-02", "fiscal_year": 2026},
    ]
    (asked,) = chat.asked
    assert asked.json == {"text": "Opening days: 5"}
    assert asked.headers["idempotency-key"]


async def test_wrong_settings_of_such_kinds_are_refused_with_their_paths(client: Client) -> None:
    spec = {
        "source": {"days": {"first": "2026-04-02", "last": "2026-03-27"}},
        "steps": [{"fiscalYear": {"column": "date", "firstMonth": 13}}],
        "checks": [{"workday": {"columns": []}}],
        "sinks": [{"announce": {"endpoint": "chat", "text": ""}}],
    }
    made = (await client.data(CREATE, input={"name": "wrong", "spec": spec}))["createPipeline"]
    assert [error["path"] for error in made["errors"]] == [
        ["input", "spec", "source", "days"],
        ["input", "spec", "steps", "0", "fiscalYear", "firstMonth"],
        ["input", "spec", "checks", "0", "workday", "columns"],
        ["input", "spec", "sinks", "0", "announce", "text"],
    ]
