"""Connections to a PostgreSQL server at an address that was chosen before, and what its errors mean."""

import asyncio
import re
import ssl
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

import asyncpg

from headgate.errors import FailureCategory, JobFault
from headgate.storage.outside_sql.patience import GIVE_UP_S, Patience, timed_out

CONNECT_TIMEOUT_S = 10.0
IDLE_MS = 60_000
"""After so long without a word in a transaction the server ends it: a process that hangs must not keep its locks."""
SORT_MEMORY = "64MB"
PASSING = ("08", "40", "53", "55", "57")
"""The classes of errors after which the same may succeed later: connections, deadlocks, resources, locks, shutdowns."""
DENIED = ("28", "3D")
ABOUT_DATA = ("22", "23")
CANCELED = "57014"
COPIED = re.compile(r"COPY .*?, line (?P<row>\d+), column (?P<column>.+?)(: |$)", re.DOTALL)

MAX_SAID_CHARACTERS = 2_000
"""More of what a server says is left out: it may say anything."""

T = TypeVar("T")
Connection = Any
"""asyncpg comes without types."""


class Tls(StrEnum):
    """Whether to talk encrypted; the names are those of `sslmode`."""

    DISABLE = "disable"
    PREFER = "prefer"
    REQUIRE = "require"
    VERIFY_FULL = "verify-full"


@dataclass(frozen=True, slots=True)
class Server:
    """A PostgreSQL server: `address` is dialled, and `host` is the name that its certificate has to show."""

    address: str
    host: str
    port: int
    user: str
    database: str
    password: str = field(default="", repr=False)
    tls: Tls = Tls.PREFER


class _Named(ssl.SSLContext):
    """Asks for the certificate of a host that is dialled by its address."""

    host: str

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, *_: Any, **__: Any) -> ssl.SSLObject:
        return super().wrap_bio(incoming, outgoing, server_side=False, server_hostname=self.host)


def _tls(server: Server) -> ssl.SSLContext | str | bool:
    if server.tls is Tls.DISABLE:
        return False
    if server.tls is Tls.PREFER:
        return "prefer"
    context = _Named(ssl.PROTOCOL_TLS_CLIENT)
    context.host = server.host
    if server.tls is Tls.VERIFY_FULL:
        context.load_default_certs()
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def run(
    server: Server, patience: Patience, code: str, work: Callable[[Connection], Coroutine[Any, Any, T]]
) -> T:
    """Carry out work over a connection of its own. Raises JobFault: `code` for what the server does not do."""
    with told(code):
        return asyncio.run(patience.during(_connected(server, work)))


async def _connected(server: Server, work: Callable[[Connection], Coroutine[Any, Any, T]]) -> T:
    connection = await _connect(server)
    try:
        done = await work(connection)
    except BaseException:
        connection.terminate()
        raise
    # What is done is committed: no trouble on the way out changes that.
    with suppress(Exception):
        await connection.close(timeout=GIVE_UP_S)
    return done


async def _connect(server: Server) -> Connection:
    try:
        # Given whole, so that nothing is taken from the environment or a file of passwords.
        return await asyncpg.connect(
            host=server.address,
            port=server.port,
            user=server.user,
            password=server.password,
            database=server.database,
            ssl=_tls(server),
            timeout=CONNECT_TIMEOUT_S,
            statement_cache_size=0,
        )
    except ssl.SSLCertVerificationError:
        message = "The certificate of the database's server is not trusted."
        raise JobFault("URL_UNREACHABLE", message, "DEPENDENCY") from None
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.InternalClientError, asyncpg.InterfaceError):
        raise unreachable("The database's server can't be reached, or is not one.") from None


def unreachable(message: str) -> JobFault:
    """The fault of a server that can't be talked to."""
    return JobFault("URL_UNREACHABLE", message, "DEPENDENCY", retryable=True)


async def begin(connection: Connection, patience: Patience) -> None:
    """Set what holds for one transaction, in its beginning.

    Not when connecting: many a pool in between takes no such settings.
    """
    settings = {
        "statement_timeout": str(max(int(patience.left_s() * 1000), 1)),
        "idle_in_transaction_session_timeout": str(IDLE_MS),
        "TimeZone": "UTC",
        "DateStyle": "ISO, YMD",
        "IntervalStyle": "iso_8601",
        "bytea_output": "hex",
        "extra_float_digits": "1",
        "standard_conforming_strings": "on",
        "work_mem": SORT_MEMORY,
        "jit": "off",
    }
    for name, value in settings.items():
        await connection.execute("SELECT set_config($1, $2, true)", name, value)


@contextmanager
def told(code: str) -> Iterator[None]:
    """Say in our words what a server says."""
    try:
        yield
    except asyncpg.PostgresError as error:
        raise fault_of(error, code) from None
    except (OSError, asyncpg.InternalClientError, asyncpg.InterfaceError):
        raise unreachable("The connection to the database broke off.") from None


def fault_of(error: Any, code: str) -> JobFault:
    """What an error of the server means for the job; it tells what the server said, and nothing of the connection."""
    state = error.sqlstate or ""
    details = {"sqlstate": state}
    if state == CANCELED:
        return timed_out()
    said = first_words(error)
    if state[:2] in DENIED:
        return JobFault("DATABASE_DENIED", f"The database lets nobody in: {said}.", "CONFIG", details=details)
    if state[:2] in PASSING:
        return JobFault("DATABASE_BUSY", f"The database says: {said}.", "DEPENDENCY", True, details)
    category: FailureCategory = "DATA" if state[:2] in ABOUT_DATA else "CONFIG"
    return JobFault(code, f"The database says: {said}.", category, details=details)


def first_words(error: Any) -> str:
    """What the server said, on one line, and of which value, where that is one of many rows."""
    said = " ".join(str(error.args[0] if error.args else error)[:MAX_SAID_CHARACTERS].split()).rstrip(".")
    if place := COPIED.match(getattr(error, "context", None) or ""):
        return f"{said} (row {place['row']} of those sent, column {place['column']})"
    return said
