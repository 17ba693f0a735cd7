"""How much memory there is for this process and its children."""

import os
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup/memory.max")


def usable_bytes(limit: Path = CGROUP) -> int:
    """The memory of the machine, or of the container where that has less."""
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        return min(total, int(limit.read_text()))
    except (OSError, ValueError):  # no container, or one without a limit
        return total
