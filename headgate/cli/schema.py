"""`headgate schema`: the GraphQL schema of this version, and what has changed in it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from headgate.cli.exits import Exit, fail, failing_in_one_line
from headgate.cli.output import AsJson, print_rows, say

app = typer.Typer(help="The GraphQL schema.", no_args_is_help=True)


@app.command(epilog="Example: headgate schema export > schema.graphql")
def export() -> None:
    """Print the GraphQL schema in SDL."""
    from headgate.graphql.schema import make_schema

    say(make_schema().as_str())


@app.command(epilog="Example: headgate schema diff schema-of-last-month.graphql")
def diff(
    old: Annotated[
        Path,
        typer.Argument(
            help="A schema in SDL.", exists=True, dir_okay=False, allow_dash=True, show_default=False
        ),
    ],
    new: Annotated[
        Path | None,
        typer.Argument(
            help="By default this version's schema.", exists=True, dir_okay=False, allow_dash=True
        ),
    ] = None,
    declared: Annotated[
        Path | None,
        typer.Option(
            help="Breaking changes that are meant, a line each; # begins a note.", exists=True, dir_okay=False
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what has changed since another schema, the worst first; exits with 1 where clients would break."""
    from headgate.graphql.schema import make_schema
    from headgate.graphql.schema_changes import Severity, changes_between

    with failing_in_one_line():
        changes = changes_between(_read(old), make_schema().as_str() if new is None else _read(new))
    print_rows([change._asdict() for change in changes], as_json)
    breaking = {change.description for change in changes if change.severity is Severity.BREAKING}
    meant = _declarations(declared)
    if undeclared := sorted(breaking - meant):
        fail(f"clients would break: {' '.join(undeclared)}", Exit.FAILED)
    if gone := sorted(meant - breaking):
        fail(f"declared in {declared}, and not the case: {' '.join(gone)}", Exit.FAILED)


def _read(path: Path) -> str:
    return sys.stdin.read() if str(path) == "-" else path.read_text()


def _declarations(path: Path | None) -> set[str]:
    lines = path.read_text().splitlines() if path else []
    return {line.strip() for line in lines if line.strip() and not line.startswith("#")}
