"""Progress on stderr, at a terminal alone."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from headgate.client import Event

Sent = Callable[[int, int], None]


def hint(text: str) -> None:
    """Say what to do next, to people."""
    if sys.stderr.isatty() and sys.stdout.isatty():
        print(text, file=sys.stderr)


@contextmanager
def sending(name: str) -> Iterator[Sent | None]:
    """Show how much of a file has arrived; yields what is to be called with the bytes, None without a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(name, total=None)
        yield lambda sent, total: progress.update(task, completed=sent, total=total)


class Bar:
    """How far a job has come, for as long as its `with` lasts."""

    def __init__(self, job_id: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rows]:,} rows"),
        )
        self._progress = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task(job_id, total=None, rows=0)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, event: "Event") -> None:
        """Show an event of the job."""
        if event.progress is not None:
            known = event.progress.fraction
            self._progress.update(
                self._task,
                description=event.progress.stage,
                total=None if known is None else 1.0,
                completed=known or 0.0,
                rows=event.progress.rows_read,
            )
        elif event.status is not None:
            self._progress.update(self._task, description=event.status.lower())
