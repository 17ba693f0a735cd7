"""Specs: how a job is carried out."""

from typing import TypedDict

import strawberry

from headgate.domain.retry_policy import RetryPolicy
from headgate.graphql.inputs import given

USUAL = RetryPolicy()


@strawberry.input(
    description=(
        "When a job that failed is tried again by itself: after a failure of this system or of one that it depends "
        "on, never after one of the data or the settings."
    )
)
class RetryPolicyInput:
    max_attempts: int | None = strawberry.field(
        default=USUAL.max_attempts,
        description="After how many failed attempts the job has failed, 1 to 100; 1 is no retry.",
    )
    initial_delay_seconds: float | None = strawberry.field(
        default=USUAL.initial_delay_s,
        description="How long it waits before the second attempt; chance takes off up to a half.",
    )
    factor: float | None = strawberry.field(
        default=USUAL.factor, description="How many times longer each wait is than the one before, 1 to 100."
    )
    max_delay_seconds: float | None = strawberry.field(
        default=USUAL.max_delay_s, description="The longest that it waits, up to 86,400."
    )


@strawberry.input(description="How a job is carried out.")
class PipelineSpecInput:
    retry: RetryPolicyInput | None = strawberry.field(
        default=None,
        description="When it is tried again by itself; as the defaults of RetryPolicyInput say where it is left out.",
    )
    timeout_seconds: float | None = strawberry.field(
        default=None,
        description="How long one attempt may take; the server's own limit counts where it is lower.",
    )


class SpecValues(TypedDict):
    """A spec in the words of the domain's requests."""

    retry: RetryPolicy | None
    timeout_s: float | None


def read_spec(spec: PipelineSpecInput | None) -> SpecValues:
    """Name what a spec says as the domain does."""
    if spec is None:
        return {"retry": None, "timeout_s": None}
    policy = None if spec.retry is None else _policy(spec.retry)
    return {"retry": policy, "timeout_s": spec.timeout_seconds}


def _policy(policy: RetryPolicyInput) -> RetryPolicy:
    return RetryPolicy(**{name.replace("_seconds", "_s"): value for name, value in given(policy).items()})
