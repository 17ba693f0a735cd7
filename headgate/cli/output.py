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
from headgate.cli.words import for_people, for_scripts, headline

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

Row = Mapping[str, Any]


def say(text: str) -> None:
    """Print a text as it is, at once."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        nobody_reads()


def nobody_reads() -> None:
    """End the command, as its reader has gone: Python would try to write the rest when it ends, and tell of that."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    raise typer.Exit(Exit.CLOSED_PIPE)


def print_json(document: Any) -> None:
    """Print a JSON document."""
    say(json.dumps(document, indent=2, ensure_ascii=False, default=for_scripts))


def print_json_line(document: Any) -> None:
    """Print a JSON document in one line, as one of several."""
    say(json.dumps(document, ensure_ascii=False, default=for_scripts))


def print_rows(rows: Sequence[Row], as_json: bool = False) -> None:
    """Print rows that have the same keys."""
    if as_json:
        print_json(list(rows))
    elif rows and sys.stdout.isatty():
        _print_table(rows)
    elif rows:
        say("\n".join(tabbed(row.values()) for row in rows))


def print_record(record: Row) -> None:
    """Print one thing: a line for each of its values that it has."""
    if not sys.stdout.isatty():
        say("\n".join(tabbed([name, value]) for name, value in record.items()))
        return
    shown = {headline(name): for_people(value) for name, value in record.items() if value is not None}
    width = max(map(len, shown))
    say("\n".join(f"{name:{width}}  {value}" for name, value in shown.items()))


def tabbed(values: Any) -> str:
    """One line for scripts: a tab in a value would make it two, a line break two rows."""
    return "\t".join(" ".join(for_scripts(value).replace("\t", " ").splitlines()) for value in values)


def _print_table(rows: Sequence[Row]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name, value in rows[0].items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        table.add_column(headline(name), overflow="fold", justify="right" if is_number else "left")
    for row in rows:
        # What is printed is data: its brackets are no markup.
        table.add_row(*(Text(for_people(value)) for value in row.values()))
    Console().print(table)
