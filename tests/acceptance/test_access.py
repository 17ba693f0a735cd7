"""Who gets in, over HTTP: passwords, tokens and API keys, and how soon it counts that they are taken away."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.acceptance.processes import Client, Headgate

PASSWORD = "correct horse battery staple"
TOKENS = "accessToken refreshToken expiresAt user { email role } errors { code message path retryable }"
LOGIN = "mutation ($email: String!, $password: String!) { done: login(email: $email, password: $password) { %s } }"
REFRESH = "mutation ($refresh: String!) { done: refreshToken(refreshToken: $refresh) { %s } }"
LOGOUT = "mutation ($refresh: String!) { done: logout(refreshToken: $refresh) { deletedId errors { code message } } }"
CREATE = """
mutation ($input: CreateUserInput!) { done: createUser(input: $input) { user { id } errors { code message path } } }
"""
UPDATE = """
mutation ($id: ID!, $input: UpdateUserInput!) {
  done: updateUser(id: $id, input: $input) { user { role active } errors { code path } }
}
"""
DELETE = "mutation ($id: ID!) { done: deleteUser(id: $id) { deletedId errors { code path } } }"
CHANGE = """
mutation ($current: String!, $new: String!) {
  done: changePassword(current: $current, new: $new) { user { email } errors { code path } }
}
"""
MAKE_KEY = """
mutation ($input: CreateApiKeyInput!) {
  done: createApiKey(input: $input) {
    secret apiKey { id name role prefix lastUsedAt expiresAt user { email } } errors { code message path }
  }
}
"""
REVOKE = "mutation ($id: ID!) { done: revokeApiKey(id: $id) { deletedId errors { code path } } }"
KEYS = "{ apiKeys { totalCount edges { node { id name role prefix lastUsedAt user { id } } } } }"
VIEWER = "{ viewer { role user { id email } } }"
FILE = "query ($id: ID!) { file(id: $id) { createdBy { id } } }"


class Caller:
    """Somebody who asks with a token, or with none."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def asks(self, query: str, token: str | None = None, **variables: object) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        body = {"query": query, "variables": variables}
        response = await self.http.post("/graphql", json=body, headers=headers)
        assert response.status_code < 500, response.text
        return response

    async def does(self, query: str, token: str | None = None, **variables: object) -> Any:
        """What a mutation answers."""
        return (await self.asks(query, token, **variables)).json()["data"]["done"]

    async def code(self, query: str, token: str | None = None, **variables: object) -> str:
        """Why a mutation refuses."""
        errors = (await self.does(query, token, **variables))["errors"]
        code: str = errors[0]["code"]
        return code

    async def signs_in(self, email: str, password: str = PASSWORD) -> Any:
        done = await self.does(LOGIN % TOKENS, email=email, password=password)
        assert done["errors"] == []
        return done

    async def is_in(self, token: str) -> bool:
        response = await self.asks(VIEWER, token)
        assert response.status_code in (200, 401)
        return response.status_code == 200


@pytest.fixture
async def caller(shared_headgate: Headgate) -> AsyncIterator[Caller]:
    async with AsyncExitStack() as stack:
        http = httpx.AsyncClient(base_url=shared_headgate.url, timeout=60, trust_env=False)
        yield Caller(await stack.enter_async_context(http))


@pytest.fixture
async def ann(client: Client) -> dict[str, str]:
    """A user of this test alone."""
    return await added(client, "OPERATOR")


async def added(client: Client, role: str) -> dict[str, str]:
    email = f"{uuid4().hex}@example.org"
    given = {"email": email, "password": PASSWORD, "role": role}
    done = (await client.data(CREATE, input=given))["done"]
    assert done["errors"] == []
    return {"id": done["user"]["id"], "email": email}


async def test_somebody_signs_in_stays_so_and_signs_out(caller: Caller, ann: dict[str, str]) -> None:
    first = await caller.signs_in(ann["email"].upper())
    assert first["user"] == {"email": ann["email"], "role": "OPERATOR"}
    seen = (await caller.asks(VIEWER, first["accessToken"])).json()["data"]["viewer"]
    assert seen == {"role": "OPERATOR", "user": ann}

    second = await caller.does(REFRESH % TOKENS, refresh=first["refreshToken"])
    assert await caller.is_in(second["accessToken"])
    ended = await caller.does(LOGOUT, refresh=second["refreshToken"])
    assert (ended["errors"], ended["deletedId"].startswith("session_")) == ([], True)
    for tokens in (first, second):
        assert not await caller.is_in(tokens["accessToken"])
        assert await caller.code(REFRESH % TOKENS, refresh=tokens["refreshToken"]) == "UNAUTHENTICATED"


