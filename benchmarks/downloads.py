"""How fast rows of a dataset come out as a file, beside Polars' own sink of the same rows, and the server's memory."""

import time
from collections.abc import Callable
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

import polars as pl

from benchmarks.client import Client
from benchmarks.data import write_csv
from benchmarks.figures import Figure, Sizes, alternate
from benchmarks.ingest import ingest_s
from benchmarks.memory import MIB, PROC, peak_bytes_of
from demo.server import Server, serving

MAX_GROWTH_BYTES = 128 * MIB
MIN_RATIO = 0.5
CHUNK_BYTES = MIB
LINK = """
query ($name: String!, $format: FileFormat!, $filter: RowFilter!) {
  dataset(name: $name) { id downloadUrl(format: $format, filter: $filter) }
}
"""
SINKS: dict[str, Callable[[pl.LazyFrame, Path], object]] = {
    "CSV": lambda rows, file: rows.sink_csv(file),
    "PARQUET": lambda rows, file: rows.sink_parquet(file),
}
_lowest = count(1)


def measure_downloads(folder: Path, sizes: Sizes) -> list[Figure]:
    """Download all rows in each format, which are made anew each time, and let Polars write the same."""
    home = folder / "downloads"
    with serving(home) as server, Client(server.url, server.token) as client:
        ingest_s(client, client.upload(write_csv(folder / "downloads.csv", sizes.ingest_rows))["id"])
        before = _forget_peak(server.process.pid)
        figures = [_measure(client, server, home, format, sizes) for format in SINKS]
        growth = peak_bytes_of(server.process.pid) - before
    return [*figures, *([_growth_figure(sizes, growth)] if PROC.is_dir() else [])]


def _measure(client: Client, server: Server, home: Path, format: str, sizes: Sizes) -> Figure:
    bytes_sent: list[int] = []
    ours_s, plain_s = alternate(
        sizes,
        (
            lambda: _downloaded_s(client, server.url, format, bytes_sent),
            lambda: _sunk_s(client, home, format),
        ),
    )
    ratio, rate = plain_s / ours_s, bytes_sent[-1] / ours_s / 1e6
    name = f"Download of {sizes.ingest_rows:,} rows as {format}, speed against Polars' own sink"
    measured = f"{rate:.0f} MB/s, {plain_s:.2f} s / {ours_s:.2f} s = {ratio:.2f}"
    return Figure(name, measured, f"at least {MIN_RATIO:.1f}", ratio >= MIN_RATIO)


def _growth_figure(sizes: Sizes, growth: int) -> Figure:
    name = f"Growth of the server's memory by downloads of {sizes.ingest_rows:,} rows"
    asked = f"at most {MAX_GROWTH_BYTES // MIB} MiB"
    return Figure(name, f"{growth / MIB:.0f} MiB", asked, growth <= MAX_GROWTH_BYTES)


def _forget_peak(process_id: int) -> int:
    """Let the kernel forget the peak of a process's memory; answers what it holds now."""
    if PROC.is_dir():
        (PROC / str(process_id) / "clear_refs").write_text("5")
    return peak_bytes_of(process_id)


def _downloaded_s(client: Client, url: str, format: str, bytes_sent: list[int]) -> float:
    """The seconds from the question for a link to the last byte of what it leads to."""
    started = time.perf_counter()
    wanted = {"column": "id", "gte": -next(_lowest)}
    found = client.ask(LINK, name="measured", format=format, filter=wanted)["dataset"]
    address = urlsplit(url)
    assert address.hostname is not None
    connection = HTTPConnection(address.hostname, address.port)
    connection.request("GET", found["downloadUrl"])
    answer = connection.getresponse()
    bytes_sent.append(0)
    while chunk := answer.read(CHUNK_BYTES):
        bytes_sent[-1] += len(chunk)
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"The download ended as {answer.status}.")
    return time.perf_counter() - started


def _sunk_s(client: Client, home: Path, format: str) -> float:
    """The seconds that it takes Polars to write the same rows from the dataset's own files."""
    dataset = client.ask('{ dataset(name: "measured") { id } }')["dataset"]["id"]
    rows = pl.scan_parquet(home / "store" / "datasets" / dataset / "*.parquet")
    started = time.perf_counter()
    SINKS[format](rows.filter(pl.col("id") >= -next(_lowest)), home / "plain")
    return time.perf_counter() - started
