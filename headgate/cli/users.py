"""`headgate users`: users, from the command line of the server's own machine.

What a command needs beyond its arguments is imported when it runs.
"""

import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from headgate.cli.configuration import read_settings
from headgate.cli.exits import carry_out
from headgate.cli.output import AsJson, print_rows, say

if TYPE_CHECKING:
    from headgate.domain.services import AccessServices
    from headgate.storage.tables import User

ACTOR = "headgate users"
"""What the audit log calls whoever works at the command line."""
MAX_LINE_CHARACTERS = 8_192

RoleName = Literal["VIEWER", "OPERATOR", "ADMIN"]
Email = Annotated[str, typer.Argument(help="The user's address.", metavar="EMAIL", show_default=False)]
Name = Annotated[str | None, typer.Option(help="What they are called.")]


app = typer.Typer(
    help="Users: who may sign in. Passwords are asked for, or read as one line from standard input.",
    no_args_is_help=True,
)


@app.command("list", epilog="Example: headgate users list")
def list_users(as_json: AsJson = False) -> None:
    """Print all users, the newest first."""
    print_rows(_administer(_list), as_json)


@app.command(epilog="Example: headgate users create ann@example.org --role OPERATOR")
def create(
    email: Email,
    role: Annotated[RoleName, typer.Option(help="What they may do.", case_sensitive=False)] = "VIEWER",
    name: Name = None,
) -> None:
    """Add a user; their password is asked for."""
    password = _read_password()
    say(_administer(lambda services: _create(services, email, role, name, password)))


@app.command(epilog="Example: headgate users password ann@example.org")
def password(email: Email) -> None:
    """Give a user another password, which is asked for. All their sessions and tokens end; API keys stay."""
    new = _read_password()
    say(_administer(lambda services: _set_password(services, email, new)))


@app.command(epilog="Example: headgate users update ann@example.org --inactive")
def update(
    email: Email,
    role: Annotated[RoleName | None, typer.Option(help="What they may do.", case_sensitive=False)] = None,
    active: Annotated[
        bool | None, typer.Option("--active/--inactive", help="Whether they may sign in.")
    ] = None,
    name: Name = None,
) -> None:
    """Change a user. One who is made inactive is signed out everywhere; an empty name takes it away."""
    say(_administer(lambda services: _update(services, email, role, active, name)))


@app.command(epilog="Example: headgate users delete ann@example.org")
def delete(email: Email) -> None:
    """Delete a user with their sessions and API keys; what they made stays."""
    say(_administer(lambda services: _delete(services, email)))


def _administer(work: "Callable[[AccessServices], Awaitable[Any]]") -> Any:
    """Do some work on users in a database that is up to date."""
    from headgate.server.administration import administering
    from headgate.server.preparation import prepared_database

    settings = read_settings()

    async def administer() -> Any:
        async with (
            prepared_database(settings) as (database, _),
            administering(database, settings.redis_url) as services,
        ):
            return await work(services)

    return carry_out(administer())


def _read_password() -> str:
    """Ask for a password twice, or read it as one line where nobody sits in front."""
    if sys.stdin.isatty():
        answer: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True)
        return answer
    return sys.stdin.readline(MAX_LINE_CHARACTERS).rstrip("\r\n")


async def _list(services: "AccessServices") -> list[dict[str, Any]]:
    from headgate.domain import users
    from headgate.domain.pages import MAX_FIRST

    rows: list[dict[str, Any]] = []
    after = None
    while True:
        page = await users.page(services, MAX_FIRST, after)
        rows += map(_shown, page.items)
        if not page.has_next:
            return rows
        after = page.cursor(page.items[-1])


def _shown(user: "User") -> dict[str, Any]:
    return {
        "email": user.email,
        "role": user.role.value,
        "active": user.active,
        "name": user.name,
        "id": user.id,
        "createdAt": user.created_at.isoformat(),
    }


async def _create(
    services: "AccessServices", email: str, role: RoleName, name: str | None, password: str
) -> str:
    from headgate.domain import users
    from headgate.storage.tables import Role

    new = users.NewUser(email, Role(role), name, password=password)
    made = await users.create(services, ACTOR, new)
    return f"{made.email} may sign in now, as {made.role}."


async def _set_password(services: "AccessServices", email: str, new: str) -> str:
    from headgate.domain import password_changes, users

    user = await users.find(services, email)
    await password_changes.put(services, ACTOR, user, new)
    return f"{user.email} has a new password, and is signed out everywhere."


async def _update(
    services: "AccessServices", email: str, role: RoleName | None, active: bool | None, name: str | None
) -> str:
    from headgate.domain import users
    from headgate.storage.tables import Role

    change = users.UserChange(name, Role(role) if role else None, active)
    user = await users.update(services, ACTOR, (await users.find(services, email)).id, change)
    return f"{user.email} is {user.role}, and {'active' if user.active else 'inactive'}."


async def _delete(services: "AccessServices", email: str) -> str:
    from headgate.domain import users

    user = await users.find(services, email)
    await users.delete_user(services, ACTOR, user.id)
    return f"{user.email} is deleted."
