"""Which process a worker lives in, so that others on the same machine know whether it is gone."""

import hashlib
import os
import socket
from functools import cache
from pathlib import Path
from uuid import uuid4

# Tells this process from an earlier one that had the same number, as the first of every container has.
PROCESS_TOKEN = uuid4().hex[:8]
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PROCESS_NUMBERS = Path("/proc/self/ns/pid")


def worker_name() -> str:
    """Name the worker of this process: `<host>:<process id>:<machine>-<token>`."""
    return f"{socket.gethostname()}:{os.getpid()}:{machine()}-{PROCESS_TOKEN}"


@cache
def machine() -> str:
    """Tell where numbers of processes mean the same: a boot of a host, and within it a container."""
    boot = BOOT_ID.read_text() if BOOT_ID.exists() else ""
    numbers = str(PROCESS_NUMBERS.readlink()) if PROCESS_NUMBERS.is_symlink() else ""
    return hashlib.sha256(f"{socket.gethostname()} {boot} {numbers}".encode()).hexdigest()[:8]


def is_gone(worker: str) -> bool:
    """Tell whether the process of a worker has certainly ended; one on another machine may live."""
    _, pid, place = worker.rsplit(":", 2)
    where, _, token = place.partition("-")
    if where != machine():
        return False
    return token != PROCESS_TOKEN if int(pid) == os.getpid() else not _is_running(int(pid))


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
