"""Every setting of the server: environment variables that only the composition roots read."""

import os
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ENV_PREFIX = "HEADGATE_"
MIB = 1024**2
GIB = 1024**3
HIDDEN = "**********"


def _file_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "file" or parts.netloc or not parts.path:
        raise ValueError("not a file:///folder URL")
    return url


def _redis_url(url: str) -> str:
    if urlsplit(url).scheme not in ("redis", "rediss"):
        raise ValueError("not a redis:// or rediss:// URL")
    return url


def _listed_networks(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return tuple(ip_network(part) for part in re.findall(r"[^,\s]+", text))
    except ValueError:
        raise ValueError("not a list of networks such as 10.1.0.0/16, fd00::/8") from None


def _listed_folders(text: object) -> object:
    if not isinstance(text, str):
        return text
    folders = tuple(Path(part) for part in text.split(os.pathsep) if part)
    if not all(folder.is_absolute() for folder in folders):
        raise ValueError(f"not a list of absolute paths with {os.pathsep} between them")
    return folders


Folders = Annotated[tuple[Path, ...], NoDecode, BeforeValidator(_listed_folders)]
Networks = Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode, BeforeValidator(_listed_networks)]


class Settings(BaseSettings):
    """What an operator may set. Frozen; its repr and its validation errors show no secret."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    home: Path = Field(
        Path(".headgate"), description="Folder that holds the database, the objects and the datasets."
    )
    database_url: str | None = Field(
        None,
        repr=False,
        description="postgresql:// or sqlite:/// URL of the database; a SQLite file in the home by default.",
    )
    redis_url: Annotated[str, AfterValidator(_redis_url)] | None = Field(
        None,
        repr=False,
        description="redis:// or rediss:// URL; with it `headgate worker` runs the jobs, without it the server does.",
    )
    store_url: Annotated[str, AfterValidator(_file_url)] | None = Field(
        None,
        description="file:/// URL of the folder of this database's objects and datasets; in the home by default.",
    )
    secret_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="Key that signs tokens and encrypts secrets of endpoints, at least 32 characters, the same for all "
        "processes; made on the first start by default.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes any free one.")
    log_format: Literal["console", "json"] = Field("console", description="Logs for people or as JSON lines.")
    max_upload_bytes: int = Field(5 * GIB, gt=0, description="Largest file that is taken, in bytes.")
    max_body_bytes: int = Field(8 * MIB, gt=0, description="Largest request that is no upload, in bytes.")
    workers: int = Field(2, ge=1, description="How many jobs a process runs at once.")
    child_memory_bytes: int = Field(
        2 * GIB, ge=256 * MIB, description="Memory that one job may use, in bytes."
    )
    lease_seconds: float = Field(30.0, gt=0, description="How long a worker that fell silent keeps its job.")
    reconcile_seconds: float = Field(
        5.0, gt=0, description="How often processes look, in turn, for jobs that nobody works on."
    )
    job_timeout_seconds: float = Field(
        21_600.0, gt=0, description="How long one attempt at a job may take; a job's own limit may be lower."
    )
    grace_seconds: float = Field(
        10.0,
        ge=0,
        description="How long a process that is stopped lets its jobs go on before it hands them back.",
    )
    error_retention_days: float = Field(
        90.0,
        ge=0,
        le=36_500,
        description="How long errors of rows are kept after their job has ended; 0 keeps them for ever.",
    )
    token_hours: float = Field(24.0, gt=0, description="How long an access token is valid.")
    allowed_networks: Networks = Field(
        (),
        description="Networks that are not public from which URLs may be fetched, such as 10.1.0.0/16, fd00::/8.",
    )

    local_folders: Folders = Field(
        (),
        description="Folders of this machine that pipelines may read and write, as absolute paths with : between them.",
    )

    @property
    def resolved_database_url(self) -> str:
        """The database's URL, with the default filled in."""
        return self.database_url or f"sqlite:///{self.home / 'headgate.db'}"

    @property
    def store_path(self) -> Path:
        """The folder of objects and datasets, with the default filled in."""
        return Path(unquote(urlsplit(self.store_url).path)) if self.store_url else self.home / "store"


class SettingRow(NamedTuple):
    """One setting as it is shown to people: secrets are hidden in `value`."""

    variable: str
    meaning: str
    default: str
    value: str


def describe(settings: Settings) -> list[SettingRow]:
    """Tell every setting, in the order in which they are declared."""
    return [
        SettingRow(
            variable=f"{ENV_PREFIX}{name.upper()}",
            meaning=field.description or "",
            default=_shown(field.default),
            value=_shown(getattr(settings, name)),
        )
        for name, field in Settings.model_fields.items()
    ]


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return _without_password(str(value))


def _without_password(text: str) -> str:
    """Hide the password in a URL and whatever its query may carry."""
    scheme, mark, rest = text.partition("://")
    if not mark:
        return text
    address, *_ = rest.partition("?")
    _, at, host = address.rpartition("@")
    return f"{scheme}://{HIDDEN if at else ''}{at}{host}"
