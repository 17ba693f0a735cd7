"""`headgate pipelines`: what happens to data, kept under a name."""

import sys
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate.cli.exits import Exit, fail
from headgate.cli.files import STANDARD_INPUT, GivenFormat, Key, Priority, Source, data_of
from headgate.cli.following import Following, Timeout, Wait, Watch
from headgate.cli.jobs import Limit
from headgate.cli.output import AsJson, print_json, say
from headgate.cli.remote import Token, Url, asking, document, print_list

if TYPE_CHECKING:
    from headgate.client import Pipeline

Name = Annotated[str, typer.Argument(metavar="NAME", help="The pipeline's name.", show_default=False)]
YAML = "query ($name: String!) { pipeline(name: $name) { yaml } }"

app = typer.Typer(help="Pipelines: listed, shown, applied, run.", no_args_is_help=True)


@app.command("list", epilog="Example: headgate pipelines list")
def list_pipelines(limit: Limit = 0, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Print pipelines by their names."""
    with asking(url, token) as headgate:
        found = list(islice(headgate.pipelines(), limit or None))
    print_list(found, _row_of, as_json)


@app.command(epilog="Example: headgate pipelines show revenue-by-product > revenue.yaml")
def show(name: Name, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Print a pipeline as YAML, which `apply` reads; with --json, all that is known of it."""
    with asking(url, token) as headgate:
        known = headgate.pipeline(name)
        if as_json:
            print_json(document(known))
        else:
            say(headgate.ask(YAML, name=name)["pipeline"]["yaml"].rstrip("\n"))


@app.command(epilog="Example: headgate pipelines apply revenue.yaml")
def apply(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE…", help="YAML files, or - for standard input.", show_default=False),
    ],
    name: Annotated[str | None, typer.Option(help="In place of the name in the file.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Make pipelines, or let them be as these files say; one that is as its file says stays as it is."""
    if name and len(files) > 1:
        fail("--name goes with one file.", Exit.USAGE)
    with asking(url, token) as headgate:
        made = [headgate.apply_pipeline(_text_of(file), name=name) for file in files]
    print_list(made, _row_of, as_json)


@app.command(epilog="Example: headgate pipelines run revenue-by-product --watch")
def run(
    name: Name,
    source: Source = None,
    given_format: GivenFormat = None,
    priority: Priority = "MEDIUM",
    key: Key = None,
    wait: Wait = False,
    watch: Watch = False,
    timeout: Timeout = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Run a pipeline over its own source, or over a FILE, and print the id of the job."""
    with asking(url, token) as headgate:
        data = {} if source is None else data_of(headgate, source, given_format, key)
        job = headgate.run_pipeline(name, **data, priority=priority, idempotency_key=key)
        Following(wait, watch, timeout, as_json).finish(headgate, job)


def _text_of(file: str) -> str:
    return sys.stdin.read() if file == STANDARD_INPUT else Path(file).read_text()


def _row_of(pipeline: "Pipeline") -> dict[str, Any]:
    schedule = pipeline.schedule
    return {
        "name": pipeline.name,
        "version": pipeline.version,
        "enabled": pipeline.enabled,
        "lastJob": pipeline.status,
        "schedule": schedule and f"{schedule.cron} {schedule.timezone}",
        "nextRun": schedule and schedule.next_run_at,
        "updatedAt": pipeline.updated_at,
    }
