"""What a task reads: stored files, a version of a dataset, or corrections of an earlier job."""

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
from headgate.pipelines.readers.corrections import Corrections, read_corrections
from headgate.pipelines.readers.dataset import DatasetRows, read_dataset
from headgate.pipelines.readers.many import Files, read_files
from headgate.pipelines.rejections import RejectionLog
from headgate.pipelines.replay import RowSet, rejected_rows
from headgate.storage.formats import FileFormat
from headgate.storage.open_errors import OpenErrors

Input = Source | DatasetRows | Corrections | Files


def read_rows(
    given: Input,
    contract: Contract | None,
    replay: OpenErrors | None,
    scratch: Path,
    log: RejectionLog,
    watch: Watch,
) -> Arranged:
    """Read an input and arrange its rows as the contract says; of those with errors in `replay` alone.

    Raises JobFault: NO_COLUMNS, or what the reader raises.
    """
    if replay is None:
        prepared = _read(given, contract, scratch, log, watch)
    else:
        prepared = _read_again(given, rejected_rows(replay), scratch, log, watch)
    if not prepared.names and (prepared.accepted or not log.rows):
        raise JobFault("NO_COLUMNS", "The records of the file have no columns.", "DATA")
    return arrange(prepared, contract)


def _read(
    given: Input, contract: Contract | None, scratch: Path, log: RejectionLog, watch: Watch
) -> Prepared:
    match given:
        case DatasetRows():
            return read_dataset(given, watch)
        case Corrections():
            return read_corrections(given, contract, scratch, log, watch)
        case Files():
            return read_files(given, scratch, log, watch)
    return formats.read(given, scratch, log, watch)


def _read_again(given: Input, only: RowSet, scratch: Path, log: RejectionLog, watch: Watch) -> Prepared:
    prepared = _read(_chosen(given, only), None, scratch, log, watch)
    if only.count != prepared.accepted + log.rows:
        raise mismatch()
    return replace(prepared, taken=only)


def _chosen(given: Input, only: RowSet) -> Input:
    """The input as if it had no other rows; corrections of an earlier job are corrected by sending others."""
    if isinstance(given, Corrections):
        message = "Corrections can't be read again by themselves. Correct the job that they were for."
        raise JobFault("NOTHING_TO_REPLAY", message, "CONFIG")
    return replace(given, only=only)


@contextmanager
def scanning(given: Input, prepared: Prepared, watch: Watch) -> Iterator[None]:
    """Tell a client's damaged file, and an order to stop, from faults of our own while an input is scanned."""
    if (format := _format(given)) is not None:
        with scannable(format, prepared), unwrapped(watch):
            yield
    else:
        with unwrapped(watch):
            yield


def check_scanned(given: Input, prepared: Prepared, scanned: int) -> None:
    """Raises JobFault where a scan yielded another number of rows than were said to be there."""
    if (format := _format(given)) is not None:
        check_rows(format, said=prepared.accepted, found=scanned)
    if scanned != prepared.accepted:
        raise mismatch()


def _format(given: Input) -> FileFormat | None:
    """The format of files that may turn out damaged when they are scanned; None where nothing is read from files."""
    return given.format if isinstance(given, Source | Files) else None


def mismatch() -> JobFault:
    """Rows went missing, or came twice, between the reader and what came out."""
    return JobFault("COUNTS_MISMATCH", "The rows read and written do not add up; nothing was kept.", "SYSTEM")
