"""Results: what jobs and clients stored."""

from datetime import datetime
from functools import partial
from typing import Annotated, Self

import strawberry
from strawberry.scalars import JSON

from headgate.domain import results, stored_results
from headgate.domain.results import MAX_TAGS
from headgate.domain.stored_results import MAX_DATA_BYTES, MAX_NAME_LENGTH, TAG_RULE, NewResult
from headgate.errors import UserFault
from headgate.graphql.context import Info
from headgate.graphql.datasets import Dataset
from headgate.graphql.downloads import Format, version_url
from headgate.graphql.enums import FileFormat, ResultKind, ResultOrder, Role
from headgate.graphql.fields import mutation, query, resolved
from headgate.graphql.inputs import IDEMPOTENCY_KEY, given
from headgate.graphql.joblists import LazyJob, job_type
from headgate.graphql.nodes import Node
from headgate.graphql.pagination import DEFAULT_FIRST, After, Connection, First, connect, first_or_default
from headgate.graphql.payloads import DeletePayload, StartedPayload, UserError
from headgate.graphql.scalars import BigInt
from headgate.graphql.users import User
from headgate.storage import tables


@strawberry.type(description="What a job or a client stored, to be found again.")
class Result(Node, prefix="result"):
    kind: ResultKind = strawberry.field(description="What it holds.")
    name: str = strawberry.field(description="What it is called.")
    dataset_version: BigInt | None = strawberry.field(
        description="The version of the dataset that it is about; null where it is about none."
    )
    data: JSON = strawberry.field(
        description=(
            "What it says. Of a validation: `passed`, `issues` (how many errors and warnings), `rules` (for each code, "
            "column, check and severity how many, and in how many rows) and `counts` of rows. Of a dataset: `rowCount` "
            "and `counts`. Of an export: `kind`, the sink's, and what that says of what it has done. Of a job that "
            "made nothing else: `status` and `counts` when it ended, `failure` where it has one, and of a batch how "
            "many `items` have which status. Of a client: whatever that stored."
        )
    )
    tags: list[str] = strawberry.field(description="Words to find it by.")
    created_at: datetime = strawberry.field(description="When it was stored.")
    row: strawberry.Private[tables.Result]

    @classmethod
    def from_row(cls, row: tables.Result) -> Self:
        """Make it of its row in the database."""
        return cls(
            id=strawberry.ID(row.id),
            kind=row.kind,
            name=row.name,
            dataset_version=None if row.dataset_version is None else BigInt(row.dataset_version),
            data=JSON(row.data),
            tags=row.tags,
            created_at=row.created_at,
            row=row,
        )

    @resolved("The job that stored it, or that it is about; null where it is about none.")
    async def job(self, info: Info) -> LazyJob | None:
        return await job_type().load(info, self.row.job_id)

    @resolved("The dataset that it is about; null where it is about none.")
    async def dataset(self, info: Info) -> Dataset | None:
        return await Dataset.load(info, self.row.dataset_id)

    @resolved(
        "A link to the rows of the version that it is about, as `Dataset.downloadUrl` makes it; null where it is about "
        "none, or that can be read no more."
    )
    async def download_url(self, info: Info, format: Format = FileFormat.CSV) -> str | None:
        dataset = await info.context.loaders.row(Dataset.prefix, self.row.dataset_id or "")
        if dataset is None or self.row.dataset_version is None:
            return None
        return await version_url(info, dataset, self.row.dataset_version, format)

    @resolved("Who had it stored.")
    async def created_by(self, info: Info) -> User | None:
        return await User.load(info, self.row.created_by_id)


@strawberry.input(description="Which results to list; all conditions must hold.")
class ResultFilter:
    kind: list[ResultKind] | None = strawberry.field(default=None, description="The kind is one of these.")
    job: strawberry.ID | None = strawberry.field(
        default=None, description="They are of the job with this id, or about it."
    )
    pipeline: str | None = strawberry.field(
        default=None, description="They are of jobs of the pipeline of this name."
    )
    dataset: str | None = strawberry.field(
        default=None, description="They are about the dataset of this name."
    )
    name_contains: str | None = strawberry.field(
        default=None, description="The name contains this text, in upper or lower case."
    )
    tags: list[str] | None = strawberry.field(
        default=None, description=f"They have all of these tags; up to {MAX_TAGS}."
    )
    created_after: datetime | None = strawberry.field(
        default=None, description="They were stored after this moment."
    )
    created_before: datetime | None = strawberry.field(
        default=None, description="They were stored before this moment."
    )


@strawberry.input(description="What to store.")
class StoreResultInput:
    name: str = strawberry.field(
        description=f"What to call it: 1 to {MAX_NAME_LENGTH} characters; several may be called the same."
    )
    data: JSON = strawberry.field(description=f"What it says: any JSON of up to {MAX_DATA_BYTES:,} bytes.")
    job_id: strawberry.ID | None = strawberry.field(
        default=None, description="The job that it is about; then it is about that one's dataset too."
    )
    tags: list[str] | None = strawberry.field(
        default=None, description=f"Words to find it by, up to {MAX_TAGS}. {TAG_RULE}"
    )
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(description="What became of a request to store a result.")
class ResultPayload(StartedPayload):
    result: Result | None = strawberry.field(
        default=None, description="The result; null where none was stored."
    )


@strawberry.type
class ResultQuery:
    @query(Role.VIEWER, "A result by its id; null where there is none.")
    async def result(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The result's id.")]
    ) -> Result | None:
        row = await results.get(info.context.services, id)
        return Result.from_row(row) if row else None

    @query(Role.VIEWER, "Results of jobs and of clients.")
    async def results(
        self,
        info: Info,
        filter: Annotated[
            ResultFilter | None, strawberry.argument(description="Which ones; all of them by default.")
        ] = None,
        order_by: Annotated[
            ResultOrder | None,
            strawberry.argument(description="In which order; the newest first by default."),
        ] = ResultOrder.CREATED_AT_DESC,
        first: First = DEFAULT_FIRST,
        after: After = None,
    ) -> Connection[Result]:
        services = info.context.services
        wanted = results.ResultFilter(**given(filter))
        order = order_by or ResultOrder.CREATED_AT_DESC
        page = await results.page(services, wanted, order, first_or_default(first), after)
        return connect(page, Result.from_row, after=after, count=partial(results.total, services, wanted))


@strawberry.type
class ResultMutation:
    @mutation(Role.OPERATOR, "Stores a result under a name, to be found again, about a job or about none.")
    async def store_result(
        self,
        info: Info,
        input: Annotated[StoreResultInput, strawberry.argument(description="What to store.")],
    ) -> ResultPayload:
        context, new = info.context, given(input)
        key = new.pop("idempotency_key", None)
        try:
            stored = await stored_results.store(context.services, context.principal, NewResult(**new), key)
        except UserFault as fault:
            return ResultPayload(errors=UserError.all_of(fault))
        return ResultPayload(result=Result.from_row(stored.result), replayed=stored.replayed)

    @mutation(Role.OPERATOR, "Deletes a result, a job's own too; the job and what it made stay.")
    async def delete_result(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The result's id.")]
    ) -> DeletePayload:
        context = info.context
        try:
            deleted = await stored_results.delete(context.services, context.principal, id)
        except UserFault as fault:
            return DeletePayload(errors=UserError.all_of(fault, at=()))
        return DeletePayload(deleted_id=strawberry.ID(deleted))
