"""How much memory a job's own process takes at its peak: read from /proc, so there is no such figure but on Linux."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from benchmarks.client import Client
from benchmarks.data import write_csv
from benchmarks.figures import Figure, Sizes, alternate
from benchmarks.ingest import ingest_s
from demo.server import serving

MIB = 1024**2
MAX_BYTES = 1024 * MIB
MAX_GROWTH = 0.2
PROC = Path("/proc")


def measure_memory(folder: Path, sizes: Sizes) -> list[Figure]:
    """Ingest few and many rows, each on a server started anew, and read the peaks of their processes."""
    if not PROC.is_dir():
        return []
    home = folder / "memory"
    with serving(home) as server, Client(server.url, server.token) as client:
        few, many = (
            client.upload(write_csv(folder / f"memory-{rows}.csv", rows))["id"]
            for rows in (sizes.few_rows, sizes.many_rows)
        )
    peaks = alternate(sizes, (lambda: _peak_bytes(home, few), lambda: _peak_bytes(home, many)))
    return [*map(_peak_figure, (sizes.few_rows, sizes.many_rows), peaks), _growth_figure(sizes, *peaks)]


def _peak_figure(rows: int, peak: float) -> Figure:
    name = f"Peak memory of the job's process, {rows:,} rows"
    return Figure(name, f"{peak / MIB:.0f} MiB", f"at most {MAX_BYTES // MIB} MiB", peak <= MAX_BYTES)


def _growth_figure(sizes: Sizes, few: float, many: float) -> Figure:
    name = f"Growth of that peak with {sizes.many_rows // sizes.few_rows} times the rows"
    growth = many / few - 1
    return Figure(name, f"{growth:.0%}", f"less than {MAX_GROWTH:.0%}", growth < MAX_GROWTH)


def _peak_bytes(home: Path, file_id: str) -> float:
    with serving(home) as server, Client(server.url, server.token) as client:
        ingest_s(client, file_id)
        return max(map(peak_bytes_of, _descendants(server.process.pid)))


def _descendants(process_id: int) -> Iterator[int]:
    """The processes that this one started, and those that they did."""
    for status in PROC.glob("[0-9]*/status"):
        if _figure(status, "PPid") == process_id:
            child = int(status.parent.name)
            yield child
            yield from _descendants(child)


def peak_bytes_of(process_id: int) -> int:
    """The most memory that a process held at any time: VmHWM, which the kernel tells in KiB."""
    return 1024 * (_figure(PROC / str(process_id) / "status", "VmHWM") or 0)


def _figure(status: Path, name: str) -> int | None:
    """One number of a process's status; None where it is not told, or the process has ended."""
    with suppress(ProcessLookupError, FileNotFoundError):
        if found := re.search(rf"^{name}:\s+(\d+)", status.read_text(), re.MULTILINE):
            return int(found[1])
    return None
