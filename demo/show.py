"""What the demo prints: a bar and tables on a terminal, plain lines and tables anywhere else."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table
from rich.text import Text

from headgate.client import Event, Job


def show_progress(console: Console, events: Iterable[Event]) -> Job:
    """Show a job's events, of which there are some, as they come; answers the job as the last one tells it."""
    show = _show_bar if console.is_terminal else _show_lines
    *_, last = show(console, events)
    return last.job


def _show_bar(console: Console, events: Iterable[Event]) -> Iterable[Event]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("waiting", total=1.0)
        for event in events:
            if figures := event.progress:
                bar.update(task, description=figures.stage, completed=figures.fraction)
            yield event
        bar.update(task, description="done", completed=1.0)


def _show_lines(console: Console, events: Iterable[Event]) -> Iterable[Event]:
    for event in events:
        if figures := event.progress:
            share = "" if figures.fraction is None else f", {figures.fraction:.0%}"
            console.print(f"{figures.stage}: {figures.rows_read:,} rows read{share}")
        yield event


def show_table(console: Console, title: str, names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Show these members of some objects, one object a row."""
    table = Table(*names, title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for row in rows:
        table.add_row(*(_cell(row[name]) for name in names))
    console.print(table)


def _cell(value: object) -> Text:
    return Text("null", style="dim") if value is None else Text(str(value))


def show_line(console: Console, text: str) -> None:
    """Show text as it is, on one line however long, so that it can be copied."""
    console.print(text, soft_wrap=True, markup=False, highlight=False)
