"""The story of who may do what, of secrets that stay secret, and of how an operator sees that all is well."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.acceptance.people import Person, counts
from tests.acceptance.processes import Client, Headgate, MakeClient, MakeHeadgate
from tests.restapi import TOKEN, Asked, Reply, RestApi, serving_api

ENDPOINT = (
    "mutation ($input: EndpointInput!) { createEndpoint(input: $input) { errors { code path message } } }"
)
PIPELINE = "mutation ($input: CreatePipelineInput!) { createPipeline(input: $input) { errors { code } } }"
RUN = "mutation ($name: String!) { runPipeline(input: {name: $name}) { job { id } errors { code } } }"
DELETE = 'mutation { deleteEndpoint(name: "crm") { errors { code message } } }'
CHANGE = """
mutation ($settings: JSON!, $secrets: JSON) {
  updateEndpoint(name: "crm", input: {name: "crm", kind: HTTP, settings: $settings, secrets: $secrets}) {
    endpoint { settings secretKeys } errors { code message }
  }
}
"""
TEST = 'mutation { testEndpoint(name: "crm") { ok message latencyMs errors { code } } }'
EVERYTHING = """
{
  endpoints { edges { node { id name kind settings secretKeys createdAt } } }
  pipelines { edges { node { spec yaml lastJob { failure { message details } attempts { failure { message } } } } } }
  jobs { edges { node { failure { message details } events { edges { node { message } } } result { data } } } }
}
"""
HEALTH = "{ viewer { role } health { status activeJobs queuedJobs checks { name status } workers { id } } }"
SPEC = {"source": {"http": {"endpoint": "crm", "path": "/all"}}, "sinks": [{"dataset": {"name": "contacts"}}]}
LEAK = "wr0ng-t0ken"


@pytest.fixture
def crm() -> Iterator[RestApi]:
    """A service that wants a token, and repeats the one that it was given where that is wrong."""
    with serving_api() as api:

        def answer(asked: Asked) -> Reply:
            if not api.wants_bearer(asked):
                return Reply(401, {"error": f"{asked.headers.get('authorization')} is wrong"})
            return Reply(said=[{"id": 1, "name": "Ann Lee"}])

        api.routes |= {"/": answer, "/all": answer}
        yield api


async def is_told_of(client: Client) -> str:
    """All that a client is told of endpoints, pipelines and jobs."""
    return json.dumps(await client.data(EVERYTHING))


async def is_measured(headgate: Headgate) -> dict[tuple[str, ...], Any]:
    """What Prometheus reads, which has no token."""
    async with httpx.AsyncClient(base_url=headgate.url, trust_env=False) as http:
        text = (await http.get("/metrics")).text
    families = text_string_to_metric_families(text)
    return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}


async def test_each_role_does_its_part_and_no_secret_comes_back(
    make_headgate: MakeHeadgate, make_client: MakeClient, crm: RestApi
) -> None:
    headgate = make_headgate(allowed_networks="127.0.0.0/8").start()
    admin, operator, viewer = [await make_client(headgate, role) for role in ("ADMIN", "OPERATOR", "VIEWER")]

    # Who shows no token learns nothing.
    async with httpx.AsyncClient(base_url=headgate.url, trust_env=False) as stranger:
        answer = await stranger.post("/graphql", json={"query": HEALTH})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")

    # Endpoints are for administrators; their secrets go in and never come out.
    endpoint = {"name": "crm", "kind": "HTTP", "settings": {"url": crm.url}, "secrets": {"token": LEAK}}
    for client in (viewer, operator):
        assert await client.refusal(ENDPOINT, input=endpoint) == "FORBIDDEN"
    shown = await Person(admin).has_endpoint("crm", "HTTP", {"token": LEAK}, url=crm.url)
    assert shown["secretKeys"] == ["token"]

    # Pipelines are for operators; a viewer may look at them, and no more.
    assert await viewer.refusal(PIPELINE, input={"name": "contacts", "spec": SPEC}) == "FORBIDDEN"
    await Person(operator).creates_pipeline("contacts", spec=SPEC)
    assert await viewer.refusal(RUN, name="contacts") == "FORBIDDEN"

    # With a wrong token the job fails, and says so without showing it; the right one is put in, and all is well.
    failed = await Person(operator).runs("contacts")
    assert (failed["status"], failed["failure"]["category"]) == ("FAILED", "DEPENDENCY")
    assert (await admin.data(TEST))["testEndpoint"]["ok"] is False
    changed = (await admin.data(CHANGE, settings={"url": crm.url}, secrets={"token": TOKEN}))[
        "updateEndpoint"
    ]
    assert (changed["errors"], changed["endpoint"]["secretKeys"]) == ([], ["token"])
    assert (await admin.data(TEST))["testEndpoint"]["ok"] is True
    assert counts(await Person(operator).runs("contacts")) == {"read": 1, "accepted": 1}
    assert crm.asked[-1].headers["authorization"] == f"Bearer {TOKEN}"
    assert await Person(viewer).sees_rows("contacts") == [{"id": 1, "name": "Ann Lee"}]

    # Neither token stands in any answer, nor in the log or on the disk; an endpoint in use is not deleted.
    for client in (admin, operator):
        told = await is_told_of(client)
        assert "contacts" in told
        assert TOKEN not in told
        assert LEAK not in told
    stored = b"".join(path.read_bytes() for path in headgate.home.rglob("*") if path.is_file())
    assert b"contacts" in stored
    assert TOKEN.encode() not in stored
    assert LEAK.encode() not in stored
    assert (await admin.data(DELETE))["deleteEndpoint"]["errors"][0]["code"] == "IN_USE"

    # The operator on call sees that all is well, and Prometheus what was done.
    seen = await viewer.data(HEALTH)
    assert seen["viewer"]["role"] == "VIEWER"
    health = seen["health"]
    assert (health["status"], health["activeJobs"], health["queuedJobs"]) == ("HEALTHY", 0, 0)
    assert {check["name"] for check in health["checks"]} >= {"database", "store", "queue"}
    measured = await is_measured(headgate)
    assert measured["headgate_jobs", "SUCCEEDED"] == 1
    assert measured["headgate_jobs", "FAILED"] == 1
    assert headgate.stop() == 0
