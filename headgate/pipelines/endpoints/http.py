"""The endpoint HTTP."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from headgate.pipelines.endpoints.called import CalledEndpoint, HeaderSecret, without_user
from headgate.pipelines.endpoints.model import Secret


class Auth(StrEnum):
    """How a caller shows who it is."""

    NONE = "NONE"
    BEARER = "BEARER"
    BASIC = "BASIC"
    API_KEY = "API_KEY"
    OAUTH2 = "OAUTH2"


class KeyPlace(StrEnum):
    """Where a key is sent."""

    HEADER = "HEADER"
    QUERY = "QUERY"


ALSO_CALLED = {
    "APIKEY": "API_KEY",
    "TOKEN": "BEARER",
    "OAUTH": "OAUTH2",
    "OAUTH2_CLIENT_CREDENTIALS": "OAUTH2",
}
ALSO_CALLED |= {"CLIENT_CREDENTIALS": "OAUTH2"}
NEEDS = {
    Auth.NONE: (),
    Auth.BEARER: ("token",),
    Auth.BASIC: ("username", "password"),
    Auth.API_KEY: ("apiKey",),
    Auth.OAUTH2: ("tokenUrl", "clientId", "clientSecret"),
}
"""What has to be given for each."""
TOLD_BY = {Auth.BEARER: "token", Auth.BASIC: "password", Auth.API_KEY: "apiKey", Auth.OAUTH2: "clientSecret"}
"""The secret that tells which one is meant."""
USUAL_KEY = {KeyPlace.HEADER: "X-API-Key", KeyPlace.QUERY: "api_key"}


def _upper(given: object) -> object:
    if not isinstance(given, str):
        return given
    name = given.strip().upper().replace("-", "_").replace(" ", "_")
    return ALSO_CALLED.get(name, name)


def _joined(given: object) -> object:
    return " ".join(map(str, given)) if isinstance(given, list) else given


class HttpEndpoint(CalledEndpoint):
    """A web service."""

    kind: ClassVar[str] = "HTTP"
    example: ClassVar[Mapping[str, Any]] = {"url": "https://api.example.com/v1", "requestsPerSecond": 5}
    secret: ClassVar[tuple[str, ...]] = ("token", "password", "apiKey", "clientSecret")
    either: ClassVar[tuple[str, ...]] = ("username", "clientId")
    synonyms: ClassVar[Mapping[str, str]] = {
        "baseUrl": "url",
        "rateLimit": "requestsPerSecond",
        "timeout": "timeoutSeconds",
        "user": "username",
        "bearerToken": "token",
        "accessToken": "token",
        "key": "apiKey",
        "scopes": "scope",
    }

    auth: Annotated[Auth | None, BeforeValidator(_upper)] = Field(
        default=None, description="How to show who is calling; by default what the secrets are for."
    )
    token: HeaderSecret | None = Field(default=None, description="The token that BEARER sends.")
    username: Secret | None = Field(default=None, description="The user name that BASIC sends.")
    password: Secret | None = Field(default=None, description="The password that BASIC sends.")
    api_key: HeaderSecret | None = Field(default=None, description="The key that API_KEY sends.")
    api_key_name: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9_.\-]+$",
        max_length=200,
        description="The header or parameter that holds the key; X-API-Key or api_key by default.",
    )
    api_key_in: Annotated[KeyPlace, BeforeValidator(_upper)] = Field(
        default=KeyPlace.HEADER, description="Where the key is sent."
    )
    token_url: Annotated[str, AfterValidator(without_user)] | None = Field(
        default=None, description="Where OAUTH2 gets its token, by client credentials."
    )
    client_id: Secret | None = Field(default=None, description="Who OAUTH2 is for.")
    client_secret: Secret | None = Field(default=None, description="The secret of who OAUTH2 is for.")
    scope: Annotated[str | None, BeforeValidator(_joined)] = Field(
        default=None, max_length=2_000, description="What OAUTH2 asks for; scopes with blanks between them."
    )

    @property
    def method(self) -> Auth:
        """How to show who is calling."""
        told = [auth for auth, name in TOLD_BY.items() if self._has(name)]
        return self.auth or (told[0] if told else Auth.NONE)

    @property
    def key_name(self) -> str:
        """The header or parameter that holds the key."""
        return self.api_key_name or USUAL_KEY[self.api_key_in]

    @model_validator(mode="after")
    def _check_auth(self) -> Self:
        told = [auth for auth, name in TOLD_BY.items() if self._has(name)]
        if self.auth is None and len(told) > 1:
            raise ValueError(f"say with auth which one is meant: {' or '.join(told)}")
        missing = [name for name in NEEDS[self.method] if not self._has(name)]
        if missing:
            raise ValueError(f"auth {self.method} needs {' and '.join(missing)}")
        return self

    def _has(self, name: str) -> bool:
        return any(
            field.alias == name and getattr(self, key) for key, field in type(self).model_fields.items()
        )
