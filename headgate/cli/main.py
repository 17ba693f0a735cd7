"""The command line: `headgate <noun> <verb>`.

What a command needs beyond its arguments is imported when it runs: Polars and Strawberry take their time, and so do
pydantic, httpx and rich. Exit codes are those of `headgate.cli.exits`.
"""

from typing import Annotated

import typer

from headgate import __version__
from headgate.cli import datasets, files, jobs, pipelines, processes, schema, upkeep, users
from headgate.cli.output import say

DATA, SERVER = "Send and read data", "Run a server"
EXITS = (
    "Exit codes: 0 done, 1 the job failed, 2 wrong usage, 3 the data is not valid, 4 not authenticated, "
    "5 unreachable, 6 timed out."
)

app = typer.Typer(
    epilog=EXITS,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def print_version(is_wanted: bool) -> None:
    """Print the version and end, where that is asked for."""
    if is_wanted:
        say(__version__)
        raise typer.Exit


@app.callback()
def before_any(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", is_eager=True, callback=print_version)
    ] = False,
) -> None:
    """Headgate: the gate through which data gets in."""


app.command(rich_help_panel=DATA, epilog="Example: headgate upload loans.csv")(files.upload)
app.command(rich_help_panel=DATA, epilog="Example: headgate ingest loans.csv --dataset loans --watch")(
    files.ingest
)
app.command(rich_help_panel=DATA, epilog="Example: headgate validate loans.csv --spec checks.yaml")(
    files.validate
)
app.command(rich_help_panel=DATA, epilog="Example: headgate errors job_01j8x --csv errors.csv")(jobs.errors)
app.add_typer(jobs.app, name="jobs", rich_help_panel=DATA)
app.add_typer(pipelines.app, name="pipelines", rich_help_panel=DATA)
app.add_typer(datasets.app, name="datasets", rich_help_panel=DATA)
app.command(rich_help_panel=SERVER, epilog="Example: headgate serve --port 8080")(processes.serve)
app.command(rich_help_panel=SERVER, epilog="Example: headgate worker --processes 4")(processes.worker)
app.command(rich_help_panel=SERVER, epilog="Example: headgate migrate")(upkeep.migrate)
app.command(rich_help_panel=SERVER, epilog="Example: headgate token --role VIEWER --hours 1")(upkeep.token)
app.command("rotate-key", rich_help_panel=SERVER, epilog="Example: headgate rotate-key")(upkeep.rotate_key)
app.command("settings", rich_help_panel=SERVER, epilog="Example: headgate settings --json")(
    upkeep.show_settings
)
app.command(rich_help_panel=SERVER, epilog="Example: headgate doctor --url https://headgate.example.org")(
    upkeep.doctor
)
app.add_typer(users.app, name="users", rich_help_panel=SERVER)
app.add_typer(schema.app, name="schema", rich_help_panel=SERVER)


def main() -> None:
    """Run the command that the arguments name."""
    app(prog_name="headgate")
