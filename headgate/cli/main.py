"""The command line.

What a command needs beyond the settings is imported when it runs: Polars and Strawberry take their time.
Exit codes: 0 done, 2 wrong usage or settings, 5 a part that is needed cannot be reached.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from headgate.cli.users import RoleName, users_app
from headgate.errors import HeadgateError
from headgate.garbage import keeping_all
from headgate.settings import ENV_PREFIX, Settings, describe

if TYPE_CHECKING:
    from headgate.domain.services import AccessServices

MODULE = "headgate.cli"
MAX_TOKEN_HOURS = 10 * 366 * 24


class Exit(IntEnum):
    """Why a command ended."""

    USAGE = 2
    UNREACHABLE = 5


app = typer.Typer(
    help="Headgate: the gate through which data gets in.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
schema_app = typer.Typer(help="The GraphQL schema.", no_args_is_help=True)
app.add_typer(schema_app, name="schema")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on, in place of HEADGATE_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes any free one.")] = None,
) -> None:
    """Serve until SIGTERM or Ctrl-C. Prints the URL, and "ready" once a request to itself has succeeded."""
    from headgate.telemetry import configure_logging

    settings = _read_settings(host=host, port=port)
    configure_logging(settings.log_format)  # before kinds of other packages are loaded, which is logged

    with keeping_all():
        from headgate.server import serving
        from headgate.server.app import create_app
    from headgate.server.connections import ConnectionLimits

    with _failing_in_one_line():
        application = create_app(settings)
        listener = serving.listen(settings.host, settings.port)
    print(f"Headgate serves {serving.url_of(listener)}/graphql")
    print("For a token, run: headgate token", flush=True)
    limits = ConnectionLimits(settings.read_seconds, settings.max_connections, settings.max_frame_bytes)
    if not serving.run(application, listener, limits=limits, on_ready=lambda: print("ready", flush=True)):
        raise typer.Exit(Exit.UNREACHABLE)


@app.command()
def worker(
    processes: Annotated[
        int, typer.Option(help="How many processes; one that ends is started again.", min=1, max=64)
    ] = 1,
    tied: Annotated[bool, typer.Option(help="Stop when standard input ends.", hidden=True)] = False,
) -> None:
    """Run the jobs that wait in Redis, until SIGTERM or Ctrl-C; prints "ready" once it takes some.

    A process runs HEADGATE_WORKERS jobs at once. Jobs that are running when it is told to stop may go on for
    HEADGATE_GRACE_SECONDS, and are then handed back.
    """
    with keeping_all():
        from headgate.server import processes as several
        from headgate.server.assembly import make_pool
        from headgate.server.worker_process import work
        from headgate.telemetry import configure_logging

    settings = _read_settings()
    if settings.redis_url is None:
        _fail("Set HEADGATE_REDIS_URL: without Redis the server runs the jobs itself.", Exit.USAGE)
    configure_logging(settings.log_format)
    with _failing_in_one_line():
        if processes > 1:
            asyncio.run(several.keep_running([sys.executable, "-m", MODULE, "worker", "--tied"], processes))
        else:
            pool = make_pool(settings, settings.workers)
            asyncio.run(work(settings, pool, tied=tied, on_ready=lambda: print("ready", flush=True)))


@app.command()
def migrate() -> None:
    """Create the tables of the database, or bring them up to date."""
    from headgate.server.preparation import prepare

    with _failing_in_one_line():
        asyncio.run(prepare(_read_settings()))


@app.command()
def token(
    role: Annotated[
        RoleName,
        typer.Option(help="What the token allows.", case_sensitive=False),
    ] = "ADMIN",
    hours: Annotated[
        float | None,
        typer.Option(
            help="How long it is valid, in place of HEADGATE_TOKEN_HOURS.", min=0, max=MAX_TOKEN_HOURS
        ),
    ] = None,
) -> None:
    """Print an access token of the administrator, who is made where there is none."""
    from headgate.server.preparation import issue_administrator_token

    with _failing_in_one_line():
        settings = _read_settings(token_hours=hours)
        print(asyncio.run(issue_administrator_token(settings, role)))


@app.command("rotate-key")
def rotate_key() -> None:
    """Make a new secret key, and seal the secrets of all endpoints with it.

    What the three keys before signed stays valid until it expires; an older one is dropped. Servers and workers that
    use the same home take the new key by themselves. With HEADGATE_SECRET_KEY set no key is made: set a new one, add
    the one before to HEADGATE_OLD_SECRET_KEYS, restart, and run this to seal the secrets with the new one.
    """
    from headgate.server.preparation import rotate_key as rotate

    with _failing_in_one_line():
        rotation = asyncio.run(rotate(_read_settings()))
    for line in rotation.in_words():
        print(line)
    if names := ", ".join(rotation.resealed.unreadable):
        print(
            f"headgate: the keys of these endpoints' secrets are lost; give them again: {names}",
            file=sys.stderr,
        )


@schema_app.command()
def export() -> None:
    """Print the GraphQL schema in SDL."""
    from headgate.graphql.schema import make_schema

    print(make_schema().as_str())


@app.command("settings")
def show_settings(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Print every setting with its meaning, its default and its present value; secrets are hidden."""
    _print_rows([row._asdict() for row in describe(_read_settings())], as_json)


def _administer(work: "Callable[[AccessServices], Awaitable[Any]]") -> Any:
    """Do some work on users in a database that is up to date."""
    from headgate.server.administration import administering
    from headgate.server.preparation import prepared_database

    settings = _read_settings()

    async def administer() -> Any:
        async with (
            prepared_database(settings) as (database, _),
            administering(database, settings.redis_url) as services,
        ):
            return await work(services)

    with _failing_in_one_line():
        return asyncio.run(administer())


def _print_rows(rows: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """Print rows as JSON; else as a table for people, and with tabs for scripts."""
    if as_json:
        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    shown = [{name: _as_text(value) for name, value in row.items()} for row in rows]
    if sys.stdout.isatty():
        _print_table(shown)
    else:
        for row in shown:
            print("\t".join(row.values()))


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


app.add_typer(users_app(_administer, _print_rows), name="users")


def main() -> None:
    """Run the command that the arguments name."""
    app()


def _print_table(rows: list[dict[str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*(name.capitalize() for name in rows[0]))
    for row in rows:
        table.add_row(*row.values())
    Console().print(table)


def _read_settings(**options: Any) -> Settings:
    """Read the settings; options that are given come before the environment."""
    try:
        return Settings(**{name: value for name, value in options.items() if value is not None})
    except ValidationError as error:
        _fail("; ".join(map(_in_words, error.errors())), Exit.USAGE)


def _in_words(fault: ErrorDetails) -> str:
    name = "_".join(map(str, fault["loc"]))
    return f"{ENV_PREFIX}{name.upper()}: {fault['msg']}"


@contextmanager
def _failing_in_one_line() -> Iterator[None]:
    """Turn what is no bug into one line and an exit code."""
    try:
        yield
    except HeadgateError as error:
        _fail(error.message, Exit.UNREACHABLE if error.retryable else Exit.USAGE)
    except (OSError, ValueError) as error:
        _fail(str(error), Exit.UNREACHABLE if isinstance(error, ConnectionError) else Exit.USAGE)


def _fail(message: str, code: Exit) -> NoReturn:
    print(f"headgate: {message}", file=sys.stderr)
    raise typer.Exit(code)