async def test_a_refresh_token_that_comes_again_ends_its_session(caller: Caller, ann: dict[str, str]) -> None:
    first, other = await caller.signs_in(ann["email"]), await caller.signs_in(ann["email"])
    second = await caller.does(REFRESH % TOKENS, refresh=first["refreshToken"])
    assert await caller.is_in(second["accessToken"])

    reused = await caller.does(REFRESH % TOKENS, refresh=first["refreshToken"])

    assert (reused["accessToken"], reused["errors"][0]["code"]) == (None, "UNAUTHENTICATED")
    assert not await caller.is_in(second["accessToken"])
    assert await caller.code(REFRESH % TOKENS, refresh=second["refreshToken"]) == "UNAUTHENTICATED"
    assert await caller.is_in(other["accessToken"])


async def test_whoever_fails_learns_nothing_and_is_held_up(caller: Caller, ann: dict[str, str]) -> None:
    tries = [(ann["email"], "wrong"), (f"{uuid4().hex}@example.org", PASSWORD)]
    wrong, unknown = [await caller.does(LOGIN % TOKENS, email=email, password=word) for email, word in tries]
    assert wrong == unknown
    assert (wrong["accessToken"], wrong["errors"][0]["code"]) == (None, "UNAUTHENTICATED")
    for _ in range(9):
        assert await caller.code(LOGIN % TOKENS, email=ann["email"], password="wrong") == "UNAUTHENTICATED"
    held_up = await caller.does(LOGIN % TOKENS, email=ann["email"], password=PASSWORD)
    (error,) = held_up["errors"]
    assert (error["code"], error["retryable"]) == ("RATE_LIMITED", True)
    assert "Try again in " in error["message"]


async def test_a_refresh_token_opens_no_door(caller: Caller, ann: dict[str, str]) -> None:
    tokens = await caller.signs_in(ann["email"])
    assert not await caller.is_in(tokens["refreshToken"])
    assert await caller.code(REFRESH % TOKENS, refresh=tokens["accessToken"]) == "UNAUTHENTICATED"


async def test_a_changed_role_counts_at_once(caller: Caller, client: Client, ann: dict[str, str]) -> None:
    token = (await caller.signs_in(ann["email"]))["accessToken"]
    key = (await caller.does(MAKE_KEY, token, input={"name": "a", "role": "OPERATOR"}))["secret"]
    for role, of_key in (("VIEWER", "VIEWER"), ("ADMIN", "OPERATOR")):
        done = (await client.data(UPDATE, id=ann["id"], input={"role": role}))["done"]
        assert done == {"user": {"role": role, "active": True}, "errors": []}
        for shown, expected in ((token, role), (key, of_key)):
            assert (await caller.asks(VIEWER, shown)).json()["data"]["viewer"]["role"] == expected


async def test_a_deactivated_user_is_out_at_once(caller: Caller, client: Client, ann: dict[str, str]) -> None:
    tokens = await caller.signs_in(ann["email"])
    key = (await caller.does(MAKE_KEY, tokens["accessToken"], input={"name": "a", "role": "VIEWER"}))[
        "secret"
    ]
    assert await caller.is_in(key)
    await client.data(UPDATE, id=ann["id"], input={"active": False})
    assert not await caller.is_in(tokens["accessToken"])
    assert not await caller.is_in(key)
    assert await caller.code(LOGIN % TOKENS, email=ann["email"], password=PASSWORD) == "UNAUTHENTICATED"


async def test_what_a_deleted_user_made_stays_and_names_nobody(
    caller: Caller, client: Client, ann: dict[str, str]
) -> None:
    token = (await caller.signs_in(ann["email"]))["accessToken"]
    async with httpx.AsyncClient(
        base_url=client.url, headers={"authorization": f"Bearer {token}"}, trust_env=False
    ) as http:
        file = (await Client(http, client.url, token).upload(b"a\n1\n"))["file"]
    assert (await client.data(FILE, id=file["id"]))["file"]["createdBy"] == {"id": ann["id"]}

    assert (await client.data(DELETE, id=ann["id"]))["done"] == {"deletedId": ann["id"], "errors": []}

    assert (await client.data(FILE, id=file["id"]))["file"]["createdBy"] is None
    assert (await client.data("query ($id: ID!) { node(id: $id) { id } }", id=ann["id"]))["node"] is None
    users = await client.data("{ users(first: 200) { edges { node { id email } } } }")
    assert ann["id"] not in [edge["node"]["id"] for edge in users["users"]["edges"]]
    assert not await caller.is_in(token)


async def test_a_changed_password_ends_all_tokens_and_other_sessions(
    caller: Caller, ann: dict[str, str]
) -> None:
    mine, other = await caller.signs_in(ann["email"]), await caller.signs_in(ann["email"])
    new = "another horse battery staple"
    wrong = await caller.does(CHANGE, mine["accessToken"], current="wrong", new=new)
    assert wrong["errors"] == [{"code": "UNAUTHENTICATED", "path": ["current"]}]
    weak = await caller.does(CHANGE, mine["accessToken"], current=PASSWORD, new="short")
    assert weak["errors"] == [{"code": "INVALID_PASSWORD", "path": ["new"]}]

    done = await caller.does(CHANGE, mine["accessToken"], current=PASSWORD, new=new)

    assert done == {"user": {"email": ann["email"]}, "errors": []}
    assert not await caller.is_in(mine["accessToken"])
    assert not await caller.is_in(other["accessToken"])
    assert await caller.code(REFRESH % TOKENS, refresh=other["refreshToken"]) == "UNAUTHENTICATED"
    renewed = await caller.does(REFRESH % TOKENS, refresh=mine["refreshToken"])
    assert await caller.is_in(renewed["accessToken"])
    assert await caller.is_in((await caller.signs_in(ann["email"], new))["accessToken"])


