"""A reader's shell: what a page shows is run in it as it stands."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from demo.server import wait_until_ready

ROOT = Path(__file__).parent.parent.parent
TIMEOUT_S = 120


def readers_variables(folder: Path) -> dict[str, str]:
    """What a reader's shell knows: the command `headgate`, and a folder to write into."""
    command = folder / "bin" / "headgate"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m headgate.cli "$@"\n')
    command.chmod(0o755)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("HEADGATE_")},
        "NO_PROXY": "*",
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "SCRATCH": str(folder),
    }


def run(command: Sequence[str], variables: Mapping[str, str]) -> str:
    """Run a command, which must not fail, and answer what it prints."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_script(script: str, variables: Mapping[str, str]) -> str:
    """Run a script of a shell that stops at the first failure."""
    return run(["sh", "-euc", script], variables)


@contextmanager
def running(script: str, variables: Mapping[str, str]) -> Iterator[None]:
    """Let a script serve at HEADGATE_URL for as long as the block lasts."""
    server = subprocess.Popen(["sh", "-euc", script], cwd=ROOT, env=variables, process_group=0)
    try:
        wait_until_ready(server, f"{variables['HEADGATE_URL']}/readyz")
        yield
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(TIMEOUT_S)
