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
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

import httpx
from rich.console import Console
from websockets.exceptions import WebSocketException

from demo.client import Client, Refused
from demo.sales import write_sales
from demo.server import Server, ServerFailed, serving
from demo.show import show_line, show_progress, show_table

HOME = Path(".headgate-demo")
ROWS = 300_000
DATASET = "sales"
PIPELINE, PIPELINE_NAME, MADE = Path(__file__).with_name("revenue.yaml"), "revenue-by-product", "revenue"
ERRORS = """
query ($job: ID!) {
  errors(filter: {job: $job}, first: 10) { edges { node { row line column code message } } }
}
"""
ROWS_PAGE = """
query ($name: String!) {
  dataset(name: $name) { version rowCount rows(first: 5) { columns { name type } records } }
}
"""
NEXT = "README.md shows how to send a file of your own; schema.graphql is the whole API, field by field."
NEXT_AFTER_ONCE = f"Where to look next: make demo does the same and then serves. {NEXT}"
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
    except (Refused, ServerFailed, httpx.HTTPError, WebSocketException, OSError) as error:
        print(f"The demo failed. {error}", file=sys.stderr)
        return 1
    return 0


def _end(number: int, frame: object) -> NoReturn:
    sys.exit(128 + number)


def run(console: Console, *, once: bool) -> None:
    """Show everything once and then, unless that is enough, serve until Ctrl-C."""
    show_line(console, "Starting Headgate")
    with _home(once) as home, serving(home) as server:
        with Client(server.url, server.token) as client:
            ingest_sales(console, client)
            run_pipeline(console, client)
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


def ingest_sales(console: Console, client: Client, rows: int = ROWS) -> None:
    """Send the sample, follow its job, and show counts, row errors and rows. Raises Refused."""
    file_id = _upload_sales(console, client, rows)
    job_id = client.ingest({"file": file_id}, DATASET, mode="REPLACE")
    _follow(console, client, job_id)
    errors = [edge["node"] for edge in client.ask(ERRORS, job=job_id)["errors"]["edges"]]
    show_table(console, "Rejected rows", ("row", "line", "column", "code", "message"), errors)
    dataset = client.ask(ROWS_PAGE, name=DATASET)["dataset"]
    show_table(console, f"Dataset {DATASET}", SHOWN_COLUMNS, dataset["rows"]["records"])


def run_pipeline(console: Console, client: Client) -> None:
    """Make a pipeline with steps, run it, and show what it has made of the sample. Raises Refused."""
    show_line(console, f"Running this pipeline over {DATASET}:\n\n{PIPELINE.read_text()}")
    client.apply(PIPELINE_NAME, PIPELINE.read_text())
    _follow(console, client, client.run(PIPELINE_NAME))
    records = client.ask(ROWS_PAGE, name=MADE)["dataset"]["rows"]["records"]
    show_table(console, f"Dataset {MADE}", ("country", "product", "orders", "revenue"), records)


def _follow(console: Console, client: Client, job_id: str) -> None:
    """Show a job's progress and its counts. Raises Refused where it fails."""
    job = show_progress(console, client.watch(job_id))
    if job.get("failure"):
        raise Refused(f"{job['failure']['code']}: {job['failure']['message']}")
    counts = ", ".join(f"{count:,} {name}" for name, count in job["counts"].items())
    show_line(console, f"{job['status']}: {counts}\n")


def _upload_sales(console: Console, client: Client, rows: int) -> str:
    with TemporaryDirectory(prefix="headgate-demo-") as folder:
        path = Path(folder) / "sales.csv"
        broken = write_sales(path, rows)
        size = path.stat().st_size / 1e6
        show_line(console, f"Sending sales.csv: {rows:,} rows, {broken} of them broken, {size:.1f} MB")
        file_id: str = client.upload(path)["id"]
    return file_id


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
