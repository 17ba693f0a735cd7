"""Whoever may not stay is sent away from open sockets and streams at once, whatever took their access away."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.acceptance.processes import Client
from tests.acceptance.test_access import (
    CHANGE,
    CREATE,
    DELETE,
    LOGIN,
    LOGOUT,
    MAKE_KEY,
    REVOKE,
    TOKENS,
    UPDATE,
)

PASSWORD, NEWER = "correct horse battery staple", "another horse battery staple"
JOBS = "subscription { jobs { status } }"
AT_ONCE_S = 3.0
"""Shorter than the time after which everybody is checked again without a signal."""
Revoke = Callable[[Client, dict[str, Any]], Awaitable[Any]]


async def deactivate(admin: Client, ann: dict[str, Any]) -> Any:
    return await admin.data(UPDATE, id=ann["id"], input={"active": False})


async def delete(admin: Client, ann: dict[str, Any]) -> Any:
    return await admin.data(DELETE, id=ann["id"])


async def log_out(admin: Client, ann: dict[str, Any]) -> Any:
    return await admin.data(LOGOUT, refresh=ann["refreshToken"])


async def change_password(admin: Client, ann: dict[str, Any]) -> Any:
    # From another session: the one in which it is changed goes on.
    other = (await admin.data(LOGIN % TOKENS, email=ann["email"], password=PASSWORD))["done"]
    headers = {"authorization": f"Bearer {other['accessToken']}"}
    body = {"query": CHANGE, "variables": {"current": PASSWORD, "new": NEWER}}
    return (await admin.http.post("/graphql", json=body, headers=headers)).json()["data"]


async def revoke_key(admin: Client, ann: dict[str, Any]) -> Any:
    return await admin.data(REVOKE, id=ann["key"])


async def signed_in(admin: Client) -> dict[str, Any]:
    """A user of this test alone, who has signed in."""
    email = f"{uuid4().hex}@example.org"
    made = await admin.data(CREATE, input={"email": email, "password": PASSWORD, "role": "OPERATOR"})
    tokens = (await admin.data(LOGIN % TOKENS, email=email, password=PASSWORD))["done"]
    return {"id": made["done"]["user"]["id"], "email": email, "token": tokens["accessToken"], **tokens}


async def with_key(admin: Client) -> dict[str, Any]:
    """An API key."""
    made = (await admin.data(MAKE_KEY, input={"name": uuid4().hex, "role": "VIEWER"}))["done"]
    return {"key": made["apiKey"]["id"], "token": made["secret"]}


async def let_in(socket: ClientConnection, token: str) -> None:
    payload = {"Authorization": f"Bearer {token}"}
    await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
    assert json.loads(await socket.recv()) == {"type": "connection_ack"}
    await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": JOBS}}))


@pytest.mark.parametrize(
    ("come", "revoke"),
    [
        (signed_in, deactivate),
        (signed_in, delete),
        (signed_in, log_out),
        (signed_in, change_password),
        (with_key, revoke_key),
    ],
)
async def test_sockets_and_streams_end_with_the_right_to_them(
    client: Client, come: Any, revoke: Revoke
) -> None:
    ann = await come(client)
    url = client.url.replace("http", "ws") + "/graphql"
    headers = {"authorization": f"Bearer {ann['token']}", "accept": "text/event-stream"}
    async with (
        connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket,
        httpx.AsyncClient(base_url=client.url, headers=headers, trust_env=False, timeout=60) as http,
        http.stream("POST", "/graphql", json={"query": JOBS}) as stream,
    ):
        assert stream.status_code == 200
        await let_in(socket, ann["token"])
        done = (await revoke(client, ann))["done"]
        assert done["errors"] == []
        async with asyncio.timeout(AT_ONCE_S):
            await socket.wait_closed()
            text = "".join([chunk async for chunk in stream.aiter_text()])
        assert socket.close_code == 4403
        assert "UNAUTHENTICATED" in text
