"""Access tokens, and the requests that carry them."""

import asyncio
from base64 import urlsafe_b64encode
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx
import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.domain.keyring import KeyRing
from headgate.domain.ports import RefreshClaims
from headgate.errors import Unauthenticated
from headgate.server.auth import (
    ACCESS,
    REFRESH,
    SignedTokens,
    VerifiedTokens,
    bearer_token,
    issue_token,
    verify_token,
)
from headgate.storage.tables import Role
from tests.answers import without_cost

SECRET = "a secret of at least thirty-two bytes"
KEYS = KeyRing([SECRET])
OTHER_SECRET = "another secret of thirty-two bytes or more"
OTHER_KEYS = KeyRing([OTHER_SECRET])
KEY = KEYS.current
SIGNED = SignedTokens(KEYS, token_hours=1, refresh_days=1)
REFRESH_CLAIMS = RefreshClaims("user_1", "session_1", 7)


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


def signed(
    key: bytes = KEY.derive(ACCESS.purpose),
    algorithm: str = "HS256",
    kid: str | None = KEY.id,
    **changes: Any,
) -> str:
    headers = {"kid": kid} if kid is not None else None
    return jwt.encode(claims(**changes), key, algorithm, headers=headers)


def test_a_token_says_who_it_was_issued_to() -> None:
    token, expires_at = issue_token(KEYS, "user_1", Role.OPERATOR, hours=24)

    read = verify_token(KEYS, token)

    assert (read.user_id, read.role, read.expires_at) == ("user_1", Role.OPERATOR, expires_at)
    assert timedelta(hours=23.9) < expires_at - datetime.now(UTC) <= timedelta(hours=24)


def test_a_token_says_to_the_microsecond_when_it_was_issued() -> None:
    before = datetime.now(UTC)
    read = verify_token(KEYS, issue_token(KEYS, "user_1", Role.VIEWER, hours=1)[0])
    assert before <= read.issued_at <= datetime.now(UTC)


def test_a_token_of_a_session_names_it() -> None:
    token, _ = SIGNED.access("user_1", Role.VIEWER, "session_1")
    assert verify_token(KEYS, token).session_id == "session_1"
    assert verify_token(KEYS, issue_token(KEYS, "user_1", Role.VIEWER, hours=1)[0]).session_id is None


def test_a_refresh_token_says_whose_it_is_and_how_often_it_was_renewed() -> None:
    assert SIGNED.read_refresh(SIGNED.refresh(REFRESH_CLAIMS)) == REFRESH_CLAIMS


def test_a_token_of_one_kind_is_none_of_the_other() -> None:
    with pytest.raises(Unauthenticated):
        verify_token(KEYS, SIGNED.refresh(REFRESH_CLAIMS))
    with pytest.raises(Unauthenticated):
        SIGNED.read_refresh(SIGNED.access("user_1", Role.VIEWER, "session_1")[0])


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": "access"},
        {"aud": "headgate"},
        {"iss": "elsewhere"},
        {"exp": 1},
        {"exp": None},
        {"jti": None},
        {"sub": None},
        {"sub": 1},
        {"sid": None},
        {"sid": 1},
        {"gen": None},
        {"gen": "1"},
    ],
    ids=lambda changes: "-".join(changes) + str(*changes.values()),
)
def test_a_refresh_token_that_claims_something_else_is_refused(changes: dict[str, Any]) -> None:
    valid: dict[str, Any] = {"aud": "headgate-refresh", "typ": "refresh", "sid": "session_1", "gen": 1}
    key = KEY.derive(REFRESH.purpose)
    assert SIGNED.read_refresh(signed(key, **valid))
    with pytest.raises(Unauthenticated):
        SIGNED.read_refresh(signed(key, **valid | changes))


def test_two_tokens_are_never_the_same() -> None:
    assert issue_token(KEYS, "u", Role.VIEWER, 1)[0] != issue_token(KEYS, "u", Role.VIEWER, 1)[0]