async def test_a_key_stands_for_its_user_until_it_is_revoked(caller: Caller, ann: dict[str, str]) -> None:
    token = (await caller.signs_in(ann["email"]))["accessToken"]
    asked = {"name": "nightly", "role": "VIEWER", "expiresInDays": 7}
    made = await caller.does(MAKE_KEY, token, input=asked)
    key, secret = made["apiKey"], made["secret"]
    assert (key["user"], key["lastUsedAt"], made["errors"]) == ({"email": ann["email"]}, None, [])
    assert secret.startswith(key["prefix"])
    seen = (await caller.asks(VIEWER, secret)).json()["data"]["viewer"]
    assert seen == {"role": "VIEWER", "user": ann}

    # It can neither make nor revoke keys, nor change passwords.
    assert await caller.code(MAKE_KEY, secret, input=asked) == "FORBIDDEN"
    assert await caller.code(REVOKE, secret, id=key["id"]) == "FORBIDDEN"
    assert await caller.code(CHANGE, secret, current=PASSWORD, new=PASSWORD) == "FORBIDDEN"
    listed = (await caller.asks(KEYS, secret)).json()
    assert [edge["node"]["id"] for edge in listed["data"]["apiKeys"]["edges"]] == [key["id"]]
    assert listed["data"]["apiKeys"]["totalCount"] == 1
    assert secret not in str(listed)

    assert await caller.does(REVOKE, token, id=key["id"]) == {"deletedId": key["id"], "errors": []}
    assert not await caller.is_in(secret)
    assert await caller.code(REVOKE, token, id=key["id"]) == "NOT_FOUND"


@pytest.mark.parametrize(
    "key",
    ["hg_", "hg_" + "0" * 26, f"hg_{'0' * 26}_{'A' * 43}", "hg_\u00e9", "hg_" + "x" * 5_000],
    ids=["start", "id alone", "unknown", "not ascii", "long"],
)
async def test_what_only_looks_like_a_key_opens_no_door(caller: Caller, key: str) -> None:
    response = await caller.http.post(
        "/graphql", json={"query": VIEWER}, headers=[(b"authorization", f"Bearer {key}".encode())]
    )
    assert response.status_code == 401


async def test_an_administrator_sees_and_revokes_the_keys_of_all(
    caller: Caller, client: Client, ann: dict[str, str]
) -> None:
    token = (await caller.signs_in(ann["email"]))["accessToken"]
    made = await caller.does(MAKE_KEY, token, input={"name": "a", "role": "VIEWER"})
    edges = (await client.data(KEYS))["apiKeys"]["edges"]
    assert ann["id"] in [edge["node"]["user"]["id"] for edge in edges]
    assert (await client.data(REVOKE, id=made["apiKey"]["id"]))["done"]["errors"] == []
    assert not await caller.is_in(made["secret"])


async def test_nobody_gives_more_than_they_have(caller: Caller, ann: dict[str, str]) -> None:
    token = (await caller.signs_in(ann["email"]))["accessToken"]
    refused = await caller.does(MAKE_KEY, token, input={"name": "a", "role": "ADMIN"})
    assert [(error["code"], error["path"]) for error in refused["errors"]] == [
        ("FORBIDDEN", ["input", "role"])
    ]
    wanted: dict[str, object] = {"input": {"role": "ADMIN"}}
    for query, variables in ((UPDATE, wanted), (DELETE, {})):
        answer = (await caller.asks(query, token, id=ann["id"], **variables)).json()
        assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert await caller.is_in(token)


async def test_the_audit_log_tells_who_came_and_what_was_done(
    caller: Caller, client: Client, ann: dict[str, str]
) -> None:
    await caller.code(LOGIN % TOKENS, email=ann["email"], password="wrong")
    tokens = await caller.signs_in(ann["email"])
    await caller.does(LOGOUT, refresh=tokens["refreshToken"])
    query = (
        "query ($actor: String!) { auditLog(filter: {actor: $actor}) { edges { node { action details } } } }"
    )
    found = (await client.data(query, actor=ann["id"]))["auditLog"]["edges"]
    assert [edge["node"]["action"] for edge in found] == ["logout", "login", "loginRefused"]
    assert found[-1]["node"]["details"] == {"address": "127.0.0.1"}
    assert PASSWORD not in str(found)
