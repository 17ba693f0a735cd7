"""When a job that failed is tried again by itself."""

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from headgate.errors import JobFault, UserFault

MAX_CRASHES = 3
"""A job that took its process along so often is not run again by itself: it would harm others."""
MAX_ATTEMPTS = 100
MAX_DELAY_S = 86_400.0
MAX_FACTOR = 100.0
WORTH_A_RETRY = frozenset({"SYSTEM", "DEPENDENCY"})


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Up to `max_attempts` in all, each after a longer delay: initial, times factor, and so on up to the maximum.

    Only failures of this system or of one that it depends on are worth another attempt; those of the data and the
    settings would come again.
    """

    max_attempts: int = 3
    initial_delay_s: float = 1.0
    factor: float = 2.0
    max_delay_s: float = 300.0

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> "RetryPolicy":
        """Read the policy of a job's spec."""
        return cls(**spec.get("retry", {}))

    def to_json(self) -> dict[str, Any]:
        """Say it as it stands in a job's spec."""
        return asdict(self)

    def check(self, path: tuple[str, ...]) -> None:
        """Raise UserFault (INVALID_ARGUMENT) for a policy that makes no sense."""
        limits = (
            ("maxAttempts", self.max_attempts, 1, MAX_ATTEMPTS),
            ("initialDelaySeconds", self.initial_delay_s, 0, MAX_DELAY_S),
            ("factor", self.factor, 1, MAX_FACTOR),
            ("maxDelaySeconds", self.max_delay_s, 0, MAX_DELAY_S),
        )
        for name, value, least, most in limits:
            if not least <= value <= most:
                message = f"{name} must be from {least} to {most:g}; it is {value:g}."
                raise UserFault("INVALID_ARGUMENT", message, (*path, name))

    def allows(self, fault: JobFault, *, failures: int, crashes: int) -> bool:
        """Tell whether a job is tried again after this fault, its `failures`th of which `crashes` were crashes."""
        is_worth_it = fault.retryable and fault.category in WORTH_A_RETRY
        return is_worth_it and failures < self.max_attempts and crashes < MAX_CRASHES

    def delay(self, failures: int) -> timedelta:
        """Choose how long to wait after so many failures: half to all of the policy's delay, by chance.

        The chance keeps jobs that failed together from coming back together.
        """
        longest_s = min(
            self.initial_delay_s * self.factor ** min(failures - 1, MAX_ATTEMPTS), self.max_delay_s
        )
        return timedelta(seconds=longest_s * random.uniform(0.5, 1))  # noqa: S311


def given_up(fault: JobFault, crashes: int) -> JobFault:
    """Say of a fault that it is the crash too many."""
    message = f"{fault.message} It happened {crashes} times, so the job is not run again by itself."
    details = {**(fault.details or {}), "crashes": crashes}
    return JobFault(fault.code, message, fault.category, fault.retryable, details)
