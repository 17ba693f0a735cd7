"""Reads of tables for whoever waits for an answer: in threads, for a limited time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from headgate.errors import Unavailable, UserFault
from headgate.storage.bucketfaults import telling_faults

READ_TIMEOUT_S = 45.0
"""Shorter than an operation may take by default, so that what is said is why."""
THREADS = 16

_threads = ThreadPoolExecutor(THREADS, thread_name_prefix="table-reads")
"""Of their own: a thread that waits for a store can't be stopped, and others are not to wait behind it."""

T = TypeVar("T")


async def read_table(work: Callable[[], T]) -> T:
    """Answer what blocking work reads of tables.

    Raises UserFault, both retryable: STORE_UNAVAILABLE, and TIMED_OUT after 45 seconds; and what the work raises.
    """
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            return await asyncio.get_running_loop().run_in_executor(_threads, _told, work)
    except TimeoutError:
        message = "Reading the dataset took too long and was given up. Try again, or ask for fewer rows."
        raise UserFault("TIMED_OUT", message, retryable=True) from None
    except Unavailable as fault:
        raise UserFault(fault.code, fault.message, retryable=True) from fault


def _told(work: Callable[[], T]) -> T:
    with telling_faults():
        return work()
