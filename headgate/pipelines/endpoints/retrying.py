"""When a call that failed is made again."""

import math
import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from headgate.errors import JobFault

REFUSED = 429
"""The server did nothing: whatever was asked for may be asked for again."""
PASSING = (REFUSED, 502, 503, 504)
"""The statuses after which the same call may succeed a little later."""
LATER = (408, 425)
"""Those, besides the server's own faults, after which it may succeed in the job's next attempt."""
HARMLESS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
"""What is done twice with these is as if it was done once."""
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0


class Passing(Exception):
    """A call that may succeed later.

    `undone` says that it certainly had no effect. The server asks to wait `wait_s`, where it asks for that.
    """

    def __init__(self, fault: JobFault, *, undone: bool, wait_s: float | None = None) -> None:
        super().__init__(fault.code)
        self.fault, self.undone, self.wait_s = fault, undone, wait_s

    def pause_s(self, attempt: int, first_s: float) -> float:
        """How long to wait after this attempt, which counts from 1: twice as long each time, less up to a half."""
        if self.wait_s is not None:
            return self.wait_s
        return min(first_s * 2.0 ** (attempt - 1), LONGEST_WAIT_S) * random.uniform(0.5, 1)  # noqa: S311, no secret


def retry_after(headers: Mapping[str, str]) -> float | None:
    """For how many seconds a server asks to be left alone, as a number or until a date; None where it doesn't say."""
    said = headers.get("retry-after", "").strip()
    try:
        seconds = float(said)
    except ValueError:
        return _until(said)
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _until(date: str) -> float | None:
    try:
        return max(parsedate_to_datetime(date).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None
