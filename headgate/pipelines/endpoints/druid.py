"""The endpoint DRUID."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from headgate.pipelines.endpoints.called import CalledEndpoint, HeaderSecret
from headgate.pipelines.endpoints.model import Secret


class DruidEndpoint(CalledEndpoint):
    """A cluster of Apache Druid, by the URL of its router, or of its overlord."""

    kind: ClassVar[str] = "DRUID"
    example: ClassVar[Mapping[str, Any]] = {"url": "https://druid.example.com:8888"}
    secret: ClassVar[tuple[str, ...]] = ("token", "password")
    either: ClassVar[tuple[str, ...]] = ("username",)
    synonyms: ClassVar[Mapping[str, str]] = {
        "baseUrl": "url",
        "routerUrl": "url",
        "overlordUrl": "url",
        "timeout": "timeoutSeconds",
        "user": "username",
        "bearerToken": "token",
    }

    token: HeaderSecret | None = Field(default=None, description="The bearer token to send.")
    username: Secret | None = Field(default=None, description="The user name to send, with the password.")
    password: Secret | None = Field(default=None, description="The password to send.")

    @model_validator(mode="after")
    def _check_auth(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together")
        if self.token is not None and self.password is not None:
            raise ValueError("give a token, or a username and a password, and not both")
        return self
