"""Which process a worker lives in, so that the next one on the same machine knows whether it is gone."""

import os
import socket
from uuid import uuid4

# Tells this process from an earlier one that had the same number, as the first of every container has.
PROCESS_TOKEN = uuid4().hex[:8]


def worker_name() -> str:
    """Name the worker of this process: `<host>:<process id>:<token>`."""
    return f"{socket.gethostname()}:{os.getpid()}:{PROCESS_TOKEN}"


def is_gone(worker: str) -> bool:
    """Tell whether the process of a worker has certainly ended; one on another machine may live."""
    host, pid, token = worker.rsplit(":", 2)
    if host != socket.gethostname():
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
