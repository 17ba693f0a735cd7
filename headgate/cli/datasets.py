"""`headgate datasets`: what came out."""

import shutil
import sys
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from headgate.cli.jobs import Limit
from headgate.cli.output import AsJson, nobody_reads, print_json, print_record
from headgate.cli.remote import Token, Url, asking, document, print_list
from headgate.cli.words import Bytes

if TYPE_CHECKING:
    from headgate.client import Dataset

Format = Literal["CSV", "TSV", "NDJSON", "PARQUET", "ARROW", "EXCEL"]
ENDINGS = {".xlsx": "EXCEL", **{f".{name.lower()}": name for name in get_args(Format)}}
Name = Annotated[str, typer.Argument(metavar="NAME", help="The dataset's name.", show_default=False)]

app = typer.Typer(help="Datasets: listed, shown, exported.", no_args_is_help=True)


@app.command("list", epilog="Example: headgate datasets list")
def list_datasets(limit: Limit = 0, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Print datasets, the newest first."""
    with asking(url, token) as headgate:
        found = list(islice(headgate.datasets(), limit or None))
    print_list(found, _row_of, as_json)


@app.command(epilog="Example: headgate datasets show loans")
def show(name: Name, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Print a dataset: its version, its size, its columns."""
    with asking(url, token) as headgate:
        found = headgate.dataset(name)
    if as_json:
        print_json(document(found))
        return
    columns = ", ".join(f"{column.name} {column.type}" for column in found.columns)
    print_record({**_row_of(found), "createdAt": found.created_at, "columns": columns})


@app.command(epilog="Example: headgate datasets export loans --output loans.parquet")
def export(
    name: Name,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A file; standard output by default.", metavar="FILE"),
    ] = None,
    given_format: Annotated[
        Format | None,
        typer.Option("--format", help="By the file's ending by default, else CSV.", case_sensitive=False),
    ] = None,
    columns: Annotated[
        list[str] | None, typer.Option("--column", "-c", help="This column alone; may be given again.")
    ] = None,
    version: Annotated[int | None, typer.Option(help="An older version.", min=0)] = None,
    url: Url = None,
    token: Token = None,
) -> None:
    """Write a dataset's rows to a file, which is there as a whole or not at all."""
    wanted = given_format or ENDINGS.get(output.suffix.lower() if output else "", "CSV")
    with asking(url, token) as headgate, TemporaryDirectory() as folder:
        path = output or Path(folder) / "rows"
        headgate.save_rows(name, path, format=wanted, columns=columns, version=version)
        if output is None:
            _print(path)


def _print(path: Path) -> None:
    try:
        with path.open("rb") as rows:
            shutil.copyfileobj(rows, sys.stdout.buffer)
        sys.stdout.flush()
    except BrokenPipeError:
        nobody_reads()


def _row_of(dataset: "Dataset") -> dict[str, Any]:
    return {
        "name": dataset.name,
        "version": dataset.version,
        "rows": dataset.row_count,
        "size": Bytes(dataset.byte_size),
        "updatedAt": dataset.updated_at,
    }
