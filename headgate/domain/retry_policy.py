"""When a job that failed is tried again by itself."""

import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import Field

from headgate.errors import JobFault
from headgate.pipelines.kinds import Settings

MAX_CRASHES = 3
"""A job that took its process along so often is not run again by itself: it would harm others."""
MAX_ATTEMPTS = 100
MAX_DELAY_S = 86_400.0
MAX_FACTOR = 100.0
WORTH_A_RETRY = frozenset({"SYSTEM", "DEPENDENCY"})


class RetryPolicy(Settings):
    """When a job that failed is tried again by itself.

    Each attempt comes after a longer delay: the initial one, times the factor, and so on up to the longest. Only
    failures of this system or of one that it depends on are worth another attempt, never those of the data or the
    settings.
    """

    max_attempts: int = Field(
        default=3,
        ge=1,
        le=MAX_ATTEMPTS,
        description="After how many failed attempts the job has failed, 1 to 100; 1 is no retry.",
    )
    initial_delay_s: float = Field(
        alias="initialDelaySeconds",
        default=1.0,
        ge=0,
        le=MAX_DELAY_S,
        description="How long it waits before the second attempt; chance takes off up to a half.",
    )
    factor: float = Field(
        default=2.0,
        ge=1,
        le=MAX_FACTOR,
        description="How many times longer each wait is than the one before, 1 to 100.",
    )
    max_delay_s: float = Field(
        alias="maxDelaySeconds",
        default=300.0,
        ge=0,
        le=MAX_DELAY_S,
        description="The longest that it waits, up to 86,400.",
    )

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> "RetryPolicy":
        """Read the policy of a job's spec."""
        return cls.model_validate(spec.get("retry") or {})

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
    return JobFault(fault.code, message, fault.category, fault.retryable, details, fault.step)
