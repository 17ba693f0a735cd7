"""An outside issuer of tokens (OpenID Connect) on this machine, with a discovery document and keys of several kinds."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from tests.restapi import Asked, Reply, serving

AUDIENCE = "headgate-of-tests"
DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"
# To make an RSA key takes longer than most tests do.
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def make_key(algorithm: str) -> Any:
    """Make a private key that an algorithm can sign with."""
    if algorithm.startswith("ES"):
        return ec.generate_private_key(ec.SECP384R1() if algorithm == "ES384" else ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate() if algorithm == "EdDSA" else RSA_KEY


def jwk_of(key: Any, kid: str, **said: Any) -> dict[str, Any]:
    """The public part of a key as a JWK."""
    public = key.public_key()
    if isinstance(key, rsa.RSAPrivateKey):
        made = jwt.algorithms.RSAAlgorithm.to_jwk(public)
    elif isinstance(key, ed25519.Ed25519PrivateKey):
        made = jwt.algorithms.OKPAlgorithm.to_jwk(public)
    else:
        made = jwt.algorithms.ECAlgorithm.to_jwk(public)
    return {**json.loads(made), "kid": kid, **said}


class Issuer:
    """Signs tokens, and tells its public keys to whoever asks. `replies` come in place of what it has to say."""

    def __init__(self, port: int) -> None:
        self.name = f"http://127.0.0.1:{port}"
        self.private: dict[str, tuple[Any, str]] = {}
        self.published: list[dict[str, Any]] = []
        self.replies: dict[str, Reply] = {}
        self.asked: list[str] = []
        self.add("first", "RS256")

    def add(self, kid: str, algorithm: str) -> None:
        """Publish a key and sign with it from now on."""
        key = make_key(algorithm)
        self.private[kid] = (key, algorithm)
        self.published.append(jwk_of(key, kid, alg=algorithm, use="sig"))

    def withdraw(self, kid: str) -> None:
        """Publish a key no more."""
        self.published = [each for each in self.published if each["kid"] != kid]

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Claims of a token; those that are None are left out."""
        now = datetime.now(UTC)
        usual = {
            "iss": self.name,
            "aud": AUDIENCE,
            "sub": "subject-1",
            "iat": now,
            "exp": now + timedelta(minutes=5),
            "headgate_role": "OPERATOR",
        }
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    def token(self, kid: str = "first", headers: dict[str, Any] | None = None, **changes: Any) -> str:
        """Sign a token with one of its keys."""
        key, algorithm = self.private[kid]
        return jwt.encode(self.claims(**changes), key, algorithm, headers={"kid": kid, **(headers or {})})

    def answer(self, asked: Asked) -> Reply:
        self.asked.append(asked.path)
        if asked.path in self.replies:
            return self.replies[asked.path]
        if asked.path == DISCOVERY:
            return Reply(said={"issuer": self.name, "jwks_uri": self.name + KEYS})
        return Reply(said={"keys": self.published}) if asked.path == KEYS else Reply(404)


@contextmanager
def issuing() -> Iterator[Issuer]:
    """Run an issuer on 127.0.0.1."""
    with serving(Issuer) as issuer:
        yield issuer
