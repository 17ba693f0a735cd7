"""What ten checks cost an ingest in which one of a hundred rows is bad, against the same ingest with no checks."""

import io
import time
from pathlib import Path

import httpx
import polars as pl
import psutil

from benchmarks.data import damaged_cells, write_csv, write_damaged_csv
from benchmarks.figures import Figure, Sizes, alternate
from benchmarks.ingest import ingest_s
from benchmarks.memory import MAX_BYTES, MIB, PROC, peak_bytes_of
from benchmarks.rules import CHECKS
from demo.client import INGEST, Client
from demo.server import Server, serving

MAX_RATIO = 1.5
LINK = "query ($id: ID!) { job(id: $id) { errorsDownloadUrl } }"
FOUND = ("row", "column", "value", "code")


def measure_checks(folder: Path, sizes: Sizes) -> list[Figure]:
    """Ingest a damaged file with checks and the good one without, in turn, on a real server."""
    rows = sizes.ingest_rows
    home = folder / "checks"
    with serving(home) as server, Client(server.url, server.token) as client:
        good = client.upload(write_csv(folder / "good.csv", rows))["id"]
        bad = client.upload(write_damaged_csv(folder / "bad.csv", rows))["id"]
        checked, plain = alternate(
            sizes, (lambda: _checked_s(client, bad, rows), lambda: ingest_s(client, good))
        )
        _check_errors(server, client, _ingest(client, bad), rows)
    ratio = f"{checked:.2f} s / {plain:.2f} s = {checked / plain:.2f}"
    name = f"Ingest of {rows:,} rows, 1 of 100 bad, with {len(CHECKS)} checks, against none"
    time_figure = Figure(name, ratio, f"at most {MAX_RATIO:.1f}", checked / plain <= MAX_RATIO)
    return [time_figure, *_memory_figures(home, bad, rows)]


def _ingest(client: Client, file_id: str) -> str:
    given = {"data": {"file": file_id}, "dataset": "checked", "mode": "REPLACE", "spec": {"checks": CHECKS}}
    job_id: str = client.ask(INGEST, input=given)["ingest"]["job"]["id"]
    return job_id


def _checked_s(client: Client, file_id: str, rows: int) -> float:
    """The seconds that one ingest with checks takes. Raises RuntimeError where it counts other bad rows."""
    started = time.perf_counter()
    job = client.finish(_ingest(client, file_id))
    elapsed_s = time.perf_counter() - started
    bad = damaged_cells(rows).height
    if (job["status"], job["counts"]["rejected"], job["counts"]["accepted"]) != ("PARTIAL", bad, rows - bad):
        raise RuntimeError(f"The ingest should reject {bad} rows, and ended as {job}")
    return elapsed_s


def _check_errors(server: Server, client: Client, job_id: str, rows: int) -> None:
    """Raises RuntimeError where a job's errors are not exactly the damaged cells."""
    client.finish(job_id)
    link = client.ask(LINK, id=job_id)["job"]["errorsDownloadUrl"]
    text = httpx.get(server.url + link, trust_env=False, timeout=120).raise_for_status().content
    found = pl.read_csv(io.BytesIO(text), schema_overrides={"value": pl.String})
    if not found.select(FOUND).sort(FOUND).equals(damaged_cells(rows).select(FOUND).sort(FOUND)):
        raise RuntimeError(f"The errors are not the damaged cells: {found}")


def _memory_figures(home: Path, file_id: str, rows: int) -> list[Figure]:
    """The peak of the job's process on a server started anew; read from /proc, as `benchmarks.memory` does."""
    if not PROC.is_dir():
        return []
    with serving(home) as server, Client(server.url, server.token) as client:
        _checked_s(client, file_id, rows)
        children = psutil.Process(server.process.pid).children(recursive=True)
        peak = max(peak_bytes_of(child.pid) for child in children)
    asked = f"at most {MAX_BYTES // MIB} MiB"
    return [Figure("Peak memory of that job's process", f"{peak / MIB:.0f} MiB", asked, peak <= MAX_BYTES)]
