"""What a pipeline of eight steps costs, against the same expressions written by hand in Polars."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.client import INGEST, Client
from benchmarks.data import write_csv
from benchmarks.figures import Figure, Sizes, alternate
from demo.server import serving

MAX_RATIO = 1.3
STEPS: list[dict[str, Any]] = [
    {"trim": {"columns": ["product", "note"], "emptyAsNull": False}},
    {"fill": {"columns": ["quantity"], "method": "CONSTANT", "value": 0}},
    {"filter": {"sql": "price > 100"}},
    {"derive": {"columns": [{"name": "revenue", "sql": "quantity * price"}]}},
    {"normalize": {"columns": ["score"], "method": "MIN_MAX"}},
    {"datetime": {"columns": ["day"], "parts": ["YEAR", "MONTH"]}},
    {"rename": {"columns": [{"from": "note", "to": "remark"}]}},
    {"drop": {"columns": ["active"]}},
]


def measure_steps(folder: Path, sizes: Sizes) -> list[Figure]:
    """Take the rows of a dataset through the steps into another, on a real server, and by hand, in turn."""
    rows = sizes.ingest_rows
    with serving(folder / "steps") as server, Client(server.url, server.token) as client:
        file_id = client.upload(write_csv(folder / "steps.csv", rows))["id"]
        client.finish(client.ingest({"file": file_id}, "before", mode="REPLACE"))
        dataset = max((folder / "steps" / "store" / "datasets").iterdir(), key=lambda each: each.name)
        source, target = str(dataset / "*.parquet"), str(folder / "by_hand.parquet")
        ours, by_hand = alternate(sizes, (lambda: _steps_s(client), lambda: _by_hand_s(source, target)))
    name = f"Pipeline of {len(STEPS)} steps on {rows:,} rows of a dataset, against Polars by hand"
    measured = f"{ours:.2f} s / {by_hand:.2f} s = {ours / by_hand:.2f}"
    return [Figure(name, measured, f"at most {MAX_RATIO:.1f}", ours / by_hand <= MAX_RATIO)]


def _steps_s(client: Client) -> float:
    """The seconds that one job takes. Raises RuntimeError where it doesn't succeed."""
    source = {"dataset": {"name": "before"}}
    given = {"data": source, "dataset": "after", "mode": "REPLACE", "spec": {"steps": STEPS}}
    started = time.perf_counter()
    job = client.finish(client.ask(INGEST, input=given)["ingest"]["job"]["id"])
    elapsed_s = time.perf_counter() - started
    if job["status"] != "SUCCEEDED" or not job["counts"]["filtered"]:
        raise RuntimeError(f"The job ended as {job['status']}: {job['failure']}")
    return elapsed_s


def _by_hand_s(source: str, target: str) -> float:
    command = [sys.executable, "-m", "benchmarks.steps_by_hand", source, target]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
