"""Endpoints over GraphQL: everything is shown but their secrets."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from headgate.domain.services import Services
from headgate.graphql.context import Context
from headgate.graphql.schema import HeadgateSchema
from headgate.storage.tables import Role
from tests.graphql.conftest import Ask

SECRET = "s3cret"
FIELDS = "endpoint { id name kind settings secretKeys createdAt } errors { code message path }"
CREATE = f"mutation ($input: EndpointInput!) {{ done: createEndpoint(input: $input) {{ {FIELDS} }} }}"
UPDATE = (
    f"mutation ($name: String!, $input: EndpointInput!) "
    f"{{ done: updateEndpoint(name: $name, input: $input) {{ {FIELDS} }} }}"
)
DELETE = "mutation ($name: String!) { done: deleteEndpoint(name: $name) { deletedId errors { code path } } }"
TEST = "mutation ($name: String!) { done: testEndpoint(name: $name) { ok latencyMs message errors { code path } } }"
API = {
    "name": "ads",
    "kind": "HTTP",
    "settings": {"url": "https://api.example.com"},
    "secrets": {"token": SECRET},
}


@pytest.fixture
def do(ask: Ask) -> Ask:
    """Run a mutation; nothing of what it answers tells a secret."""

    async def do(mutation: str, **variables: Any) -> Any:
        done = (await ask(mutation, **variables))["done"]
        assert SECRET not in json.dumps(done)
        return done

    return do


async def test_an_endpoint_is_created_changed_found_listed_and_deleted(ask: Ask, do: Ask) -> None:
    created = (await do(CREATE, input=API))["endpoint"]
    assert created["id"].startswith("endpoint_")
    assert (created["settings"], created["secretKeys"]) == (API["settings"], ["token"])
    changed = {**API, "settings": {"url": "https://b.example.com"}, "secrets": None}
    updated = (await do(UPDATE, name="ads", input=changed))["endpoint"]
    assert (updated["settings"], updated["secretKeys"]) == (changed["settings"], ["token"])
    found = await ask(
        "query ($id: ID!) { node(id: $id) { id ... on Endpoint { name } } "
        "endpoints { totalCount edges { node { name secretKeys } } } }",
        id=created["id"],
    )
    assert found["node"] == {"id": created["id"], "name": "ads"}
    assert found["endpoints"] == {
        "totalCount": 1,
        "edges": [{"node": {"name": "ads", "secretKeys": ["token"]}}],
    }
    assert await do(DELETE, name="ads") == {"deletedId": created["id"], "errors": []}
    assert await do(DELETE, name="ads") == {
        "deletedId": None,
        "errors": [{"code": "NOT_FOUND", "path": ["name"]}],
    }


@pytest.mark.parametrize(
    ("change", "code", "path"),
    [
        ({"name": "a b"}, "INVALID_NAME", ["input", "name"]),
        ({"settings": {}}, "INVALID_ENDPOINT", ["input", "settings", "url"]),
        ({"settings": [1]}, "INVALID_ENDPOINT", ["input", "settings"]),
        ({"secrets": "s3cret"}, "INVALID_ENDPOINT", ["input", "secrets"]),
        ({"settings": {"url": "https://u:s3cret@a"}}, "INVALID_ENDPOINT", ["input", "settings", "url"]),
        ({"secrets": {"token": ["s3cret"]}}, "INVALID_ENDPOINT", ["input", "secrets", "token"]),
    ],
    ids=["name", "missing", "list", "text", "password", "token"],
)
async def test_what_is_wrong_is_told_where_it_is(
    do: Ask, change: dict[str, Any], code: str, path: list[str]
) -> None:
    done = await do(CREATE, input={**API, **change})
    assert done["endpoint"] is None
    assert [(error["code"], error["path"]) for error in done["errors"]] == [(code, path)]


async def test_an_update_says_which_name_is_wrong(do: Ask) -> None:
    await do(CREATE, input=API)
    await do(CREATE, input={**API, "name": "meta"})
    absent = await do(UPDATE, name="none", input=API)
    assert [(error["code"], error["path"]) for error in absent["errors"]] == [("NOT_FOUND", ["name"])]
    taken = await do(UPDATE, name="ads", input={**API, "name": "meta"})
    assert [(error["code"], error["path"]) for error in taken["errors"]] == [
        ("ALREADY_EXISTS", ["input", "name"])
    ]


async def test_an_endpoint_is_tested(do: Ask, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    async def answer(*_: Any, **__: Any) -> dict[str, Any]:
        return {"ok": True, "latency_ms": 2.5, "message": "Fine."}

    monkeypatch.setattr(services.inspector, "run", answer)
    await do(CREATE, input=API)
    assert await do(TEST, name="ads") == {"ok": True, "latencyMs": 2.5, "message": "Fine.", "errors": []}
    assert await do(TEST, name="none") == {
        "ok": False,
        "latencyMs": None,
        "message": None,
        "errors": [{"code": "NOT_FOUND", "path": ["name"]}],
    }


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_whoever_may_read_sees_endpoints(
    schema: HeadgateSchema, make_context: Callable[..., Context], do: Ask
) -> None:
    created = (await do(CREATE, input=API))["endpoint"]
    query = f'{{ endpoints {{ edges {{ node {{ settings secretKeys }} }} }} node(id: "{created["id"]}") {{ id }} }}'
    result = await schema.execute(query, context_value=make_context(Role.VIEWER))
    assert result.errors is None
    assert SECRET not in json.dumps(result.data)
    assert result.data == {
        "endpoints": {"edges": [{"node": {"settings": API["settings"], "secretKeys": ["token"]}}]},
        "node": {"id": created["id"]},
    }
