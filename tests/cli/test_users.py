"""`headgate users`, at a terminal and in scripts."""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
import typer
from sqlmodel import col, select
from typer.testing import CliRunner, Result

from headgate.cli import users
from headgate.cli.main import app
from headgate.domain.passwords import Passwords
from headgate.storage.database import Database
from headgate.storage.tables import AuditEntry, User

PASSWORD = "correct horse"
Answer = TypeVar("Answer")
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `headgate users …` in a home of its own, with what stands in standard input."""
    monkeypatch.setenv("HEADGATE_HOME", str(tmp_path))

    def run(*arguments: str, given: str = "") -> Result:
        return CliRunner().invoke(app, ["users", *arguments], input=given)

    return run


def read(home: Path, work: Callable[[Database], Awaitable[Answer]]) -> Answer:
    async def with_database() -> Answer:
        database = Database.connect(f"sqlite:///{home / 'headgate.db'}")
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(with_database())


async def ann(database: Database) -> User:
    async with database.read() as session:
        return (await session.scalars(select(User).where(col(User.email) == "ann@example.org"))).one()


async def actions(database: Database) -> list[tuple[str, str, str | None]]:
    async with database.read() as session:
        entries = await session.scalars(select(AuditEntry).order_by(col(AuditEntry.id)))
        return [(entry.action, entry.actor, entry.actor_id) for entry in entries]


def listed(run: Run) -> dict[str, Any]:
    users = json.loads(run("list", "--json").stdout)
    return {user["email"]: user for user in users}


def test_a_user_lives_from_the_command_line(run: Run, tmp_path: Path) -> None:
    made = run("create", "Ann@example.org", "--role", "operator", "--name", "Ann", given=f"{PASSWORD}\n")
    assert (made.exit_code, made.stdout) == (0, "ann@example.org may sign in now, as OPERATOR.\n")
    user = listed(run)["ann@example.org"]
    assert (user["role"], user["active"], user["name"]) == ("OPERATOR", True, "Ann")
    assert run("list").stdout.splitlines()[0].split("\t")[:4] == ["ann@example.org", "OPERATOR", "yes", "Ann"]

    assert run("password", "ann@example.org", given="battery staple").exit_code == 0
    kept = read(tmp_path, ann)
    assert asyncio.run(Passwords(1).matches("battery staple", kept.password_hash))
    assert kept.tokens_from is not None

    changed = run("update", "ann@example.org", "--inactive", "--role", "VIEWER", "--name", "")
    assert changed.stdout == "ann@example.org is VIEWER, and inactive.\n"
    assert listed(run)["ann@example.org"]["name"] is None
    assert run("delete", "ann@example.org").stdout == "ann@example.org is deleted.\n"
    assert list(listed(run)) == ["admin@localhost"]
    assert read(tmp_path, actions) == [
        (action, "headgate users", None)
        for action in ("createUser", "changePassword", "updateUser", "deleteUser")
    ]


@pytest.mark.parametrize(
    ("arguments", "given", "words"),
    [
        (("create", "ann"), PASSWORD, "An address looks like"),
        (("create", "ann@example.org"), "", "from 8 to 1,024 characters"),
        (("create", "admin@localhost"), PASSWORD, "There is a user admin@localhost already."),
        (("password", "ann@example.org"), PASSWORD, "There is no user ann@example.org."),
        (("update", "admin@localhost", "--inactive"), "", "the last administrator"),
        (("delete", "admin@localhost"), "", "the last administrator"),
    ],
    ids=range(6),
)
def test_what_is_refused_is_said_in_one_line(
    run: Run, arguments: tuple[str, ...], given: str, words: str
) -> None:
    refused = run(*arguments, given=given)
    assert (refused.exit_code, refused.stdout) == (2, "")
    (line,) = refused.stderr.splitlines()
    assert line.startswith("headgate: ")
    assert words in line
    assert PASSWORD not in refused.output


def test_at_a_terminal_a_password_is_asked_for_twice_and_not_shown(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, Any]] = []

    def prompt(text: str, **options: Any) -> str:
        asked.append(options)
        return PASSWORD

    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(typer, "prompt", prompt)
    assert users._read_password() == PASSWORD
    assert asked == [{"hide_input": True, "confirmation_prompt": True}]


def test_a_password_is_no_argument(run: Run) -> None:
    assert "--password" not in run("create", "--help").stdout
    assert run("create", "ann@example.org", PASSWORD).exit_code == 2
