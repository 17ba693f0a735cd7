"""What ten checks cost an ingest in which one of a hundred rows is bad, against the same ingest with no checks."""

import io
import time
from pathlib import Path

import httpx
import polars as pl
import psutil

from benchmarks.client import INGEST, Client
from benchmarks.data import DAMAGED_EVERY, damaged_cells, write_csv, write_damaged_csv
from benchmarks.figures import Figure, Sizes, alternate
from benchmarks.ingest import ingest_s
from benchmarks.memory import MAX_BYTES, MIB, PROC, peak_bytes_of
from benchmarks.rules import CHECKS
from demo.server import Server, serving

MAX_RATIO = 1.5
LINK = "query ($id: ID!) { job(id: $id) { errorsDownloadUrl } }"
FOUND = ("row", "column", "value", "code")


def measure_checks(folder: Path, sizes: Sizes) -> list[Figure]:
    """Ingest a damaged file with checks and the good one without, in turn, on a real server."""
    rows = sizes.ingest_rows
    with serving(folder / "checks") as server, Client(server.url, server.token) as client:
        good = client.upload(write_csv(folder / "good.csv", rows))["id"]
        bad = client.upload(write_damaged_csv(folder / "bad.csv", rows))["id"]
        checked, plain = alternate(
            sizes, (lambda: _checked_s(server, client, bad, rows), lambda: ingest_s(client, good))
        )
        memory = _memory_figures(server)
    measured = f"{checked:.2f} s / {plain:.2f} s = {checked / plain:.2f}"
    name = f"Ingest of {rows:,} rows, 1 of {DAMAGED_EVERY} bad, with {len(CHECKS)} checks, against none"
    return [Figure(name, measured, f"at most {MAX_RATIO:.1f}", checked / plain <= MAX_RATIO), *memory]


def _checked_s(server: Server, client: Client, file_id: str, rows: int) -> float:
    """The seconds that one ingest with checks takes. Raises RuntimeError where it tells other errors than there are."""
    given = {"data": {"file": file_id}, "dataset": "checked", "mode": "REPLACE", "spec": {"checks": CHECKS}}
    started = time.perf_counter()
    job_id = client.ask(INGEST, input=given)["ingest"]["job"]["id"]
    job = client.finish(job_id)
    elapsed_s = time.perf_counter() - started
    damaged = damaged_cells(rows).select(FOUND)
    if job["status"] != "PARTIAL" or job["counts"]["rejected"] != damaged.height:
        raise RuntimeError(f"The ingest should reject {damaged.height} rows, and ended as {job}")
    if not _errors(server, client, job_id).equals(damaged):
        raise RuntimeError("The errors of the ingest are not the damaged cells.")
    return elapsed_s


def _errors(server: Server, client: Client, job_id: str) -> pl.DataFrame:
    """All errors of a job, of which each damaged row has one."""
    link = client.ask(LINK, id=job_id)["job"]["errorsDownloadUrl"]
    text = httpx.get(server.url + link, trust_env=False, timeout=120).raise_for_status().content
    return pl.read_csv(io.BytesIO(text), columns=FOUND, schema_overrides={"value": pl.String}).select(FOUND)


def _memory_figures(server: Server) -> list[Figure]:
    """The peak of the process that ran the jobs; read from /proc, so there is no such figure but on Linux."""
    if not PROC.is_dir():
        return []
    children = psutil.Process(server.process.pid).children(recursive=True)
    peak = max(peak_bytes_of(child.pid) for child in children)
    asked = f"at most {MAX_BYTES // MIB} MiB"
    return [Figure("Peak memory of those jobs' process", f"{peak / MIB:.0f} MiB", asked, peak <= MAX_BYTES)]
