"""Specs: what the rows of a job are held against, and how it is carried out."""

from typing import TYPE_CHECKING, TypedDict

import strawberry

from headgate.domain.retry_policy import RetryPolicy
from headgate.domain.rules import Rules
from headgate.graphql import enums as enums
from headgate.graphql.checks import CheckInput, check_specs
from headgate.graphql.inputs import given
from headgate.graphql.kinds import input_of, settings_of
from headgate.pipelines.acceptance import Acceptance
from headgate.pipelines.contract import Contract

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


if TYPE_CHECKING:

    class ContractInput: ...

    class AcceptanceInput: ...

else:
    ContractInput = input_of(Contract, "ContractInput")
    AcceptanceInput = input_of(Acceptance, "AcceptanceInput")


@strawberry.input(description="What the rows of a job are held against, and how it is carried out.")
class PipelineSpecInput:
    contract: ContractInput | None = strawberry.field(
        default=None, description="What the columns must be; anything by default."
    )
    checks: list[CheckInput] | None = strawberry.field(
        default=None, description="What the rows must keep; nothing by default."
    )
    acceptance: AcceptanceInput | None = strawberry.field(
        default=None,
        description="When a job with bad rows still counts; by default they are rejected one by one.",
    )
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
    rules: Rules


def read_spec(spec: PipelineSpecInput | None) -> SpecValues:
    """Name what a spec says as the domain does."""
    if spec is None:
        return {"retry": None, "timeout_s": None, "rules": Rules()}
    policy = None if spec.retry is None else _policy(spec.retry)
    return {"retry": policy, "timeout_s": spec.timeout_seconds, "rules": _rules(spec)}


def _rules(spec: PipelineSpecInput) -> Rules:
    return Rules(
        contract=None if spec.contract is None else settings_of(spec.contract),
        checks=None if spec.checks is None else check_specs(spec.checks),
        acceptance=None if spec.acceptance is None else settings_of(spec.acceptance),
    )


def _policy(policy: RetryPolicyInput) -> RetryPolicy:
    return RetryPolicy(**{name.replace("_seconds", "_s"): value for name, value in given(policy).items()})
