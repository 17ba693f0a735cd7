"""The process in which a job runs: tasks come in as JSON lines, progress and outcomes go out as JSON lines.

It runs one task at a time and ends when its input closes, so that it never outlives the one who started it.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO, NoReturn

import orjson
import structlog
from structlog.contextvars import bound_contextvars

from headgate.errors import JobFault, Unavailable
from headgate.pipelines import kinds
from headgate.pipelines.aggregates import run_aggregate
from headgate.pipelines.checks.registry import check_kinds
from headgate.pipelines.compaction import run_compact
from headgate.pipelines.damage import LIBRARY_FAULTS
from headgate.pipelines.dialect import Dialect, GivenDialect
from headgate.pipelines.gate import READ_SHARE
from headgate.pipelines.inspector import LOOKED_AT_BYTES, inspect, is_cut
from headgate.pipelines.jobtasks import Following, run_ingest, run_map, run_settle, run_validate
from headgate.pipelines.nearby import Nearby
from headgate.pipelines.orders import Orders, Send, Stopped
from headgate.pipelines.pace import rows_per_second, seconds_left
from headgate.pipelines.probes import run_probe
from headgate.pipelines.profiles.tasks import run_correlate, run_profile, run_suggest
from headgate.pipelines.rendering import run_render
from headgate.pipelines.restoring import run_restore
from headgate.pipelines.scratch import scratch_made
from headgate.pipelines.sinks.registry import sink_kinds
from headgate.pipelines.sources.registry import source_kinds
from headgate.pipelines.steps.registry import step_kinds
from headgate.pipelines.vettingtask import run_vet
from headgate.storage.bucketfaults import telling_faults
from headgate.storage.formats import FileFormat
from headgate.telemetry import LogFormat, configure_logging

REPORT_INTERVAL_S = 0.05
ORDERS = {"stop", "commit"}
log = structlog.get_logger()


class Reporter:
    """Sends progress, at most twenty times a second, with the pace of the task so far."""

    def __init__(self, send: Send, clock: Callable[[], float] = time.monotonic) -> None:
        self._send = send
        self._clock = clock
        self._figures: dict[str, Any] = {"fraction": None, "rows_read": 0, "rows_written": 0, "bytes_read": 0}
        self._figures["bytes_total"] = None
        self._started = clock()
        self._last = 0.0
        self._lock = threading.Lock()

    def __call__(self, stage: str, **figures: Any) -> None:
        with self._lock:
            changed = stage != self._figures.get("stage")
            self._figures.update(_share_read(figures) | figures, stage=stage)
            now = self._clock()
            if changed or now - self._last >= REPORT_INTERVAL_S:
                self._last = now
                self._send({"progress": self._figures | _pace(self._figures, now - self._started)})


def _share_read(figures: Mapping[str, Any]) -> dict[str, float]:
    """How much of the job is done while its source is read, where the size of that is known."""
    total = figures.get("bytes_total")
    return {"fraction": READ_SHARE * min(figures["bytes_read"] / total, 1)} if total else {}


def _pace(figures: Mapping[str, Any], elapsed_s: float) -> dict[str, float | None]:
    """Rows per second and seconds left, after so many seconds; null where they cannot be told yet."""
    rows, fraction = max(figures["rows_read"], figures["rows_written"]), figures["fraction"]
    return {
        "rows_per_second": rows_per_second(rows, elapsed_s) if rows else None,
        "eta_seconds": seconds_left(fraction, elapsed_s),
    }


class Errand:
    """A task that was received; the orders that arrive later are its own until the next one comes."""

    def __init__(self, task: dict[str, Any], send: Send) -> None:
        self.task = task
        self.orders = Orders(send)
        self._report = Reporter(send)
        self.following = Following(
            self.watch,
            self.orders.permit,
            lambda samples: send({"errors": samples}),
            lambda items: send({"items": items}),
        )

    def watch(self, stage: str, **figures: Any) -> None:
        """Report how far the task is. Raises Stopped once it is to stop."""
        self.orders.obey()
        self._report(stage, **figures)


def run_inspect(errand: Errand) -> dict[str, Any]:
    """Run the task "inspect"; the answer has format, dialect, columns and first records."""
    task = errand.task
    given = FileFormat(task["format"]) if task["format"] else None
    dialect = Dialect.from_json(task["dialect"]) if task["dialect"] else None
    given_dialect = GivenDialect.from_json(task.get("given_dialect"))
    with scratch_made(Path(task["scratch"])) as scratch:
        nearby = Nearby(scratch, errand.watch)
        path, is_whole = nearby.head(task["object"], LOOKED_AT_BYTES)
        if not is_whole and not is_cut(path, task["name"], given, given_dialect):
            path = nearby.file(task["object"])
        found = inspect(
            path,
            task["name"],
            scratch,
            rows=task["rows"],
            given=given,
            dialect=dialect,
            given_dialect=given_dialect,
        )
    return {
        "format": found.format,
        "dialect": found.dialect.to_json() if found.dialect else None,
        "columns": [column.to_json() for column in found.columns],
        "records": found.records,
        "has_more": found.has_more,
    }


TASKS: Mapping[str, Callable[[Errand], dict[str, Any]]] = {
    "ingest": lambda errand: run_ingest(errand.task, errand.following),
    "validate": lambda errand: run_validate(errand.task, errand.following),
    "map": lambda errand: run_map(errand.task, errand.following),
    "settle": lambda errand: run_settle(errand.task),
    "inspect": run_inspect,
    "profile": lambda errand: run_profile(errand.task, errand.watch),
    "correlate": lambda errand: run_correlate(errand.task, errand.watch),
    "suggest": lambda errand: run_suggest(errand.task, errand.watch),
    "aggregate": lambda errand: run_aggregate(errand.task),
    "vet": lambda errand: run_vet(errand.task),
    "render": lambda errand: run_render(errand.task),
    "compact": lambda errand: run_compact(errand.task),
    "restore": lambda errand: run_restore(errand.task),
    "probe": lambda errand: run_probe(errand.task, errand.watch),
}


def answer(errand: Errand) -> dict[str, Any]:
    """Run one task; whatever it raises becomes a failure, but for Stopped.

    Lines of its log have what those of whoever sent it have.
    """
    task = errand.task
    with bound_contextvars(**task.pop("noted", {})):
        return _answer(errand)


def _answer(errand: Errand) -> dict[str, Any]:
    task = errand.task
    try:
        with telling_faults():
            return {"result": TASKS[task["task"]](errand)}
    except Stopped:
        return {"stopped": True}
    except JobFault as fault:
        return {"failure": _failure(fault)}
    except MemoryError:
        return {
            "failure": _failure(
                JobFault("OUT_OF_MEMORY", "The job needs more memory than it may use.", "SYSTEM")
            )
        }
    except Unavailable as fault:
        return {"failure": _failure(JobFault(fault.code, fault.message, "SYSTEM", retryable=True))}
    except LIBRARY_FAULTS:
        log.exception("task failed", task=task.get("task"), job=task.get("job"))
        message = "The engine failed in a way that it didn't expect. Its log says more."
        return {"failure": _failure(JobFault("INTERNAL", message, "SYSTEM", retryable=True))}


def _failure(fault: JobFault) -> dict[str, Any]:
    details = dict(fault.details or {})
    counts = details.pop("counts", None)
    return {
        "code": fault.code,
        "category": fault.category,
        "message": fault.message,
        "retryable": fault.retryable,
        "details": details or None,
        "counts": counts,
        "step": fault.step,
    }


def serve(lines: BinaryIO, answers: BinaryIO) -> NoReturn:
    """Run tasks until the input closes; then end at once, in the middle of a task too."""
    waiting: SimpleQueue[Errand] = SimpleQueue()

    def send(message: dict[str, Any]) -> None:
        answers.write(orjson.dumps(message) + b"\n")
        answers.flush()

    threading.Thread(target=_receive, args=(lines, waiting, send), daemon=True).start()
    while True:
        send(answer(waiting.get()))


def _receive(lines: BinaryIO, waiting: SimpleQueue[Errand], send: Send) -> None:
    try:
        _sort(lines, waiting, send)
    finally:
        # Whoever started this process is gone, and what it was at is somebody else's now.
        os._exit(0)


def _sort(lines: Iterable[bytes], waiting: SimpleQueue[Errand], send: Send) -> None:
    """Put tasks in line; an order goes to the last one received, which drops it where it has ended."""
    errand: Errand | None = None
    for line in lines:
        message = orjson.loads(line)
        if not message.keys() & ORDERS:
            errand = Errand(message, send)
            waiting.put(errand)
        elif errand is not None:
            errand.orders.take(message)


def main(log_format: LogFormat = "console") -> NoReturn:
    """Keep standard output for answers alone: what a library prints goes to standard error.

    SIGTERM is for the one who started this process, who ends it when its time has come.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Tasks carry secrets, and structlog would by itself show the local variables of tracebacks.
    configure_logging(log_format)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # What is printed is there at once: this process may end at any time.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    # The server has told of kinds that it can't use, in the form that its log has.
    logging.getLogger(kinds.__name__).setLevel(logging.ERROR)
    # What the kinds import takes a part of a second: it is not for the first task to wait for it.
    for kinds_of_parts in (source_kinds, step_kinds, check_kinds, sink_kinds):
        kinds_of_parts()
    serve(sys.stdin.buffer, answers)
