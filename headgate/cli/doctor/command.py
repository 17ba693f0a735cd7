"""All looks in turn, and what is printed of them."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import typer
from pydantic import ValidationError

from headgate.cli.configuration import in_words
from headgate.cli.doctor import home, machine, network, redis, store, variables
from headgate.cli.doctor.database import database
from headgate.cli.doctor.findings import Finding, Level, problem
from headgate.cli.exits import Exit
from headgate.cli.output import print_json, print_rows, say
from headgate.settings import Settings

Look = Callable[[], Iterator[Finding]]

MARKS = {Level.OK: "[green]✓[/]", Level.WARNING: "[yellow]![/]", Level.PROBLEM: "[red]✗[/]"}
OF_SETTINGS: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
    variables.contradictions,
    variables.secret_key,
    home.keys,
    home.home,
    machine.disks,
    machine.memory,
    machine.open_files,
    store.store,
    redis.redis,
    network.port,
)


def examine(url: str | None, token: str | None, *, as_json: bool) -> None:
    """Look at this machine's set-up, or at a server that runs; ends the command with 1 where something doesn't work."""
    findings = list(_looks_at_server(url, token) if url else _looks())
    _print(findings, as_json)
    if any(finding.level is Level.PROBLEM for finding in findings):
        raise typer.Exit(Exit.FAILED)


def _looks_at_server(url: str, token: str | None) -> Iterator[Finding]:
    yield from _guarded(machine.python)
    yield from _guarded(partial(network.server, url, token))


def _looks() -> Iterator[Finding]:
    for look in (machine.python, machine.pages, variables.unknown_variables):
        yield from _guarded(look)
    try:
        settings = Settings()
    except ValidationError as error:
        for fault in error.errors():
            yield problem("settings", in_words(fault), "Mend it; the rest was not looked at.")
        return
    for of_settings in OF_SETTINGS:
        yield from _guarded(partial(of_settings, settings))
    yield from _guarded(lambda: iter(asyncio.run(_all(database(settings)))))


async def _all(findings: AsyncIterator[Finding]) -> list[Finding]:
    return [finding async for finding in findings]


def _guarded(look: Look) -> Iterator[Finding]:
    """Go on with the other looks where one fails itself."""
    try:
        yield from look()
    except Exception as error:
        named = getattr(getattr(look, "func", look), "__name__", "look")
        yield problem(named, f"It could not be looked at: {type(error).__name__}.", "Please report this.")


def _print(findings: Sequence[Finding], as_json: bool) -> None:
    if as_json:
        is_well = all(finding.level is not Level.PROBLEM for finding in findings)
        print_json({"ok": is_well, "findings": [asdict(finding) for finding in findings]})
    elif sys.stdout.isatty():
        _print_for_people(findings)
    else:
        print_rows([asdict(finding) for finding in findings])


def _print_for_people(findings: Sequence[Finding]) -> None:
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2, 0, 0))
    for finding in findings:
        said: Any = Text(finding.message)
        if finding.advice:
            said.append(f"\n→ {finding.advice}", style="bold")
        table.add_row(MARKS[finding.level], finding.check, said)
    Console().print(Padding(table, 0))
    count = {level: sum(finding.level is level for finding in findings) for level in Level}
    say(f"{count[Level.PROBLEM]} problems, {count[Level.WARNING]} warnings, {count[Level.OK]} in order.")
