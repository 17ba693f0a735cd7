"""Corrections: rejected rows with other values."""

from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from headgate.domain import corrections
from headgate.domain.corrections import MAX_CORRECTIONS, Correction, CorrectRequest
from headgate.graphql.context import Info
from headgate.graphql.enums import Role
from headgate.graphql.fields import mutation
from headgate.graphql.inputs import IDEMPOTENCY_KEY, WAIT_SECONDS
from headgate.graphql.scalars import BigInt
from headgate.graphql.started import JobPayload


@strawberry.input(description="Other values for one rejected row.")
class RowCorrectionInput:
    row: BigInt = strawberry.field(description="The row's number, as its errors say it.")
    values: JSON = strawberry.field(
        description=(
            "An object with the columns to correct and their new values; the others stay as they were. Of a row that "
            "could not be told apart into cells, all columns have to be given, null where there is no value."
        )
    )


@strawberry.input(
    description="Which rejected rows of a job to correct, and how; one of `corrections` and `file`."
)
class CorrectErrorsInput:
    job_id: strawberry.ID = strawberry.field(description="The id of the job that rejected the rows.")
    corrections: list[RowCorrectionInput] | None = strawberry.field(
        default=None, description=f"1 to {MAX_CORRECTIONS:,} rows, each once."
    )
    file: strawberry.ID | None = strawberry.field(
        default=None,
        description=(
            "The id of an uploaded CSV of rejected rows, as `errorsDownloadUrl(content: ROWS)` gives it, edited. "
            "`headgate_row` says which row each is; rows that are left out stay as they are."
        ),
    )
    wait_seconds: float | None = strawberry.field(default=0, description=WAIT_SECONDS)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type
class CorrectionMutation:
    @mutation(
        Role.OPERATOR,
        (
            "Starts a job that corrects rejected rows of another one, checks them again and ingests those that pass "
            "now. These are taken off the open errors of that job, which is SUCCEEDED when none is left."
        ),
    )
    async def correct_errors(
        self,
        info: Info,
        input: Annotated[CorrectErrorsInput, strawberry.argument(description="Which rows, and how.")],
    ) -> JobPayload:
        context = info.context
        return await JobPayload.of(
            info,
            input.wait_seconds,
            lambda: corrections.submit(
                context.services, context.principal, _read(input), input.idempotency_key
            ),
        )


def _read(input: CorrectErrorsInput) -> CorrectRequest:
    given = input.corrections
    rows = None if given is None else [Correction(each.row, each.values) for each in given]
    return CorrectRequest(input.job_id, rows, input.file)
