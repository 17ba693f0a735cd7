"""The endpoint SQL."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from pydantic import Field, SecretStr, model_validator

from headgate.pipelines.endpoints.model import EndpointModel, Secret

POSTGRESQL, SQLITE = "postgresql", "sqlite"
ALSO_CALLED = {"postgres": POSTGRESQL, "sqlite3": SQLITE}


class SqlEndpoint(EndpointModel):
    """A database: PostgreSQL, or a file of SQLite.

    The URL is a secret where it holds the password: postgresql://user:password@host:5432/database.
    """

    kind: ClassVar[str] = "SQL"
    example: ClassVar[Mapping[str, Any]] = {"url": "postgresql://reader@db.example.com:5432/shop"}
    secret: ClassVar[tuple[str, ...]] = ("password",)
    either: ClassVar[tuple[str, ...]] = ("url",)
    synonyms: ClassVar[Mapping[str, str]] = {"databaseUrl": "url", "dsn": "url", "connectionString": "url"}

    url: Secret = Field(
        description="postgresql://user@host:5432/database, or sqlite:////folder/file with four slashes."
    )
    password: Secret | None = Field(default=None, description="The password of the URL's user.")

    @property
    def system(self) -> str:
        """POSTGRESQL or SQLITE."""
        scheme = self._parts.scheme.partition("+")[0]
        return ALSO_CALLED.get(scheme, scheme)

    @property
    def address(self) -> str:
        """The whole URL, with the password: it must never be shown."""
        parts = self._parts
        if self.password is None or self.system == SQLITE:
            return parts._replace(scheme=self.system).geturl()
        host = parts.netloc.rpartition("@")[2]
        password = quote(self.password.get_secret_value(), safe="")
        return parts._replace(scheme=self.system, netloc=f"{parts.username}:{password}@{host}").geturl()

    @property
    def file(self) -> str:
        """The file of a SQLite database."""
        return unquote(self._parts.path.removeprefix("/"))

    @property
    def _parts(self) -> SplitResult:
        return urlsplit(self.url.get_secret_value())

    @classmethod
    def check(cls, settings: Mapping[str, Any], secrets: Mapping[str, Any]) -> Self:
        """Read what was given. Raises UserFault (INVALID_ENDPOINT), for a password in a URL that is no secret too."""
        endpoint = super().check(settings, secrets)
        if "url" in settings and endpoint._holds_password():
            raise cls.fault(
                "url",
                "the URL holds a password: leave it out and give it as the secret password, or give the whole URL as "
                "the secret url",
            )
        return endpoint

    def _holds_password(self) -> bool:
        parts = self._parts
        return parts.password is not None or any(
            "password" in name.lower() for name, _ in parse_qsl(parts.query)
        )

    @model_validator(mode="after")
    def _check_url(self) -> Self:
        try:
            parts = self._parts
            _ = parts.port
        except ValueError:
            raise ValueError("the URL is not one") from None
        if self.system not in (POSTGRESQL, SQLITE):
            raise ValueError("the URL begins with postgresql:// or sqlite:///")
        if self.system == SQLITE and (parts.netloc or not self.file):
            raise ValueError("the URL of a SQLite database has three slashes before its file")
        if self.system == POSTGRESQL:
            self._check_server(parts, self.password)
        return self

    @staticmethod
    def _check_server(parts: SplitResult, password: SecretStr | None) -> None:
        if not parts.hostname or not parts.path.strip("/"):
            raise ValueError("the URL names a host and a database")
        if password is not None and not parts.username:
            raise ValueError("the URL names the user whose password is given")
        if password is not None and parts.password is not None:
            raise ValueError("the password is in the URL already")
