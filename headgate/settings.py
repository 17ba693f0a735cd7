"""Every setting of the server: environment variables that only the composition roots read."""

from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from headgate.setting_types import Folders, KeysUrl, Networks, Origins, RedisUrl, SecretKeys, StoreUrl, WebUrl

ENV_PREFIX = "HEADGATE_"
MIB = 1024**2
GIB = 1024**3
HIDDEN = "**********"


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
    redis_url: RedisUrl | None = Field(
        None,
        repr=False,
        description="redis:// or rediss:// URL; with it `headgate worker` runs the jobs, without it the server does.",
    )
    store_url: StoreUrl | None = Field(
        None,
        description="Where this database's objects and datasets are: file:///folder, or s3://bucket/prefix, whose keys "
        "are found as AWS's own tools find them (AWS_ACCESS_KEY_ID, …); a folder in the home by default.",
    )
    s3_endpoint_url: WebUrl | None = Field(
        None, description="URL of an S3-compatible store in place of Amazon's, for HEADGATE_STORE_URL."
    )
    s3_region: str = Field("us-east-1", description="Region of the bucket of HEADGATE_STORE_URL.")
    secret_key: SecretStr | None = Field(
        None,
        min_length=32,
        description="Key that signs tokens and encrypts secrets of endpoints, at least 32 characters, the same for all "
        "processes; made on the first start by default.",
    )
    old_secret_keys: SecretKeys = Field(
        (),
        repr=False,
        description="Keys that were used before, with commas between them: what they signed and encrypted stays valid.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on; 0 takes any free one.")
    log_format: Literal["console", "json"] = Field("console", description="Logs for people or as JSON lines.")
    access_log: Literal["all", "errors", "none"] = Field(
        "errors",
        description="Which requests get a line in the log: all of them, those that are refused or fail, or none.",
    )
    max_upload_bytes: int = Field(5 * GIB, gt=0, description="Largest file that is taken, in bytes.")
    upload_hours: float = Field(
        24.0, gt=0, le=8_760, description="How long a resumable upload may take until it is swept away."
    )
    upload_part_bytes: int = Field(
        8 * MIB,
        ge=5 * MIB,
        le=512 * MIB,
        description="Size of the parts in which uploads go to S3; so much of each, twice, is held in memory.",
    )
    append_seconds: float = Field(
        1.0, gt=0, le=3_600, description="How long appended records wait at most until a job commits them."
    )
    append_batch_bytes: int = Field(
        32 * MIB, gt=0, description="How many bytes of appended records make a batch that waits no longer."
    )
    append_backlog_bytes: int = Field(
        512 * MIB,
        gt=0,
        le=GIB,
        description="How many bytes of appended records may wait for one dataset; then callers have to.",
    )
    max_stream_bytes: int = Field(
        16 * MIB, gt=0, description="Largest request to /streams, in bytes; send more in several."
    )
    download_cache_bytes: int = Field(
        4 * GIB, gt=0, description="Disk space for downloads that are being sent, or may be resumed."
    )
    compaction_minutes: float = Field(
        10.0,
        ge=0,
        description="How often many small files of a dataset are made few large ones; 0 never does it.",
    )
    version_retention_days: float = Field(
        90.0,
        ge=0,
        le=36_500,
        description="How long old versions of datasets can be read; 0 keeps them for ever.",
    )
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
    refresh_token_days: float = Field(
        30.0, gt=0, le=3_650, description="How long somebody stays signed in who doesn't come back."
    )
    login_attempts: int = Field(
        10,
        gt=0,
        description="How often signing in to one account may fail in 15 minutes; from one address ten times as often.",
    )
    password_hashers: int = Field(
        2, gt=0, description="How many passwords are hashed at once; each takes 19 MiB of memory meanwhile."
    )
    oidc_issuer: KeysUrl | None = Field(
        None,
        description="An outside issuer (`iss`) whose tokens are taken too, such as https://login.example.org.",
    )
    oidc_audience: str | None = Field(
        None,
        description="The audience (`aud`) of tokens of the outside issuer; needed with HEADGATE_OIDC_ISSUER.",
    )
    oidc_jwks_url: KeysUrl | None = Field(
        None, description="Where the outside issuer's keys are; by default its discovery document says that."
    )
    oidc_role_claim: str = Field(
        "headgate_role",
        description="The claim of outside tokens that names the role, VIEWER, OPERATOR or ADMIN, alone or in a list.",
    )
    production: bool = Field(
        False,
        description="Tell of the schema, by introspection and in errors, from HEADGATE_INTROSPECTION_ROLE on only; "
        "print no links that carry a token.",
    )
    introspection_role: Literal["VIEWER", "OPERATOR", "ADMIN"] = Field(
        "ADMIN", description="The lowest role that may read the schema where HEADGATE_PRODUCTION is set."
    )
    allowed_origins: Origins = Field(
        (),
        description="Origins of other sites whose pages may call this server, such as https://app.example.org.",
    )
    trusted_proxies: Networks = Field(
        (), description="Networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."
    )
    rate_limit: int = Field(
        60_000,
        ge=0,
        le=1_000_000_000,
        description="Points that a user, and each API key, may spend a minute, 1 or more an operation; 0 is no limit.",
    )
    anonymous_rate_limit: int = Field(
        3_000,
        ge=0,
        le=1_000_000_000,
        description="Points that requests without a valid token may spend a minute from one address; 0 is no limit.",
    )
    max_query_tokens: int = Field(10_000, gt=0, description="How many tokens a GraphQL document may have.")
    max_query_depth: int = Field(20, gt=0, description="How deep fields of a GraphQL document may nest.")
    max_query_fields: int = Field(
        1_000,
        gt=0,
        description="How many fields a GraphQL document may ask for, those of fragments each time.",
    )
    max_query_aliases: int = Field(100, gt=0, description="How many aliases a GraphQL document may have.")
    max_query_directives: int = Field(
        100, gt=0, description="How many directives a GraphQL document may have."
    )
    max_query_cost: int = Field(
        100_000,
        gt=0,
        description="How many values an operation may ask for: fields, times the sizes of their lists.",
    )
    max_page_size: int = Field(
        200,
        gt=0,
        le=200,
        description="How many items a page of a list may have; pages of rows may have 10,000.",
    )
    execution_seconds: float = Field(
        60.0, gt=0, description="How long one operation may take, subscriptions excepted."
    )
    read_seconds: float = Field(
        30.0,
        gt=0,
        description="How long a client may fall silent in its request; one that is no upload may take four times that.",
    )
    max_frame_bytes: int = Field(
        MIB, ge=1024, le=64 * MIB, description="Largest message that a WebSocket takes, in bytes."
    )
    max_connections: int = Field(
        2_000, gt=0, description="How many connections a process has open at once; more are closed unheard."
    )
    max_sockets_per_user: int = Field(
        100, gt=0, description="How many WebSockets and event streams a user may have open in one process."
    )
    max_sockets_per_address: int = Field(
        200,
        gt=0,
        description="How many WebSockets and event streams an address may have open in one process.",
    )
    max_subscriptions: int = Field(50, gt=0, description="How many operations one WebSocket carries at once.")
    allowed_networks: Networks = Field(
        (),
        description="Networks beside public ones that jobs may call, at any port, such as 10.1.0.0/16, fd00::/8.",
    )

    local_folders: Folders = Field(
        (),
        description="Folders of this machine that pipelines may read and write, as absolute paths with : between them.",
    )

    @field_validator("oidc_audience")
    @classmethod
    def _is_told_with_issuer(cls, audience: str | None, info: ValidationInfo) -> str | None:
        if not audience and info.data.get("oidc_issuer"):
            raise ValueError("needed with HEADGATE_OIDC_ISSUER: tokens for others would be taken too")
        return audience

    @property
    def resolved_database_url(self) -> str:
        """The database's URL, with the default filled in."""
        return self.database_url or f"sqlite:///{self.home / 'headgate.db'}"

    @property
    def store_bucket(self) -> tuple[str, str] | None:
        """The bucket of objects and datasets, and the prefix of their keys; None where they are in a folder."""
        parts = urlsplit(self.store_url or "")
        return (parts.netloc, unquote(parts.path).strip("/")) if parts.scheme == "s3" else None

    @property
    def store_path(self) -> Path:
        """The folder of objects and datasets, with the default filled in; of copies where they are in a bucket."""
        is_given = self.store_url is not None and self.store_bucket is None
        return Path(unquote(urlsplit(self.store_url or "").path)) if is_given else self.home / "store"


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
