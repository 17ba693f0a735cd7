"""Access tokens, and the requests that carry them."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest

from headgate.errors import Unauthenticated
from headgate.server.auth import bearer_token, issue_token, verify_token
from headgate.storage.tables import Role

SECRET = "a secret of at least thirty-two bytes"
OTHER_SECRET = "another secret of thirty-two bytes or more"


def claims(**changes: object) -> dict[str, Any]:
    now = datetime.now(UTC)
    valid = {
        "sub": "user_1",
        "role": "ADMIN",
        "iat": now,
        "exp": now + timedelta(hours=1),
        "iss": "headgate",
        "aud": "headgate",
        "jti": "1",
        "typ": "access",
    }
    return {name: value for name, value in {**valid, **changes}.items() if value is not None}


def signed(secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    return jwt.encode(claims(**changes), secret, algorithm)


def test_a_token_says_who_it_was_issued_to() -> None:
    token, expires_at = issue_token(SECRET, "user_1", Role.OPERATOR, hours=24)

    read = verify_token(SECRET, token)

    assert (read.user_id, read.role, read.expires_at) == ("user_1", Role.OPERATOR, expires_at)
    assert timedelta(hours=23.9) < expires_at - datetime.now(UTC) <= timedelta(hours=24)


def test_two_tokens_are_never_the_same() -> None:
    assert issue_token(SECRET, "u", Role.VIEWER, 1)[0] != issue_token(SECRET, "u", Role.VIEWER, 1)[0]


@pytest.mark.parametrize("name", ["exp", "iat", "sub", "aud", "iss", "jti", "typ", "role"])
def test_a_token_that_lacks_a_claim_is_refused(name: str) -> None:
    verify_token(SECRET, signed())
    with pytest.raises(Unauthenticated):
        verify_token(SECRET, jwt.encode(claims(**{name: None}), SECRET))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1},
        {"exp": 10**30},
        {"exp": "soon"},
        {"iat": "now"},
        {"iat": datetime.now(UTC) + timedelta(hours=1)},
        {"aud": "elsewhere"},
        {"aud": ["headgate"]},
        {"iss": "elsewhere"},
        {"typ": "refresh"},
        {"role": "ROOT"},
        {"role": ["ADMIN"]},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_a_token_that_claims_something_else_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Unauthenticated):
        verify_token(SECRET, signed(**changes))


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "é.é.é",
        "\ud800",
        jwt.encode(claims(), "", "none"),
        signed(OTHER_SECRET),
        signed(algorithm="HS512", secret=SECRET * 2),
        signed()[:-2],
    ],
)
def test_what_was_not_signed_with_this_key_is_refused(token: str) -> None:
    with pytest.raises(Unauthenticated):
        verify_token(SECRET, token)


def test_a_key_under_32_bytes_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 32"):
        issue_token("k" * 31, "user_1", Role.ADMIN, 1)
    with pytest.raises(ValueError, match="at least 32"):
        verify_token("k" * 31, signed())


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic abc", None),
        ("abc", None),
        ("", None),
        (None, None),
        (["Bearer abc"], None),
    ],
)
def test_the_token_is_what_follows_bearer(header: object, token: str | None) -> None:
    assert bearer_token(header) == token


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer x", "Basic x", "Bearer " + signed(exp=1)])
async def test_a_request_without_a_valid_token_is_refused(toy: Any, authorization: str, accept: str) -> None:
    headers = {"authorization": authorization, "accept": accept}
    response = await toy.client.post("/graphql", json={"query": "{ hello }"}, headers=headers)

    error = response.json()["errors"][0]
    assert response.status_code == 401
    assert response.headers["content-type"] == f"{accept}; charset=utf-8"
    assert response.headers["www-authenticate"] == "Bearer"
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert error["extensions"]["requestId"]


@pytest.mark.parametrize(
    ("media_type", "sent_bytes"), [("application/json", 17_000), ("multipart/form-data; boundary=x", 0)]
)
async def test_a_stranger_is_refused_before_a_large_body_or_a_file_arrives(
    toy: Any, media_type: str, sent_bytes: int
) -> None:
    address = httpx.URL(toy.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    headers = f"Host: x\r\nContent-Type: {media_type}\r\nContent-Length: 30000\r\n"
    writer.write(f"POST /graphql HTTP/1.1\r\n{headers}\r\n".encode() + b" " * sent_bytes)

    assert await asyncio.wait_for(reader.readline(), 5) == b"HTTP/1.1 401 Unauthorized\r\n"
    writer.close()


async def test_a_user_is_known_to_the_resolvers(toy: Any, make_token: Callable[..., str]) -> None:
    headers = {"authorization": f"Bearer {make_token('user_7')}"}
    response = await toy.client.post("/graphql", json={"query": "{ user }"}, headers=headers)

    assert response.json() == {"data": {"user": "user_7"}}


async def test_a_user_who_may_no_longer_enter_is_refused(toy: Any, make_token: Callable[..., str]) -> None:
    headers = {"authorization": f"Bearer {make_token('user_gone')}"}
    response = await toy.client.post("/graphql", json={"query": "{ user }"}, headers=headers)

    assert response.status_code == 401


async def test_a_bug_in_the_check_is_masked(toy: Any, make_token: Callable[..., str]) -> None:
    headers = {"authorization": f"Bearer {make_token('user_crash')}"}
    response = await toy.client.post("/graphql", json={"query": "{ user }"}, headers=headers)

    assert response.status_code == 500
    assert response.json()["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert "database" not in response.text
