"""What a task reads: a stored file, or a version of a dataset."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from headgate.errors import JobFault
from headgate.pipelines import formats
from headgate.pipelines.arrangement import Arranged, arrange
from headgate.pipelines.contract import Contract
from headgate.pipelines.damage import check_rows, scannable
from headgate.pipelines.orders import unwrapped
from headgate.pipelines.prepared import Prepared, Source, Watch
from headgate.pipelines.rejections import RejectionLog
from headgate.pipelines.replay import rejected_rows
from headgate.pipelines.sources.dataset import DatasetRows, read_dataset

Input = Source | DatasetRows


def read_rows(
    given: Input,
    contract: Contract | None,
    replay: Path | None,
    scratch: Path,
    log: RejectionLog,
    watch: Watch,
) -> Arranged:
    """Read an input and arrange its rows as the contract says; of `replay`, a ledger, its rejected rows alone.

    Raises JobFault: NO_COLUMNS, or what the reader raises.
    """
    only = rejected_rows(replay) if replay is not None else None
    prepared = _read(replace(given, only=only), scratch, log, watch)
    if only is not None and only.count != prepared.accepted + log.rows:
        raise mismatch()
    if not prepared.names and (prepared.accepted or not log.rows):
        raise JobFault("NO_COLUMNS", "The records of the file have no columns.", "DATA")
    return arrange(prepared, contract)


def _read(given: Input, scratch: Path, log: RejectionLog, watch: Watch) -> Prepared:
    if isinstance(given, DatasetRows):
        return read_dataset(given, watch)
    return formats.read(given, scratch, log, watch)


@contextmanager
def scanning(given: Input, prepared: Prepared, watch: Watch) -> Iterator[None]:
    """Tell a client's damaged file, and an order to stop, from faults of our own while an input is scanned."""
    if isinstance(given, DatasetRows):
        with unwrapped(watch):
            yield
    else:
        with scannable(given.format, prepared), unwrapped(watch):
            yield


def check_scanned(given: Input, prepared: Prepared, scanned: int) -> None:
    """Raises JobFault where a scan yielded another number of rows than were said to be there."""
    if isinstance(given, Source):
        check_rows(given.format, said=prepared.accepted, found=scanned)
    if scanned != prepared.accepted:
        raise mismatch()


def mismatch() -> JobFault:
    """Rows went missing, or came twice, between the reader and what came out."""
    return JobFault("COUNTS_MISMATCH", "The rows read and written do not add up; nothing was kept.", "SYSTEM")
