"""How long the very first start takes, with sample data: from the start of the process to its last line, "ready".

An installation is warm: the round that is not counted writes its bytecode, and reads the libraries from disk.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks.figures import Figure, Sizes, alternate
from demo.server import HEADGATE, HOST, ServerFailed

MAX_S = 3.0
LIBRARIES = "import polars, strawberry, starlette, sqlmodel"
"""What no server that does the same could start without."""


def measure_first_start(folder: Path, sizes: Sizes) -> list[Figure]:
    """Start servers one after the other, each in a home of its own."""
    environment = _warm(folder)
    homes = (str(folder / f"first-start-{number}") for number in count())
    measures: list[Callable[[], float]] = [
        partial(_import_s, environment),
        lambda: _start_s({**environment, "HEADGATE_HOME": next(homes)}),
        lambda: _start_s({**environment, "HEADGATE_HOME": next(homes)}, "--sample"),
    ]
    libraries_s, empty_s, sample_s = alternate(sizes, measures)
    return [
        _figure("First start, to ready", empty_s, libraries_s),
        _figure("First start with sample data, to ready", sample_s, libraries_s, MAX_S),
    ]


def _figure(name: str, seconds: float, libraries_s: float, most_s: float | None = None) -> Figure:
    measured = f"{seconds:.2f} s, {seconds / libraries_s:.1f} times what its libraries take"
    if most_s is None:
        return Figure(name, measured)
    return Figure(name, measured, f"less than {most_s:.0f} s", seconds < most_s)


def _warm(folder: Path) -> dict[str, str]:
    """Surroundings in which bytecode is kept, wherever it may not be beside the code."""
    around = {name: value for name, value in os.environ.items() if not name.startswith("HEADGATE_")}
    around.pop("PYTHONDONTWRITEBYTECODE", None)
    return {
        **around,
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
        "HEADGATE_HOST": HOST,
        "HEADGATE_PORT": "0",
    }


def _import_s(environment: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", LIBRARIES], env=environment, check=True)
    return time.perf_counter() - began


def _start_s(environment: dict[str, str], *options: str) -> float:
    """Start a server, and stop it once it is ready. Raises ServerFailed where it never is."""
    began = time.perf_counter()
    with subprocess.Popen(
        [*HEADGATE, "serve", *options],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        is_ready = any(line == "ready\n" for line in process.stdout)
        took_s = time.perf_counter() - began
        process.terminate()
    if not is_ready:
        raise ServerFailed(f"The server ended with status {process.returncode}.")
    return took_s
