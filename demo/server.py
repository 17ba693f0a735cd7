"""Processes of Headgate of one's own, such as `headgate serve` on a free port of this machine."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

HEADGATE = (sys.executable, "-m", "headgate.cli")
HOST = "127.0.0.1"
START_S = 60.0
STOP_S = 20.0
POLL_S = 0.05
LOG_LINES = 20


class ServerFailed(Exception):
    """The server did not start, or ended by itself; the message ends with its last log lines."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server and a token that may do everything there."""

    url: str
    token: str
    process: subprocess.Popen[bytes]
    log: Path

    def wait(self) -> None:
        """Wait for the server to end, which it should not. Raises ServerFailed."""
        raise _failed(f"ended by itself with status {self.process.wait()}", self.log)


@contextmanager
def serving(home: Path, settings: Mapping[str, str] | None = None) -> Iterator[Server]:
    """Serve with this home for as long as the block lasts; logs go to `serve.log` in it.

    `settings` are HEADGATE_ variables; those around this process don't count. Raises ServerFailed.
    """
    home.mkdir(parents=True, exist_ok=True)
    port = free_port()
    environment = _environment(home, {"HEADGATE_PORT": str(port), **(settings or {})})
    log = home / "serve.log"
    with _running([*HEADGATE, "serve"], environment, log) as process:
        url = f"http://{HOST}:{port}"
        wait_until_ready(process, f"{url}/readyz", log)
        yield Server(url, _token(environment), process, log)


@contextmanager
def working(
    home: Path, settings: Mapping[str, str], command: Sequence[str] = (*HEADGATE, "worker")
) -> Iterator[subprocess.Popen[bytes]]:
    """Run jobs of this home for as long as the block lasts; logs go to `worker.log` in it.

    `settings` are HEADGATE_ variables, HEADGATE_REDIS_URL among them. Another `command` has to print "ready" too.
    Raises ServerFailed.
    """
    home.mkdir(parents=True, exist_ok=True)
    log = home / "worker.log"
    with _running(command, _environment(home, settings), log) as process:
        _wait_until(lambda: "ready" in log.read_text(errors="replace").splitlines(), process, log)
        yield process


def free_port() -> int:
    """Find a port that nobody listens on."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _environment(home: Path, settings: Mapping[str, str]) -> dict[str, str]:
    around = {name: value for name, value in os.environ.items() if not name.startswith("HEADGATE_")}
    return {**around, "HEADGATE_HOST": HOST, **settings, "HEADGATE_HOME": str(home)}


@contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process in a group of its own, so that Ctrl-C reaches only its parent."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            process_group=0,
        )
    try:
        yield process
    finally:
        _stop(process)


def wait_until_ready(process: subprocess.Popen[bytes], url: str, log: Path | None = None) -> None:
    """Wait until this URL of the process answers well. Raises ServerFailed."""
    with httpx.Client(trust_env=False) as client:
        _wait_until(lambda: _is_ready(client, url), process, log)


def _wait_until(is_ready: Callable[[], bool], process: subprocess.Popen[bytes], log: Path | None) -> None:
    deadline = time.monotonic() + START_S
    while not is_ready():
        if process.poll() is not None:
            raise _failed(f"did not start, and ended with status {process.returncode}", log)
        if time.monotonic() > deadline:
            raise _failed(f"was not ready within {START_S:.0f} seconds", log)
        time.sleep(POLL_S)


def _is_ready(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).is_success
    except httpx.TransportError:
        return False


def _token(environment: Mapping[str, str]) -> str:
    command = [*HEADGATE, "token"]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise ServerFailed(f"`headgate token` failed: {done.stderr.strip()}")
    return done.stdout.strip()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _failed(what: str, log: Path | None) -> ServerFailed:
    lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:] if log else []
    return ServerFailed("\n  ".join((f"The server {what}.", *lines)))
