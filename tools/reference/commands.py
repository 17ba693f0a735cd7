"""The page about the command line, written from its commands."""

import ast
import inspect
import re
from collections.abc import Iterator
from itertools import pairwise

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from headgate.cli.exits import Exit
from headgate.cli.main import app
from tools.reference.markdown import GENERATED, page, table

INTRODUCTION = """
Every command tells about itself with `--help`. It reads the [settings](settings.md) from the environment;
commands that talk to a server find it at `HEADGATE_URL` and sign in with `HEADGATE_TOKEN`.
""".strip()
DEFAULT = re.compile(r" *\[(?:default: )?([^\[\]]*)\]$")


def commands_page() -> str:
    """Every command with its arguments and options, in the order in which `headgate --help` lists them."""
    found = list(_commands(get_command(app), "headgate"))
    rows = [[f"[{name}](#{_anchor(name)})", _first_line(command)] for name, command in found]
    described = [part for name, command in found for part in _described(name, command)]
    commands = table(["command", "what it does"], rows)
    exits = ["## Exit codes", table(["code", "meaning"], list(_exits()))]
    return page(GENERATED, "# Command line", INTRODUCTION, commands, *exits, *described)


def _exits() -> Iterator[list[str]]:
    """The statuses with which commands end, by what their source says below each."""
    (statuses,) = ast.parse(inspect.getsource(Exit)).body
    assert isinstance(statuses, ast.ClassDef)
    yield [f"`{Exit.DONE:d}`", "All went well."]
    for one, below in pairwise(statuses.body):
        if (
            isinstance(one, ast.Assign)
            and isinstance(one.targets[0], ast.Name)
            and isinstance(below, ast.Expr)
        ):
            yield [f"`{Exit[one.targets[0].id]:d}`", str(ast.literal_eval(below.value))]


def _commands(command: object, name: str) -> Iterator[tuple[str, TyperCommand]]:
    if isinstance(command, TyperGroup):
        for below, each in command.commands.items():
            yield from _commands(each, f"{name} {below}")
    elif isinstance(command, TyperCommand) and not command.hidden:
        yield name, command


def _described(name: str, command: TyperCommand) -> Iterator[str | list[str]]:
    context = typer.Context(command, info_name=name)
    yield f"## {name} {{#{_anchor(name)}}}"
    yield from (" ".join(paragraph.split()) for paragraph in _paragraphs(command))
    yield "\n".join(["```text", f"{name} {' '.join(command.collect_usage_pieces(context))}", "```"])
    records = (
        parameter.get_help_record(context)
        for parameter in command.get_params(context)
        if parameter.name != "help"
    )
    if rows := [_row(*record) for record in records if record]:
        yield table(["argument or option", "meaning", "default"], rows)
    if command.epilog:
        yield "\n".join(["```text", command.epilog.removeprefix("Example: "), "```"])


def _row(written: str, meaning: str) -> list[str]:
    """A parameter: what its help says at its end in brackets, its default and its bounds, stands by itself."""
    found = DEFAULT.search(meaning)
    said = found[1] if found else ""
    return [f"`{written}`", DEFAULT.sub("", meaning), "needed" if said == "required" else said]


def _paragraphs(command: TyperCommand) -> list[str]:
    return (command.help or "").split("\n\n")


def _first_line(command: TyperCommand) -> str:
    return " ".join(_paragraphs(command)[0].split())


def _anchor(name: str) -> str:
    return name.replace(" ", "-")
