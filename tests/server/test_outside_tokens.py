"""Tokens of an outside issuer count as long as its own keys, and nobody else's, have signed them for us."""

import asyncio
import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from structlog.testing import capture_logs

from headgate.domain.permissions import Principal
from headgate.errors import Unauthenticated
from headgate.server import jwks
from headgate.server.jwks import MAX_BYTES, IssuerKeys, Unavailable, is_safe_url, usable_keys
from headgate.server.outside_tokens import (
    OutsideIssuer,
    OutsideTokens,
    highest_role,
    taking_outside_tokens,
)
from headgate.storage.tables import Role
from tests.issuer import AUDIENCE, DISCOVERY, KEYS, RSA_KEY, Issuer, issuing, jwk_of, make_key
from tests.restapi import Reply


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with issuing() as issuer:
        yield issuer


@pytest.fixture
def outside(issuer: Issuer) -> OutsideTokens:
    return OutsideTokens(OutsideIssuer(issuer.name, AUDIENCE, "headgate_role"))


async def is_refused(outside: OutsideTokens, token: str) -> bool:
    try:
        await outside.verify(token)
    except Unauthenticated:
        return True
    return False


async def test_a_valid_token_says_who_it_is(issuer: Issuer, outside: OutsideTokens) -> None:
    claims = issuer.claims(email="Ann@Example.org", email_verified=True)
    found = await outside.verify(issuer.token(email="Ann@Example.org", email_verified=True))
    assert (found.issuer, found.subject, found.role) == (issuer.name, "subject-1", Role.OPERATOR)
    assert found.email == "ann@example.org"
    assert abs(found.expires_at - claims["exp"]) < timedelta(seconds=5)
    assert issuer.asked == [DISCOVERY, KEYS]
    await outside.verify(issuer.token())
    assert issuer.asked == [DISCOVERY, KEYS]


@pytest.mark.parametrize(
    "algorithm", ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"]
)
async def test_every_asymmetric_algorithm_is_taken_where_its_key_says_so(
    issuer: Issuer, outside: OutsideTokens, algorithm: str
) -> None:
    issuer.add("it", algorithm)
    assert (await outside.verify(issuer.token("it"))).subject == "subject-1"


async def test_a_key_is_for_its_own_algorithm_only(issuer: Issuer, outside: OutsideTokens) -> None:
    await outside.verify(issuer.token())
    for algorithm in ("RS384", "RS512", "PS256"):
        token = jwt.encode(issuer.claims(), RSA_KEY, algorithm, headers={"kid": "first"})
        assert await is_refused(outside, token)


async def test_a_public_key_is_no_secret_to_sign_with(issuer: Issuer, outside: OutsideTokens) -> None:
    public = RSA_KEY.public_key()
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, pem.strip(), json.dumps(issuer.published[0]).encode()):
        assert await is_refused(outside, signed_by_hand("HS256", issuer.claims(), secret))


def signed_by_hand(algorithm: str, claims: dict[str, Any], secret: bytes) -> str:
    """A token that no library would sign, as it knows what a public key looks like."""
    plain = {
        name: value.timestamp() if isinstance(value, datetime) else value for name, value in claims.items()
    }
    parts = ({"alg": algorithm, "typ": "JWT", "kid": "first"}, plain)
    signed = ".".join(_base64(json.dumps(part).encode()) for part in parts)
    return f"{signed}.{_base64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


async def test_no_signature_is_none(issuer: Issuer, outside: OutsideTokens) -> None:
    assert await is_refused(outside, jwt.encode(issuer.claims(), "", "none", headers={"kid": "first"}))
    assert await is_refused(outside, signed_by_hand("none", issuer.claims(), b""))
    assert await is_refused(outside, issuer.token().rpartition(".")[0] + ".")


WRONG: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "another"},
    "no audience": {"aud": None},
    "another issuer": {"iss": "https://another.example.org"},
    "expired": {"exp": datetime(2020, 1, 1, tzinfo=UTC)},
    "no end": {"exp": None},
    "no beginning": {"iat": None},
    "of the future": {"iat": datetime(2090, 1, 1, tzinfo=UTC)},
    "not yet valid": {"nbf": datetime(2090, 1, 1, tzinfo=UTC)},
    "no subject": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is too long": {"sub": "x" * 256},
    "a subject with a NUL": {"sub": "a\0"},
    "a subject that is no text": {"sub": 1},
    "an endless end": {"exp": 10**30},
    "no role": {"headgate_role": None},
    "an unknown role": {"headgate_role": "ROOT"},
    "a role of another kind": {"headgate_role": {"ADMIN": True}},
    "a role in a list in a list": {"headgate_role": [["ADMIN"]]},
}


