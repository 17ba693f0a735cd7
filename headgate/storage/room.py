"""What is said where a disk has no room left."""

from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, EFBIG, ENOSPC

import structlog

from headgate.storage.object_store import StoreFull

FULL = frozenset({ENOSPC, EDQUOT, EFBIG})
"""The disk is full, a quota is used up, or a file has grown as far as a limit of the system lets it."""
IN_WORDS = tuple(f"(os error {number})" for number in FULL)
"""How Polars and Delta Lake tell of them."""

MAX_REASON = 500

logger = structlog.get_logger(__name__)


def is_full(error: Exception) -> bool:
    """Whether an error of the system, or of a library, says that there is no room left."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL
    return any(words in str(error) for words in IN_WORDS)


@contextmanager
def telling_full() -> Iterator[None]:
    """Raise StoreFull in place of what says that there is no room left. The log says it, too."""
    try:
        yield
    except Exception as error:
        if not is_full(error):
            raise
        logger.error("store.full", reason=str(error)[:MAX_REASON])
        raise StoreFull from None
