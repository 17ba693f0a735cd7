"""Validate: data is held against rules, and nothing of it is ingested."""

from typing import Annotated

import strawberry

from headgate.domain import validation
from headgate.domain.rules import Rules
from headgate.domain.validation import ValidateRequest
from headgate.errors import UserFault
from headgate.graphql.checks import CheckInput, check_specs
from headgate.graphql.context import Info
from headgate.graphql.data import DataInput, read_data
from headgate.graphql.enums import Priority, Role
from headgate.graphql.fields import mutation
from headgate.graphql.inputs import IDEMPOTENCY_KEY, WAIT_SECONDS
from headgate.graphql.kinds import settings_of
from headgate.graphql.payloads import UserError
from headgate.graphql.specs import ContractInput
from headgate.graphql.started import JobPayload, checked_wait_s


@strawberry.input(description="What to check, and against which rules.")
class ValidateInput:
    data: DataInput = strawberry.field(description="What to read.")
    checks: list[CheckInput] | None = strawberry.field(
        default=None,
        description="What its rows must keep; without any, only what can't be read is found at fault.",
    )
    contract: ContractInput | None = strawberry.field(
        default=None, description="What its columns must be; anything by default."
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
        try:
            return await _submit(info, input)
        except UserFault as fault:
            return JobPayload(errors=[UserError.from_fault(fault)])


async def _submit(info: Info, input: ValidateInput) -> JobPayload:
    wait_s = checked_wait_s(input.wait_seconds)
    rules = Rules(
        contract=None if input.contract is None else settings_of(input.contract),
        checks=None if input.checks is None else check_specs(input.checks),
    )
    request = ValidateRequest(
        **read_data(input.data), rules=rules, priority=input.priority or Priority.MEDIUM
    )
    context = info.context
    accepted = await validation.submit(context.services, context.principal, request, input.idempotency_key)
    return await JobPayload.of(info, accepted, wait_s)
