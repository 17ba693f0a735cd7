"""Starts Headgate, sends it a file with a few bad rows, runs a pipeline over it, and shows what came of it.

It then serves until Ctrl-C; with ONCE=1 it ends at once and leaves nothing behind.
"""

import json
import os
import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn

from rich.console import Console

from demo.sales import write_sales
from demo.server import Server, ServerFailed, serving
from demo.show import show_line, show_progress, show_table
from headgate.client import Headgate, HeadgateError, Job

HOME = Path(".headgate-demo")
ROWS = 300_000
DATASET = "sales"
PIPELINE, PIPELINE_NAME, MADE = Path(__file__).with_name("revenue.yaml"), "revenue-by-product", "revenue"
NEXT = "README.md shows how to send a file of your own; schema.graphql is the whole API, field by field."
NEXT_AFTER_ONCE = f"Where to look next: make demo does the same and then serves. {NEXT}"
SHOWN_ROWS = 5
SHOWN_ERRORS = ("row", "line", "column", "code", "message")
SHOWN_COLUMNS = ("order_id", "ordered_at", "customer", "product", "unit_price")


def main() -> int:
    """Run the demo; answers its exit status."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    console = Console()
    try:
        run(console, once=os.environ.get("ONCE", "") not in ("", "0"))
    except KeyboardInterrupt:
        return 130
    except (HeadgateError, ServerFailed, OSError) as error:
        print(f"The demo failed. {error}", file=sys.stderr)
        return 1
    return 0


def _end(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)


def run(console: Console, *, once: bool) -> None:
    """Show everything once and then, unless that is enough, serve until Ctrl-C."""
    show_line(console, "Starting Headgate")
    with _home(once) as home, serving(home) as server:
        with Headgate(server.url, server.token) as headgate:
            ingest_sales(console, headgate)
            run_pipeline(console, headgate)
        if once:
            show_line(console, NEXT_AFTER_ONCE)
        else:
            _serve_on(console, server)


@contextmanager
def _home(once: bool) -> Iterator[Path]:
    if not once:
        yield HOME
        return
    with TemporaryDirectory(prefix="headgate-demo-") as folder:
        yield Path(folder)


def ingest_sales(console: Console, headgate: Headgate, rows: int = ROWS) -> None:
    """Send the sample, follow its job, and show counts, row errors and rows. Raises HeadgateError."""
    with TemporaryDirectory(prefix="headgate-demo-") as folder:
        path = Path(folder) / "sales.csv"
        broken = write_sales(path, rows)
        size = path.stat().st_size / 1e6
        show_line(console, f"Sending sales.csv: {rows:,} rows, {broken} of them broken, {size:.1f} MB")
        job = headgate.ingest(path, dataset=DATASET, mode="REPLACE")
    _follow(console, headgate, job)
    show_table(console, "Rejected rows", SHOWN_ERRORS, map(asdict, headgate.errors(job)))
    show_table(console, f"Dataset {DATASET}", SHOWN_COLUMNS, _first_rows(headgate, DATASET))


def run_pipeline(console: Console, headgate: Headgate) -> None:
    """Make a pipeline with steps, run it, and show what it has made of the sample. Raises HeadgateError."""
    show_line(console, f"Running this pipeline over {DATASET}:\n\n{PIPELINE.read_text()}")
    headgate.apply_pipeline(PIPELINE.read_text(), name=PIPELINE_NAME)
    _follow(console, headgate, headgate.run_pipeline(PIPELINE_NAME))
    columns = ("country", "product", "orders", "revenue")
    show_table(console, f"Dataset {MADE}", columns, _first_rows(headgate, MADE))


def _first_rows(headgate: Headgate, dataset: str) -> Iterator[dict[str, Any]]:
    return islice(headgate.rows(dataset, page_rows=SHOWN_ROWS), SHOWN_ROWS)


def _follow(console: Console, headgate: Headgate, job: Job) -> None:
    """Show a job's progress and its counts. Raises JobFailed."""
    job = show_progress(console, headgate.watch(job)).raise_for_failure()
    counts = asdict(job.counts)
    del counts["warnings"]
    told = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    show_line(console, f"{job.status}: {told}\n")


def _serve_on(console: Console, server: Server) -> None:
    show_line(console, f"Headgate serves on {server.url} with its data in {HOME}. Ask it yourself:\n")
    show_line(console, _curl(server))
    show_line(console, f"\n{NEXT}\nCtrl-C ends it.")
    try:
        server.wait()
    except KeyboardInterrupt:
        show_line(console, "Stopped.")


def _curl(server: Server) -> str:
    query = f'{{ dataset(name: "{DATASET}") {{ version rowCount rows(first: 3) {{ records }} }} }}'
    arguments = (
        f"{server.url}/graphql",
        *("-H", f"Authorization: Bearer {server.token}"),
        *("-H", "Content-Type: application/json"),
        *("-d", json.dumps({"query": query})),
    )
    return shlex.join(("curl", "-sS", *arguments))


if __name__ == "__main__":
    sys.exit(main())
