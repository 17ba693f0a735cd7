"""`headgate upload`, `ingest` and `validate`: data on its way in."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from headgate.cli.exits import Exit, fail
from headgate.cli.following import Following, Strict, Timeout, Wait, Watch, at_most, end_with, print_job
from headgate.cli.output import AsJson, print_json, print_record
from headgate.cli.progress import hint, sending
from headgate.cli.remote import Token, Url, asking, document
from headgate.cli.specs import SpecFile, read_checks, read_spec
from headgate.cli.words import Bytes

if TYPE_CHECKING:
    from headgate.client import File, Headgate

STANDARD_INPUT = "-"
FILE_ID = "file_"
PriorityName = Literal["HIGH", "MEDIUM", "LOW"]
Format = Literal["CSV", "TSV", "JSON", "NDJSON", "PARQUET", "EXCEL", "ARROW"]
Mode = Literal["APPEND", "REPLACE", "UPSERT"]

SOURCE_HELP = "A file, - for standard input, an https:// URL, or the id of a file that was uploaded."
GivenSource = Annotated[str, typer.Argument(metavar="FILE", help=SOURCE_HELP, show_default=False)]
Source = Annotated[str | None, typer.Argument(metavar="[FILE]", help=SOURCE_HELP, show_default=False)]
GivenFormat = Annotated[
    Format | None, typer.Option("--format", help="Found in the content by default.", case_sensitive=False)
]
PipelineName = Annotated[
    str | None, typer.Option("--pipeline", help="A pipeline that the data goes through.")
]
TemplateName = Annotated[str | None, typer.Option("--template", help="A template, such as sales.orders.")]
Priority = Annotated[PriorityName, typer.Option(help="Who goes first where jobs wait.", case_sensitive=False)]
Key = Annotated[
    str | None,
    typer.Option(
        "--idempotency-key", help="The same key starts one job, however often it is sent.", metavar="KEY"
    ),
]


def upload(
    source: Annotated[
        str, typer.Argument(metavar="FILE", help="A file, or - for standard input.", show_default=False)
    ],
    pipeline: PipelineName = None,
    given_format: GivenFormat = None,
    name: Annotated[
        str | None, typer.Option(help="What it is called; the file's own name by default.")
    ] = None,
    key: Key = None,
    wait: Wait = False,
    watch: Watch = False,
    timeout: Timeout = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Send a file, and print what was found in it; with --pipeline, let a pipeline read it."""
    if pipeline is None and (wait or watch or timeout is not None):
        fail("There is a job to wait for with --pipeline alone.", Exit.USAGE)
    with asking(url, token) as headgate:
        file = _sent(headgate, source, given_format, name, key and f"{key}-file")
        if pipeline is None:
            _print_file(file, as_json)
            return
        job = headgate.run_pipeline(pipeline, file=file, idempotency_key=key)
        Following(wait, watch, timeout, as_json).finish(headgate, job)


def ingest(
    source: GivenSource,
    dataset: Annotated[
        str | None, typer.Option("--dataset", "-d", help="The dataset that the rows go into.")
    ] = None,
    mode: Annotated[
        Mode | None, typer.Option(help="How they go in; APPEND by default.", case_sensitive=False)
    ] = None,
    keys: Annotated[
        list[str] | None,
        typer.Option("--key", help="A column by which UPSERT finds rows; may be given again."),
    ] = None,
    pipeline: PipelineName = None,
    template: TemplateName = None,
    spec: SpecFile = None,
    given_format: GivenFormat = None,
    priority: Priority = "MEDIUM",
    key: Key = None,
    wait: Wait = False,
    watch: Watch = False,
    timeout: Timeout = None,
    strict: Strict = False,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Start a job that ingests a file, and print its id; with --wait or --watch, what it came to."""
    if not (dataset or pipeline or template or spec):
        fail("Say where the rows go: --dataset, --pipeline, --template or --spec.", Exit.USAGE)
    where: dict[str, Any] = {
        "dataset": dataset,
        "mode": mode,
        "keys": keys,
        "pipeline": pipeline,
        "template": template,
    }
    with asking(url, token) as headgate:
        data = data_of(headgate, source, given_format, key)
        job = headgate.ingest(spec=read_spec(spec), **where, **data, priority=priority, idempotency_key=key)
        Following(wait or strict, watch, timeout, as_json, strict).finish(headgate, job)


def validate(
    source: Source = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", "-d", help="A dataset in place of a file.")
    ] = None,
    pipeline: Annotated[str | None, typer.Option(help="Hold it against a pipeline's rules.")] = None,
    template: TemplateName = None,
    spec: SpecFile = None,
    given_format: GivenFormat = None,
    watch: Watch = False,
    timeout: Timeout = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Hold data against rules, and ingest nothing. Ends with 3 where rows are not valid.

    A file that cannot be read as it is has rows that are not valid without any further rule, too.
    """
    if (source is None) == (dataset is None):
        fail("Name a FILE, or a --dataset.", Exit.USAGE)
    rules = {**read_checks(spec), "pipeline": pipeline, "template": template}
    with asking(url, token) as headgate:
        data = {"dataset": dataset} if source is None else data_of(headgate, source, given_format, None)
        job = headgate.validate(**rules, **data)
        with at_most(timeout, job.id):
            ended = Following(True, watch, None, as_json).followed(headgate, job)
        print_job(ended, as_json)
        end_with(ended, is_strict=True)


def data_of(
    headgate: "Headgate", source: str, given_format: Format | None, key: str | None
) -> dict[str, Any]:
    """Make what a job reads of a source: files are sent first."""
    if source.startswith(("http://", "https://")):
        return {"url": source}
    if source.startswith(FILE_ID) and not Path(source).exists():
        return {"file": source}
    return {"file": _sent(headgate, source, given_format, None, key and f"{key}-file")}


def _sent(
    headgate: "Headgate", source: str, given_format: Format | None, name: str | None, key: str | None
) -> "File":
    is_input = source == STANDARD_INPUT
    content = sys.stdin.buffer if is_input else Path(source)
    called = name or ("stdin" if is_input else Path(source).name)
    with sending(called) as on_progress:
        return headgate.upload(
            content, name=called, format=given_format, on_progress=on_progress, idempotency_key=key
        )


def _print_file(file: "File", as_json: bool) -> None:
    if as_json:
        print_json(document(file))
        return
    print_record(
        {
            "id": file.id,
            "name": file.name,
            "format": file.format,
            "size": Bytes(file.byte_size),
            "columns": ", ".join(f"{column.name} {column.type}" for column in file.columns),
        }
    )
    hint(f"Hold it against rules, or ingest it: headgate ingest {file.id} --dataset <name>")