@pytest.mark.parametrize("name", WRONG)
async def test_a_token_that_claims_something_else_is_refused(
    issuer: Issuer, outside: OutsideTokens, name: str
) -> None:
    assert not await is_refused(outside, issuer.token())
    key, algorithm = issuer.private["first"]
    jws = jwt.api_jws.PyJWS()
    claims = {**issuer.claims(), **WRONG[name]}
    said = {
        claim: value.timestamp() if isinstance(value, datetime) else value
        for claim, value in claims.items()
        if value is not None
    }
    token = jws.encode(json.dumps(said).encode(), key, algorithm, headers={"kid": "first"})
    assert await is_refused(outside, token)


async def test_clocks_may_differ_by_half_a_minute(issuer: Issuer, outside: OutsideTokens) -> None:
    now = datetime.now(UTC)
    for seconds, refused in ((20, False), (40, True)):
        ago, ahead = now - timedelta(seconds=seconds), now + timedelta(seconds=seconds)
        assert await is_refused(outside, issuer.token(exp=ago)) is refused
        assert await is_refused(outside, issuer.token(iat=ahead)) is refused


@pytest.mark.parametrize("header", ["jku", "x5u", "jwk", "x5c"])
async def test_keys_that_a_token_brings_or_names_are_not_looked_at(
    issuer: Issuer, outside: OutsideTokens, header: str
) -> None:
    own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    issuer.replies["/own"] = Reply(said={"keys": [jwk_of(own, "own")]})
    said = {"jku": f"{issuer.name}/own", "x5u": f"{issuer.name}/own", "jwk": jwk_of(own, "own"), "x5c": ["x"]}
    for kid in ("own", "first"):
        headers = {"kid": kid, header: said[header]}
        assert await is_refused(outside, jwt.encode(issuer.claims(), own, "RS256", headers=headers))
    assert "/own" not in issuer.asked


async def test_a_token_without_the_id_of_a_key_is_refused(issuer: Issuer, outside: OutsideTokens) -> None:
    key, algorithm = issuer.private["first"]
    assert await is_refused(outside, jwt.encode(issuer.claims(), key, algorithm))


