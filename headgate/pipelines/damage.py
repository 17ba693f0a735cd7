"""Tells a client's damaged file from a fault of our own."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from headgate.errors import JobFault
from headgate.pipelines.prepared import Prepared
from headgate.storage.formats import FileFormat

BINARY = {FileFormat.PARQUET: "Parquet", FileFormat.ARROW: "Arrow", FileFormat.EXCEL: "Excel"}
LIBRARY_FAULTS = (Exception, pl.exceptions.PanicException)
"""A panic of Polars is no Exception."""


@contextmanager
def readable(format: FileFormat) -> Iterator[None]:
    """Whatever a library says while it reads a binary file is the file's fault, unless the system said it.

    Raises JobFault UNREADABLE_FILE.
    """
    try:
        yield
    except (JobFault, MemoryError):
        raise
    except LIBRARY_FAULTS as error:
        if format not in BINARY or _is_systems(error):
            raise
        raise _unreadable(format) from error


def _unreadable(format: FileFormat) -> JobFault:
    message = f"The file can't be read as {BINARY[format]}: it is damaged or cut off. Write it again."
    return JobFault("UNREADABLE_FILE", message, "DATA")


def _is_systems(error: BaseException) -> bool:
    """Whether the system refused something; EINVAL is what it says to a place in a file that can't be."""
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)


@contextmanager
def scannable(format: FileFormat, prepared: Prepared) -> Iterator[None]:
    """The same for a file that is scanned while rows are written: where that fails, the file alone is read again."""
    try:
        yield
    except (JobFault, MemoryError):
        raise
    except LIBRARY_FAULTS:
        with readable(format):
            _read_all(prepared.frame)
        raise


def check_rows(format: FileFormat, *, said: int, found: int) -> None:
    """Raises JobFault UNREADABLE_FILE where a file holds another number of rows than its metadata says."""
    if format in (FileFormat.PARQUET, FileFormat.ARROW) and said != found:
        raise _unreadable(format)


def _read_all(frame: pl.LazyFrame) -> None:
    frame.map_batches(lambda batch: batch.clear(), streamable=True).collect(engine="streaming")
