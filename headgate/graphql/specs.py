"""Specs: what a pipeline, or a job by itself, does with data."""

from typing import TYPE_CHECKING, Any

import strawberry

from headgate.domain.retry_policy import RetryPolicy
from headgate.domain.schedules import Schedule
from headgate.graphql import enums as enums
from headgate.graphql import step_enums as step_enums
from headgate.graphql.checks import CheckInput
from headgate.graphql.kinds import choice_of, input_of, settings_of
from headgate.pipelines.acceptance import Acceptance
from headgate.pipelines.contract import Contract
from headgate.pipelines.sinks.registry import sink_kinds
from headgate.pipelines.sources.registry import source_kinds
from headgate.pipelines.steps.registry import step_kinds

if TYPE_CHECKING:

    class ContractInput: ...

    class AcceptanceInput: ...

    class RetryPolicyInput: ...

    class ScheduleInput: ...

    class SourceInput: ...

    class StepInput: ...

    class SinkInput: ...

else:
    ContractInput = input_of(Contract, "ContractInput")
    AcceptanceInput = input_of(Acceptance, "AcceptanceInput")
    RetryPolicyInput = input_of(RetryPolicy, "RetryPolicyInput")
    ScheduleInput = input_of(Schedule, "ScheduleInput")
    SourceInput = choice_of(
        source_kinds(), "SourceInput", "A source of one kind, with its settings: exactly one of these."
    )
    StepInput = choice_of(
        step_kinds(), "StepInput", "A step of one kind, with its settings: exactly one of these."
    )
    SinkInput = choice_of(
        sink_kinds(), "SinkInput", "A sink of one kind, with its settings: exactly one of these."
    )


@strawberry.input(
    description=(
        "What a pipeline, or a job by itself, does: it reads a source, holds its columns against a contract, changes "
        "its rows in steps, checks them, and writes the good ones to sinks."
    )
)
class PipelineSpecInput:
    source: SourceInput | None = strawberry.field(
        default=None, description="What is read, where a run or a job gives no data of its own."
    )
    contract: ContractInput | None = strawberry.field(
        default=None, description="What the columns must be; anything by default."
    )
    steps: list[StepInput] | None = strawberry.field(
        default=None,
        description="How rows are changed before they are checked, in this order; not at all by default.",
    )
    checks: list[CheckInput] | None = strawberry.field(
        default=None, description="What the rows must keep; nothing by default."
    )
    acceptance: AcceptanceInput | None = strawberry.field(
        default=None,
        description="When a job with bad rows still counts; by default they are rejected one by one.",
    )
    sinks: list[SinkInput] | None = strawberry.field(
        default=None, description="Where the good rows go; at most one of them is a dataset."
    )
    schedule: ScheduleInput | None = strawberry.field(
        default=None,
        description="When the pipeline runs by itself; for pipelines only, and never by default.",
    )
    retry: RetryPolicyInput | None = strawberry.field(
        default=None,
        description="When it is tried again by itself; as the defaults of RetryPolicyInput say where it is left out.",
    )
    timeout_seconds: float | None = strawberry.field(
        default=None,
        description="How long one attempt may take; the server's own limit counts where it is lower.",
    )


def spec_json(spec: PipelineSpecInput | None) -> dict[str, Any] | None:
    """What a spec says, in the JSON that pipelines and jobs keep."""
    return None if spec is None else settings_of(spec)
