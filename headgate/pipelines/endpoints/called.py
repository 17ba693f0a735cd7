"""What those kinds of endpoints have in common that are called over HTTP."""

from typing import Annotated

import httpx
from pydantic import AfterValidator, Field, SecretStr

from headgate.pipelines.endpoints.model import EndpointModel, Secret
from headgate.pipelines.endpoints.namedvalues import Headers
from headgate.pipelines.outgoing import read_url

MAX_ATTEMPTS = 20
MAX_TIMEOUT_S = 3_600.0


def without_user(url: str) -> str:
    """A URL that names nobody. Raises ValueError, which says where a user name and a password belong."""
    try:
        names_somebody = bool(httpx.URL(url).userinfo)
    except (httpx.InvalidURL, ValueError):
        names_somebody = False
    if names_somebody:
        raise ValueError(
            "a URL may not hold a user name or a password: give username among the settings, password among the secrets"
        )
    return str(read_url(url))


def _base(url: str) -> str:
    parts = httpx.URL(without_user(url))
    if parts.query or parts.fragment:
        raise ValueError(
            "a base URL has no query: give parameters where it is called, and a key as the secret apiKey with apiKeyIn "
            "QUERY"
        )
    return url


def _for_header(secret: SecretStr) -> SecretStr:
    """A secret that fits into a header; blanks around it came with the copying."""
    value = secret.get_secret_value().strip()
    if not value or not value.isascii() or not value.isprintable():
        raise ValueError("this has characters that no header can hold")
    return SecretStr(value)


HeaderSecret = Annotated[Secret, AfterValidator(_for_header)]
BaseUrl = Annotated[str, AfterValidator(_base)]
"""Below this lies everything that is called."""


class CalledEndpoint(EndpointModel):
    """An endpoint that is called over HTTP."""

    url: BaseUrl = Field(description="The URL below which everything lies that is called.")
    headers: Headers = Field(default_factory=list, description="Headers to send with each call.")
    requests_per_second: float | None = Field(
        default=None,
        gt=0,
        le=100_000,
        description="So many calls are made in a second at most; any number by default.",
    )
    max_attempts: int = Field(
        default=5, ge=1, le=MAX_ATTEMPTS, description="So many times a call is tried; 1 is no retry."
    )
    timeout_seconds: float = Field(
        default=60.0, gt=0, le=MAX_TIMEOUT_S, description="How long one try may take."
    )
