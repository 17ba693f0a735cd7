"""Validate: data is held against rules, and nothing of it is ingested."""

from typing import Annotated

import strawberry

from headgate.domain import validation
from headgate.domain.validation import ValidateRequest
from headgate.graphql.checks import CheckInput
from headgate.graphql.context import Info
from headgate.graphql.data import DataInput, read_data
from headgate.graphql.enums import Priority, Role
from headgate.graphql.fields import mutation
from headgate.graphql.inputs import IDEMPOTENCY_KEY, WAIT_SECONDS
from headgate.graphql.kinds import settings_of
from headgate.graphql.specs import ContractInput
from headgate.graphql.started import JobPayload


@strawberry.input(description="What to check, and against which rules.")
class ValidateInput:
    data: DataInput = strawberry.field(description="What to read.")
    pipeline: str | None = strawberry.field(
        default=None,
        description="Name of the pipeline whose contract, steps and checks it is held against; or give a template.",
    )
    template: str | None = strawberry.field(
        default=None, description="Name of the template whose contract, steps and checks it is held against."
    )
    checks: list[CheckInput] | None = strawberry.field(
        default=None,
        description=(
            "What its rows must keep, in place of a pipeline's or template's checks; without any, only what can't be "
            "read is found at fault."
        ),
    )
    contract: ContractInput | None = strawberry.field(
        default=None,
        description="What its columns must be, in place of a pipeline's or template's contract; anything by default.",
    )
    priority: Priority | None = strawberry.field(
        default=Priority.MEDIUM, description="Which of the waiting jobs it goes before."
    )
    wait_seconds: float | None = strawberry.field(default=0, description=WAIT_SECONDS)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type
class ValidateMutation:
    @mutation(
        Role.VIEWER,
        (
            "Starts a job that checks data and ingests nothing. The job's `result` says whether the data passed, how "
            "many issues there are and of which kinds; its `errors` list each, with the row, the cell and the reason. "
            "With `waitSeconds` a small input is answered in one call."
        ),
    )
    async def validate(
        self,
        info: Info,
        input: Annotated[ValidateInput, strawberry.argument(description="What to check, and how.")],
    ) -> JobPayload:
        context = info.context
        return await JobPayload.of(
            info,
            input.wait_seconds,
            lambda: validation.submit(
                context.services, context.principal, _read(input), input.idempotency_key
            ),
        )


def _read(input: ValidateInput) -> ValidateRequest:
    rules = {
        "contract": None if input.contract is None else settings_of(input.contract),
        "checks": None if input.checks is None else [settings_of(check) for check in input.checks],
    }
    return ValidateRequest(
        **read_data(input.data),
        pipeline=input.pipeline,
        template=input.template,
        rules={name: given for name, given in rules.items() if given is not None},
        priority=input.priority or Priority.MEDIUM,
    )
