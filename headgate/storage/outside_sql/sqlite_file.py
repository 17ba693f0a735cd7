"""A SQLite database in a file: opened for one piece of work, and interrupted when nobody waits for it any more."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from headgate.errors import JobFault
from headgate.storage.outside_sql.patience import SLICE_S, Patience

STEPS = 50_000
"""After so many of SQLite's own steps, some milliseconds, whoever watches is asked."""
MAX_VALUE_BYTES = 256 << 20
"""No value and no row is longer; SQL can make them of any size."""
BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextmanager
def opened(path: Path, mode: str, patience: Patience, code: str) -> Iterator[sqlite3.Connection]:
    """A connection without transactions of its own; `mode` is ro, rw or rwc.

    Raises JobFault: `code` for what SQLite does not do, and what the patience raises while SQLite is at work.
    """
    watched = _Watched(patience)
    try:
        with closing(_connect(path, mode)) as connection:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
            connection.set_progress_handler(watched.look, STEPS)
            yield connection
    except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
        if watched.raised is not None:
            raise watched.raised from None
        raise _fault_of(error, code) from None


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    address = f"file:{quote(str(path.absolute()))}?mode={mode}"
    return sqlite3.connect(
        address, uri=True, isolation_level=None, timeout=SLICE_S, check_same_thread=False, cached_statements=0
    )


class _Watched:
    """Asks whoever watches from within SQLite, which lets no error through: it stops, and the error is kept."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self.raised: BaseException | None = None

    def look(self) -> int:
        try:
            self._patience.left_s()
        except BaseException as error:
            self.raised = error
            return 1
        return 0


def wait_for(attempt: Callable[[], object], patience: Patience) -> None:
    """Try something again for as long as others hold the database and the patience lasts."""
    while True:
        patience.left_s()
        try:
            attempt()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in BUSY:
                raise
        else:
            return


def _fault_of(error: Exception, code: str) -> JobFault:
    """What an error of SQLite means for the job; it does not tell where the file is."""
    number = getattr(error, "sqlite_errorcode", 0) & 0xFF
    said = " ".join(str(error).split()).rstrip(".")
    if number == sqlite3.SQLITE_CANTOPEN:
        return JobFault("URL_UNREACHABLE", "The file of the database can't be opened.", "DEPENDENCY", True)
    if number in BUSY:
        return JobFault("DATABASE_BUSY", f"The database says: {said}.", "DEPENDENCY", True)
    category = "DATA" if number in (sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH) else "CONFIG"
    return JobFault(code, f"The database says: {said}.", category)  # type: ignore[arg-type]
