"""From an endpoint of kind SQL to its database: the host of a server is resolved once, and every address checked."""

from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from headgate.errors import JobFault
from headgate.pipelines import outgoing
from headgate.pipelines.endpoints.outside import Endpoint, Outside
from headgate.pipelines.endpoints.sql import SQLITE, SqlEndpoint
from headgate.pipelines.outgoing import Network
from headgate.pipelines.prepared import Watch
from headgate.storage.outside_sql.databases import OutsideDatabase, PostgresqlDatabase, SqliteDatabase
from headgate.storage.outside_sql.dialled import Server, Tls
from headgate.storage.outside_sql.patience import Patience

KIND = SqlEndpoint.kind
DEFAULT_PORT = 5432
TLS_MODES = {mode.value: mode for mode in Tls} | {"allow": Tls.PREFER, "verify-ca": Tls.VERIFY_FULL}


def database_of(outside: Outside, name: str) -> OutsideDatabase:
    """The database of an endpoint. Raises JobFault: UNKNOWN_ENDPOINT, WRONG_ENDPOINT, and what `database_at` raises."""
    return database_at(outside.endpoint(name, KIND), outside)


def database_at(endpoint: Endpoint, outside: Outside) -> OutsideDatabase:
    """The database of an endpoint. Raises JobFault: INVALID_ENDPOINT, URL_NOT_ALLOWED, URL_UNREACHABLE."""
    settings = SqlEndpoint.of(endpoint)
    if settings.system == SQLITE:
        return SqliteDatabase(_foreign(Path(settings.file), outside))
    return PostgresqlDatabase(_server(endpoint.name, urlsplit(settings.address), outside))


def _foreign(path: Path, outside: Outside) -> Path:
    """A file that is none of Headgate's own, by whatever links it is reached. Raises JobFault (URL_NOT_ALLOWED)."""
    if any(path.exists() and own.exists() and path.samefile(own) for own in outside.own_files):
        raise outgoing.not_allowed("This is Headgate's own database, which no endpoint leads to.")
    return path


def probe_sql(endpoint: Endpoint, outside: Outside, watch: Watch) -> str:
    """Ask a database for what costs nothing; answers what it is, for people. Raises JobFault where it can't be used."""
    return f"It is {database_at(endpoint, outside).ping(patience_of(outside, watch, 'probing'))}."


def patience_of(outside: Outside, watch: Watch, stage: str) -> Patience:
    """How long a job may work at a database: not longer than an attempt; whoever watches may end it before."""
    return Patience(outside.timeout_s, lambda: watch(stage))


def _server(name: str, parts: SplitResult, outside: Outside) -> Server:
    host, port = parts.hostname or "", parts.port or DEFAULT_PORT
    if not host.isascii() or "%" in host or "/" in host or "," in host:
        _refuse(name, "the URL names one host, and no socket")
    user = unquote(parts.username or "")
    if not user:
        _refuse(name, "the URL names no user")
    return Server(
        address=_address(host, port, outside),
        host=host,
        port=port,
        user=user,
        database=unquote(parts.path.removeprefix("/")),
        password=unquote(parts.password or ""),
        tls=_tls(name, dict(parse_qsl(parts.query, keep_blank_values=True))),
    )


def _tls(name: str, given: Mapping[str, str]) -> Tls:
    if others := set(given) - {"sslmode"}:
        _refuse(name, f"the URL takes sslmode, and not {min(others)}")
    mode = given.get("sslmode", Tls.PREFER)
    if mode not in TLS_MODES:
        _refuse(name, f"sslmode is one of {', '.join(TLS_MODES)}")
    return TLS_MODES[mode]


def _address(host: str, port: int, outside: Outside) -> str:
    try:
        addresses = outgoing.resolve(host, port)
    except (OSError, UnicodeError):
        raise outgoing.unreachable("The host of the database has no address.") from None
    networks: tuple[Network, ...] = tuple(outside.networks)
    if not all(outgoing.is_allowed(address, networks) for address in addresses):
        raise outgoing.not_allowed(
            "The database's host has an address that is not public. "
            "An operator can allow its network with HEADGATE_ALLOWED_NETWORKS."
        )
    return str(addresses[0])


def _refuse(name: str, why: str) -> NoReturn:
    raise JobFault("INVALID_ENDPOINT", f"The endpoint {name} can't be used so: {why}.", "CONFIG")
