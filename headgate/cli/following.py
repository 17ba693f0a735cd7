"""Jobs that are followed to their end: with their progress at a terminal, and without a word anywhere else."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from headgate.cli.exits import Exit, fail
from headgate.cli.output import print_json, print_json_line, print_record, say, tabbed
from headgate.cli.progress import Bar, hint
from headgate.cli.remote import document
from headgate.cli.words import Seconds

if TYPE_CHECKING:
    from headgate.client import Event, Headgate, Job

Wait = Annotated[bool, typer.Option("--wait", help="Wait for the job's end, and print what it came to.")]
Watch = Annotated[bool, typer.Option("--watch", help="Wait, and show the job's progress at a terminal.")]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--timeout", help="Wait for so many seconds at most; the job goes on.", min=0, metavar="SECONDS"
    ),
]
Strict = Annotated[bool, typer.Option("--strict", help="End with 3 where rows were rejected.")]


@dataclass(frozen=True, slots=True)
class Following:
    """Whether a job is waited for, and how; `timeout_s` is for the whole of it."""

    wait: bool
    watch: bool
    timeout_s: float | None
    as_json: bool
    is_strict: bool = False

    def finish(self, headgate: "Headgate", job: "Job") -> None:
        """Follow a job that was started, print it, and end the command as the job does."""
        if not (self.wait or self.watch or self.timeout_s is not None):
            print_started(job, self.as_json)
            return
        with at_most(self.timeout_s, job.id):
            ended = self.followed(headgate, job)
        print_job(ended, self.as_json)
        end_with(ended, is_strict=self.is_strict)

    def followed(self, headgate: "Headgate", job: "Job") -> "Job":
        """Wait for a job's end; answers it as it is then."""
        if not self.watch or not sys.stderr.isatty():
            return headgate.wait(job)
        with Bar(job.id) as bar:
            for event in headgate.watch(job):
                bar.show(event)
        return headgate.job(job)


def watch(headgate: "Headgate", job_id: str, *, timeout_s: float | None, as_json: bool) -> None:
    """Follow a job that somebody has started: with a bar at a terminal, else with a line for each event."""
    with at_most(timeout_s, job_id):
        if as_json or not (sys.stdout.isatty() and sys.stderr.isatty()):
            for event in headgate.watch(job_id):
                _print_event(event, as_json)
        else:
            with Bar(job_id) as bar:
                for event in headgate.watch(job_id):
                    bar.show(event)
            print_job(headgate.job(job_id), as_json=False)
    end_with(headgate.job(job_id))


def _print_event(event: "Event", as_json: bool) -> None:
    if as_json:
        print_json_line(document(event))
        return
    progress = event.progress
    numbers = [progress.stage, progress.fraction, progress.rows_read] if progress else [None] * 3
    say(tabbed([event.at, event.type, event.status, *numbers, event.message]))


@contextmanager
def at_most(seconds: float | None, job_id: str) -> Iterator[None]:
    """End the command where the block takes longer, whatever it waits for."""

    def expire(number: int, frame: object) -> NoReturn:
        fail(f"Job {job_id} has not ended within {seconds:g} seconds; it goes on.", Exit.TIMED_OUT)

    if seconds is None:
        yield
        return
    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def end_with(job: "Job", *, is_strict: bool = False) -> None:
    """End the command where a job failed or, if `is_strict`, has rejected rows."""
    if job.status in ("FAILED", "CANCELED"):
        why = job.failure.message if job.failure else "It was canceled."
        fail(f"Job {job.id} has ended as {job.status}. {why}", Exit.FAILED)
    if is_strict and job.counts.rejected:
        raise typer.Exit(Exit.INVALID)


def print_started(job: "Job", as_json: bool) -> None:
    """Print a job that begins: its id is all that a script needs."""
    if as_json:
        print_json(document(job))
    else:
        say(job.id)
        hint(f"Follow it with: headgate jobs watch {job.id}")


def print_job(job: "Job", as_json: bool) -> None:
    """Print a job and what it has come to."""
    if as_json:
        print_json(document(job))
        return
    print_record(
        {
            **row_of(job),
            "filtered": job.counts.filtered,
            "merged": job.counts.merged,
            "warnings": job.counts.warnings,
            "failure": job.failure and f"{job.failure.code}: {job.failure.message}",
        }
    )
    if job.counts.rejected or job.counts.warnings:
        hint(f"See what is wrong with: headgate errors {job.id}")


def row_of(job: "Job") -> dict[str, Any]:
    """A job as one row of a table."""
    return {
        "id": job.id,
        "kind": job.kind,
        "status": job.status,
        "pipeline": job.pipeline and job.pipeline.name,
        "dataset": job.dataset and job.dataset.name,
        "read": job.counts.read,
        "accepted": job.counts.accepted,
        "rejected": job.counts.rejected,
        "createdAt": job.created_at,
        "duration": None if job.duration_ms is None else Seconds(round(job.duration_ms / 1000, 3)),
    }
