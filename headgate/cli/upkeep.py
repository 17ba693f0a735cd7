"""Commands that look after this machine's own Headgate: its tables, keys, tokens and settings."""

import sys
from typing import Annotated

import typer

from headgate.cli.configuration import read_settings
from headgate.cli.exits import carry_out
from headgate.cli.links import print_links
from headgate.cli.output import AsJson, print_rows, say
from headgate.cli.remote import Token
from headgate.cli.users import RoleName

MAX_TOKEN_HOURS = 10 * 366 * 24


def migrate() -> None:
    """Create the tables of the database, or bring them up to date."""
    from headgate.server.preparation import prepare

    carry_out(prepare(read_settings()))


def token(
    role: Annotated[RoleName, typer.Option(help="What the token allows.", case_sensitive=False)] = "ADMIN",
    hours: Annotated[
        float | None,
        typer.Option(
            help="How long it is valid, in place of HEADGATE_TOKEN_HOURS.", min=0, max=MAX_TOKEN_HOURS
        ),
    ] = None,
    as_link: Annotated[
        bool, typer.Option("--link", help="Print links to the pages that sign in with it.")
    ] = False,
    url: Annotated[
        str, typer.Option(envvar="HEADGATE_URL", help="The server's address, for links.")
    ] = "http://127.0.0.1:8000",
) -> None:
    """Print an access token of the administrator, who is made where there is none."""
    from headgate.server.preparation import issue_administrator_token

    signed = carry_out(issue_administrator_token(read_settings(token_hours=hours), role))
    if as_link:
        print_links(url.rstrip("/"), signed)
    else:
        say(signed)


def rotate_key() -> None:
    """Make a new secret key, and seal the secrets of all endpoints with it.

    What the three keys before signed stays valid until it expires; an older one is dropped. Servers and workers that
    use the same home take the new key by themselves. With HEADGATE_SECRET_KEY set no key is made: set a new one, add
    the one before to HEADGATE_OLD_SECRET_KEYS, restart, and run this to seal the secrets with the new one.
    """
    from headgate.server.preparation import rotate_key as rotate

    rotation = carry_out(rotate(read_settings()))
    for line in rotation.in_words():
        say(line)
    if names := ", ".join(rotation.resealed.unreadable):
        print(
            f"headgate: the keys of these endpoints' secrets are lost; give them again: {names}",
            file=sys.stderr,
        )


def show_settings(as_json: AsJson = False) -> None:
    """Print every setting with its meaning, its default and its present value; secrets are hidden."""
    from headgate.settings import describe

    print_rows([row._asdict() for row in describe(read_settings())], as_json)


def doctor(
    url: Annotated[
        str | None, typer.Option(help="A server that runs, in place of this machine's set-up.", metavar="URL")
    ] = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Find what is wrong with a set-up, and say what to do. Ends with 1 where something doesn't work."""
    from headgate.cli.doctor.command import examine

    examine(url, token, as_json=as_json)
