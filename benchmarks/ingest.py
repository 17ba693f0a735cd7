"""How long an ingest takes, from the mutation to the job's end as its client sees it, against plain Polars."""

import subprocess
import sys
import time
from pathlib import Path

from benchmarks.client import Client
from benchmarks.data import write_csv
from benchmarks.figures import Figure, Sizes, alternate
from demo.server import serving

MAX_RATIO = 2.0


def measure_ingest(folder: Path, sizes: Sizes) -> list[Figure]:
    """Ingest a file on a real server and convert it with `polars.scan_csv(f).sink_parquet(g)`, in turn."""
    source = write_csv(folder / "ingest.csv", sizes.ingest_rows)
    target = folder / "plain.parquet"
    with serving(folder / "ingest") as server, Client(server.url, server.token) as client:
        file_id = client.upload(source)["id"]
        ours, plain = alternate(sizes, (lambda: ingest_s(client, file_id), lambda: _plain_s(source, target)))
    name = f"Ingest of {sizes.ingest_rows:,} rows, against plain Polars"
    measured = f"{ours:.2f} s / {plain:.2f} s = {ours / plain:.2f}"
    return [Figure(name, measured, f"at most {MAX_RATIO:.1f}", ours / plain <= MAX_RATIO)]


def ingest_s(client: Client, file_id: str) -> float:
    """The seconds that one ingest takes. Raises RuntimeError where it doesn't succeed."""
    started = time.perf_counter()
    job = client.finish(client.ingest({"file": file_id}, "measured", mode="REPLACE"))
    elapsed_s = time.perf_counter() - started
    if job["status"] != "SUCCEEDED":
        raise RuntimeError(f"The ingest ended as {job['status']}: {job['failure']}")
    return elapsed_s


def _plain_s(source: Path, target: Path) -> float:
    command = [sys.executable, "-m", "benchmarks.plain", str(source), str(target)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