class TestFetching:
    async def test_a_new_key_is_fetched_when_it_is_met_and_not_too_often(
        self, issuer: Issuer, outside: OutsideTokens, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await outside.verify(issuer.token())
        issuer.add("second", "ES256")
        assert await is_refused(outside, issuer.token("second"))
        assert issuer.asked.count(KEYS) == 1
        monkeypatch.setattr(jwks, "FETCH_EVERY_S", 0)
        tokens = [issuer.token("second") for _ in range(20)]
        found = await asyncio.gather(*map(outside.verify, tokens))
        assert len(found) == 20
        assert issuer.asked.count(KEYS) == 2

    async def test_a_key_that_is_withdrawn_ends_its_tokens(
        self, issuer: Issuer, outside: OutsideTokens, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token = issuer.token()
        await outside.verify(token)
        issuer.add("second", "ES256")
        issuer.withdraw("first")
        monkeypatch.setattr(jwks, "FETCH_EVERY_S", 0)
        monkeypatch.setattr(jwks, "KEEP_S", 0)
        assert await is_refused(outside, token)
        assert not await is_refused(outside, issuer.token("second"))

    async def test_keys_of_some_age_are_fetched_again_while_they_still_count(
        self, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        keys = IssuerKeys(issuer.name, None)
        assert await keys.find("first") is not None
        monkeypatch.setattr(jwks, "FETCH_EVERY_S", 0)
        monkeypatch.setattr(jwks, "REFRESH_S", 0)
        issuer.withdraw("first")
        assert await keys.find("first") is not None
        assert keys._fetching is not None
        await keys._fetching
        assert await keys.find("first") is None

    @pytest.mark.parametrize(
        ("path", "reply"),
        [
            (KEYS, Reply(500)),
            (KEYS, Reply(None)),
            (KEYS, Reply(content=b"{")),
            (KEYS, Reply(said=[])),
            (KEYS, Reply(said={"keys": [{}] * 101})),
            (KEYS, Reply(302, headers={"Location": "/elsewhere"})),
            (KEYS, Reply(content=b" " * (MAX_BYTES + 1))),
            (DISCOVERY, Reply(said={"issuer": "https://another.example.org", "jwks_uri": "/keys"})),
            (DISCOVERY, Reply(said=[])),
            (DISCOVERY, Reply(404)),
        ],
        ids=["500", "cut", "no-json", "list", "many", "redirect", "huge", "other-issuer", "no-object", "404"],
    )
    async def test_old_keys_stay_when_a_fetch_fails(
        self, issuer: Issuer, monkeypatch: pytest.MonkeyPatch, path: str, reply: Reply
    ) -> None:
        keys = IssuerKeys(issuer.name, None)
        assert await keys.find("first") is not None
        monkeypatch.setattr(jwks, "FETCH_EVERY_S", 0)
        issuer.replies[path] = reply
        with capture_logs() as logs:
            assert await keys.find("second") is None
        assert [entry["event"] for entry in logs] == ["outside.keys_unavailable"]
        assert await keys.find("first") is not None
        assert "/elsewhere" not in issuer.asked
        issuer.replies.clear()
        issuer.add("second", "ES256")
        assert await keys.find("second") is not None

    async def test_a_discovery_document_cannot_lead_off_https(self, issuer: Issuer) -> None:
        said = {"issuer": issuer.name, "jwks_uri": "http://10.0.0.1/keys"}
        issuer.replies[DISCOVERY] = Reply(said=said)
        with capture_logs() as logs:
            assert await IssuerKeys(issuer.name, None).find("first") is None
        assert logs[0]["reason"] == "Keys are fetched over https only."

    async def test_an_issuer_that_does_not_answer_is_not_waited_for(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
            await reader.read()
            writer.close()

        monkeypatch.setattr(jwks, "TIMEOUT_S", 0.1)
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys"
        async with server, asyncio.timeout(5):
            assert await IssuerKeys("https://issuer.example.org", url).find("first") is None

    async def test_where_the_keys_are_can_be_told(self, issuer: Issuer) -> None:
        assert await IssuerKeys("https://issuer.example.org", issuer.name + KEYS).find("first") is not None
        assert issuer.asked == [KEYS]


def test_what_cannot_verify_is_no_key() -> None:
    strong, elliptic = jwk_of(RSA_KEY, "a"), jwk_of(make_key("ES256"), "b")
    weak = jwk_of(rsa.generate_private_key(public_exponent=65537, key_size=1024), "weak")
    private = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(make_key("ES256")))
    unusable: list[Any] = [
        weak,
        {**private, "kid": "private"},
        {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "oct"},
        {"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "oct", "alg": "HS256"},
        {**strong, "kid": None},
        {**strong, "alg": "HS256"},
        {**strong, "alg": "none"},
        {**strong, "alg": "ES256"},
        {**strong, "alg": 1},
        {**strong, "use": "enc"},
        {**strong, "key_ops": ["encrypt"]},
        {**strong, "key_ops": 1},
        {**strong, "n": "!"},
        {**elliptic, "x": "AAAA"},
        {"kty": ["RSA"], "kid": "x"},
        {"kid": "x"},
        "x",
        None,
    ]
    for each in unusable:
        assert usable_keys({"keys": [each]}) == {}
    found = usable_keys({"keys": [*unusable, strong, elliptic]})
    assert {kid: key.algorithm for kid, key in found.items()} == {"a": "RS256", "b": "ES256"}
    wrong: Any
    for wrong in (None, [], {}, {"keys": {}}, {"keys": [{}] * 101}):
        with pytest.raises(Unavailable):
            usable_keys(wrong)


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://login.example.org", True),
        ("http://127.0.0.1:8080/keys", True),
        ("http://[::1]/keys", True),
        ("http://localhost/keys", True),
        ("http://login.example.org", False),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1.example.org", False),
        ("file:///etc/passwd", False),
        ("ftp://127.0.0.1", False),
        ("https://", False),
        ("https://a:x/", False),
        ("http://[::1", False),
        ("", False),
    ],
)
def test_keys_come_over_https_or_from_this_machine(url: str, is_safe: bool) -> None:
    assert is_safe_url(url) is is_safe


@pytest.mark.parametrize(
    ("said", "role"),
    [
        ("VIEWER", Role.VIEWER),
        (["x", "OPERATOR", 1, "VIEWER"], Role.OPERATOR),
        (["VIEWER", "ADMIN"], Role.ADMIN),
        ("viewer", None),
        ("", None),
        ([], None),
        (None, None),
        (1, None),
    ],
)
def test_of_several_roles_the_highest_counts(said: object, role: Role | None) -> None:
    assert highest_role(said) is role


@pytest.mark.parametrize(
    ("claims", "email"),
    [
        ({"email": "a@b.example"}, "a@b.example"),
        ({"email": "a@b.example", "email_verified": False}, None),
        ({"email": "a@b.example", "email_verified": "false"}, None),
        ({"email": "no address"}, None),
        ({"email": ["a@b.example"]}, None),
        ({}, None),
    ],
)
async def test_an_address_counts_unless_it_is_not_verified(
    issuer: Issuer, outside: OutsideTokens, claims: dict[str, Any], email: str | None
) -> None:
    assert (await outside.verify(issuer.token(**claims))).email == email


async def test_other_tokens_are_left_to_those_who_know_them(issuer: Issuer, outside: OutsideTokens) -> None:
    async def own(token: str) -> Principal | None:
        return Principal(token, Role.VIEWER, datetime.now(UTC))

    class NoUsers:
        async def admit(self, identity: Any) -> Principal | None:
            return Principal(identity.subject, identity.role, identity.expires_at)

    known = taking_outside_tokens(outside, NoUsers(), own)  # type: ignore[arg-type]
    another = jwt.encode(issuer.claims(iss="headgate"), RSA_KEY, "RS256")
    for token in ("", "x", "a.b.c", "hg_key", another):
        principal = await known(token)
        assert principal is not None
        assert principal.user_id == token
    found = await known(issuer.token())
    assert found is not None
    assert found == replace(found, user_id="subject-1", role=Role.OPERATOR)
