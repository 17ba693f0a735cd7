"""What commands print: data on stdout, as tables for people, with tabs for scripts, or as JSON.

A reader that goes away, as `head` does, ends the command at once and without a word.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from headgate.cli.exits import Exit

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

Row = Mapping[str, Any]


def say(text: str) -> None:
    """Print a text as it is, at once."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Python would try once more when it ends, and tell of that.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(Exit.CLOSED_PIPE) from None


def print_json(document: Any) -> None:
    """Print a JSON document."""
    say(json.dumps(document, indent=2, ensure_ascii=False))


def print_json_line(document: Any) -> None:
    """Print a JSON document in one line, as one of several."""
    say(json.dumps(document, ensure_ascii=False))


def print_rows(rows: Sequence[Row], as_json: bool) -> None:
    """Print rows that have the same keys."""
    if as_json:
        print_json(list(rows))
        return
    shown = [{name: as_text(value) for name, value in row.items()} for row in rows]
    if not shown:
        return
    if sys.stdout.isatty():
        _print_table(shown)
    else:
        say("\n".join("\t".join(map(_in_one_line, row.values())) for row in shown))


def as_text(value: object) -> str:
    """Say a value in a cell of a table."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _in_one_line(text: str) -> str:
    """Keep a cell from being taken for two, or a row for two."""
    return " ".join(text.replace("\t", " ").splitlines()) if text else text


def _print_table(rows: list[dict[str, str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in rows[0]:
        table.add_column(headline(name), overflow="fold")
    for row in rows:
        # What is printed is data: its brackets are no markup.
        table.add_row(*map(Text, row.values()))
    Console().print(table)


def headline(name: str) -> str:
    """The title of a column: `createdAt` is "Created at"."""
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
    return spaced[:1].upper() + spaced[1:]
