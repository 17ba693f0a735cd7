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

logger = structlog.get_logger(__name__)


def is_full(error: BaseException) -> bool:
    """Whether an error of the system, or of a library, says that there is no room left."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in FULL
    return isinstance(error, Exception) and any(words in str(error) for words in IN_WORDS)


@contextmanager
def telling_full() -> Iterator[None]:
    """Raise StoreFull in place of what the system says where there is no room left. The log says it, too."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        logger.error("store.full", reason=error.strerror)
        raise StoreFull from None
