"""What Polars, Delta Lake and botocore raise where Headgate's own store can't be used, and what is raised instead."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from headgate.storage.object_store import StoreUnavailable
from headgate.storage.room import MAX_REASON, telling_full

FROM_THE_STORE = ("S3 error", "Error performing ")
"""One of these is in the texts of all errors that a store is the cause of, in Polars and in Delta Lake."""

logger = structlog.get_logger(__name__)


def is_fault_of_store(error: BaseException) -> bool:
    """Whether what a library raised says that the bucket can't be reached, or refuses."""
    if isinstance(error, BotoCoreError | ClientError):
        return True
    return isinstance(error, Exception) and any(words in str(error) for words in FROM_THE_STORE)


@contextmanager
def telling_faults() -> Iterator[None]:
    """Raise StoreUnavailable in place of what a library raises where the store can't be used. The log says why.

    A disk without room is StoreFull.
    """
    try:
        with telling_full():
            yield
    except Exception as error:
        if not is_fault_of_store(error):
            raise
        logger.warning("store.failed", kind=type(error).__name__, reason=str(error)[:MAX_REASON])
        raise StoreUnavailable from None
