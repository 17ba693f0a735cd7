"""How many files a process may have open: each connection is one."""

import resource

NEEDED_BESIDE = 200
"""Files that a server opens beside its connections: databases, uploads, children."""


def highest_limit() -> int:
    """How many it may have once it has asked for all that it is allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return hard if hard != resource.RLIM_INFINITY else 1 << 30


def raise_limit(connections: int) -> None:
    """Ask for as many as these connections need, where the system allows it: it often begins with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(connections + NEEDED_BESIDE, highest_limit())
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
