"""A real Redis server that a test may restart, kill and hang."""

import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import redis

from benchmarks.redis_server import redis_program


class RedisServer:
    """Runs on a free port of this machine and keeps nothing on disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = _free_port()
        self._process: subprocess.Popen[str] | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._port}/0"

    def start(self) -> None:
        """Start, and wait until connections are taken."""
        options = f"--port {self._port} --bind 127.0.0.1 --appendonly no --daemonize no --loglevel notice"
        self._process = subprocess.Popen(
            [redis_program(), *options.split(), "--save", "", "--dir", str(self._folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        told = []
        for line in self._process.stdout:
            told.append(line)
            if "Ready to accept connections" in line:
                return
        raise RuntimeError(f"Redis did not start: {''.join(told)}")

    def kill(self) -> None:
        """End at once; what was stored is gone."""
        if self._process is None:
            return
        self._process.kill()
        self._process.communicate()
        self._process = None

    def restart(self) -> None:
        """Kill, and start anew at the same URL."""
        self.kill()
        self.start()

    def hang(self) -> None:
        """Keep connections open, but answer nothing until `resume`."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Answer again."""
        self._signal(signal.SIGCONT)

    def flush(self) -> None:
        """Forget everything."""
        self.run("FLUSHALL")

    def run(self, *command: Any) -> Any:
        """Run one command and answer its reply."""
        with redis.Redis.from_url(self.url) as client:
            return client.execute_command(*command)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        os.kill(self._process.pid, number)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