@pytest.mark.parametrize("name", ["exp", "iat", "sub", "aud", "iss", "jti", "typ", "role"])
def test_a_token_that_lacks_a_claim_is_refused(name: str) -> None:
    verify_token(KEYS, signed())
    with pytest.raises(Unauthenticated):
        verify_token(
            KEYS, jwt.encode(claims(**{name: None}), KEY.derive(ACCESS.purpose), headers={"kid": KEY.id})
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": 1},
        {"exp": 10**30},
        {"exp": "soon"},
        {"iat": "now"},
        {"iat": "1"},
        {"iat": -(10**30)},
        {"sub": 1},
        {"sid": 1},
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
        verify_token(KEYS, signed(**changes))


NOT_SIGNED = {
    "empty": "",
    "one part": "x",
    "three parts": "a.b.c",
    "not ascii": "é.é.é",
    "a surrogate": "\ud800",
    "none": jwt.encode(claims(), "", "none", headers={"kid": KEY.id}),
    "another ring": issue_token(OTHER_KEYS, "user_1", Role.ADMIN, 1)[0],
    "another key under this id": signed(OTHER_KEYS.current.derive(ACCESS.purpose)),
    "the secret itself": signed(SECRET.encode()),
    "the key of another purpose": signed(KEY.derive(b"headgate: download links")),
    "another algorithm": signed(KEY.derive(ACCESS.purpose) * 2, "HS512"),
    "no id of a key": signed(kid=None),
    "an unknown id of a key": signed(kid="00000000"),
    "cut": signed()[:-2],
    "an id that is no text": ".".join(
        urlsafe_b64encode(part).decode().rstrip("=")
        for part in (b'{"alg":"HS256","typ":"JWT","kid":["x"]}', b"{}", b"x")
    ),
}


@pytest.mark.parametrize("name", NOT_SIGNED)
def test_what_was_not_signed_with_a_key_of_the_ring_is_refused(name: str) -> None:
    with pytest.raises(Unauthenticated):
        verify_token(KEYS, NOT_SIGNED[name])
    with pytest.raises(Unauthenticated):
        SIGNED.read_refresh(NOT_SIGNED[name])


@given(st.one_of(st.text(), st.from_regex(r"[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{0,40}", fullmatch=True)))
def test_garbage_is_refused_and_breaks_nothing(token: str) -> None:
    for read in (SIGNED.read_refresh, partial(verify_token, KEYS)):
        with pytest.raises(Unauthenticated):
            read(token)


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.sampled_from(["sub", "sid", "role", "iat", "exp", "aud", "typ", "jti", "gen"]),
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(),
            st.floats(),
            st.text(max_size=5),
            st.lists(st.text(), max_size=2),
        ),
        min_size=1,
    )
)
def test_signed_garbage_is_read_or_refused_and_breaks_nothing(changes: dict[str, Any]) -> None:
    with suppress(Unauthenticated):
        verify_token(KEYS, signed(**changes))
    with suppress(Unauthenticated):
        SIGNED.read_refresh(
            signed(KEY.derive(REFRESH.purpose), **{"aud": REFRESH.audience, "typ": "refresh"} | changes)
        )


def test_two_keys_are_alive_until_one_of_them_is_dropped() -> None:
    old, new = SECRET, "a new secret of at least thirty-two bytes"
    rotated = KeyRing([new, old])
    before = issue_token(KEYS, "user_1", Role.ADMIN, 1)[0]
    after = issue_token(rotated, "user_1", Role.ADMIN, 1)[0]

    assert verify_token(rotated, before).user_id == verify_token(rotated, after).user_id == "user_1"
    assert verify_token(KeyRing([new]), after).user_id == "user_1"
    with pytest.raises(Unauthenticated):
        verify_token(KeyRing([new]), before)


def test_a_remembered_token_ends_with_its_time() -> None:
    moments = [datetime.now(UTC), datetime.now(UTC) + timedelta(hours=2)]
    tokens = VerifiedTokens(KEYS, now=lambda: moments.pop(0))
    token = issue_token(KEYS, "user_1", Role.VIEWER, hours=1)[0]

    assert tokens.read(token).user_id == "user_1"
    with pytest.raises(Unauthenticated):
        tokens.read(token)


def test_a_remembered_token_ends_with_its_key() -> None:
    rings = [[OTHER_SECRET, SECRET], [OTHER_SECRET]]
    keys = KeyRing([SECRET], changed=lambda: rings.pop(0) if rings else None)
    tokens = VerifiedTokens(keys)
    token = issue_token(keys, "user_1", Role.VIEWER, hours=1)[0]

    assert tokens.read(token) is tokens.read(token)
    keys.look()
    assert tokens.read(token).user_id == "user_1"
    keys.look()
    with pytest.raises(Unauthenticated):
        tokens.read(token)


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

    assert without_cost(response.json()) == {"data": {"user": "user_7"}}


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
