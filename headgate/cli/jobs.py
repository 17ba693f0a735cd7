"""`headgate jobs` and `headgate errors`: what became of data that was sent."""

from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate.cli.exits import Exit, fail
from headgate.cli.following import Following, Timeout, Wait, Watch, print_job, row_of
from headgate.cli.following import watch as follow
from headgate.cli.output import AsJson, print_json, print_rows
from headgate.cli.progress import hint
from headgate.cli.remote import Token, Url, asking, document, print_list

if TYPE_CHECKING:
    from headgate.client import RowError


class Kind(StrEnum):
    """What jobs do."""

    INGEST = "INGEST"
    VALIDATE = "VALIDATE"
    MAPPING = "MAPPING"
    BATCH = "BATCH"
    CORRECTION = "CORRECTION"
    EXPORT = "EXPORT"


class Status(StrEnum):
    """How jobs are."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    RETRYING = "RETRYING"
    SUCCEEDED = "SUCCEEDED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.", show_default=False)]
Limit = Annotated[int, typer.Option("--limit", "-n", help="So many at most; 0 is all.", min=0)]

app = typer.Typer(help="Jobs: listed, watched, retried, canceled.", no_args_is_help=True)


@app.command("list", epilog="Example: headgate jobs list --status FAILED --status PARTIAL")
def list_jobs(
    status: Annotated[
        list[Status] | None, typer.Option(help="May be given again.", case_sensitive=False)
    ] = None,
    kind: Annotated[list[Kind] | None, typer.Option(help="May be given again.", case_sensitive=False)] = None,
    dataset: Annotated[str | None, typer.Option("--dataset", "-d", help="Those that write into it.")] = None,
    pipeline: Annotated[str | None, typer.Option(help="Runs of this pipeline.")] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Print jobs, the newest first."""
    wanted: dict[str, Any] = {"status": status, "kind": kind, "dataset": dataset, "pipeline": pipeline}
    with asking(url, token) as headgate:
        print_list(list(islice(headgate.jobs(**wanted), limit or None)), row_of, as_json)


@app.command(epilog="Example: headgate jobs show job_01j8x")
def show(job_id: JobId, as_json: AsJson = False, url: Url = None, token: Token = None) -> None:
    """Print a job: its status, its counts, why it failed."""
    with asking(url, token) as headgate:
        print_job(headgate.job(job_id), as_json)


@app.command(epilog="Example: headgate jobs watch job_01j8x --timeout 60")
def watch(
    job_id: JobId,
    timeout: Timeout = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print a JSON document for each event, a line each.")
    ] = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Show a job's progress until its end, whose status decides how this ends."""
    with asking(url, token) as headgate:
        follow(headgate, job_id, timeout_s=timeout, as_json=as_json)


@app.command(epilog="Example: headgate jobs retry job_01j8x --failed-rows --wait")
def retry(
    job_id: JobId,
    failed_rows: Annotated[bool, typer.Option("--failed-rows", help="The rejected rows alone.")] = False,
    wait: Wait = False,
    watch: Watch = False,
    timeout: Timeout = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Start an ended job again, and print the id of the new job."""
    with asking(url, token) as headgate:
        job = headgate.retry(job_id, strategy="FAILED_ROWS" if failed_rows else "ALL")
        Following(wait, watch, timeout, as_json).finish(headgate, job)


@app.command(epilog="Example: headgate jobs correct job_01j8x corrected.csv --wait")
def correct(
    job_id: JobId,
    rows: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="What `headgate errors --rows` wrote, edited.", show_default=False
        ),
    ],
    wait: Wait = False,
    watch: Watch = False,
    timeout: Timeout = None,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Send rejected rows again with other values, and print the id of the job that takes them."""
    with asking(url, token) as headgate:
        job = headgate.correct(job_id, file=headgate.upload(rows))
        Following(wait, watch, timeout, as_json).finish(headgate, job)


@app.command(epilog="Example: headgate jobs cancel job_01j8x")
def cancel(
    job_id: JobId,
    force: Annotated[bool, typer.Option("--force", help="At once, not at the next safe point.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Stop a job; nothing of it stays in a dataset."""
    with asking(url, token) as headgate:
        print_job(headgate.cancel(job_id, mode="FORCE" if force else "SAFE"), as_json)


def errors(
    job_id: JobId,
    code: Annotated[list[str] | None, typer.Option(help="Errors with this code; may be given again.")] = None,
    column: Annotated[
        list[str] | None, typer.Option(help="Errors in this column; may be given again.")
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option("--csv", help="Write all of them to this file; nothing is printed.", metavar="FILE"),
    ] = None,
    rows: Annotated[
        bool,
        typer.Option(
            "--rows", help="With --csv: whole rejected rows, to be edited and sent by `jobs correct`."
        ),
    ] = False,
    limit: Limit = 100,
    as_json: AsJson = False,
    url: Url = None,
    token: Token = None,
) -> None:
    """Print what was wrong with a job's rows: where it stood, what was there, what was meant."""
    if rows and csv is None:
        fail("--rows goes with --csv FILE.", Exit.USAGE)
    wanted: dict[str, Any] = {name: value for name, value in (("code", code), ("column", column)) if value}
    with asking(url, token) as headgate:
        if csv is not None:
            headgate.save_errors(job_id, csv, content="ROWS" if rows else "ERRORS", **wanted)
            return
        headgate.job(job_id)  # none has no errors either
        found = list(islice(headgate.errors(job_id, **wanted), limit + 1 if limit else None))
    shown = found[:limit] if limit else found
    if as_json:
        print_json([document(error) for error in shown])
        return
    print_rows([_row_of(error) for error in shown])
    if len(found) > len(shown):
        hint(f"There are more: headgate errors {job_id} --csv errors.csv")


def _row_of(error: "RowError") -> dict[str, Any]:
    return {
        "row": error.row,
        "line": error.line,
        "column": error.column,
        "value": error.value,
        "code": error.code,
        "message": error.message,
        "suggestion": error.suggestion,
    }
