"""Datasets are restored, deleted and watched."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from headgate.domain import dataset_changes, dataset_versions
from headgate.errors import UserFault
from headgate.graphql.context import Info
from headgate.graphql.dataset_versions import DatasetVersion
from headgate.graphql.datasets import Dataset
from headgate.graphql.enums import Role
from headgate.graphql.fields import mutation, subscription
from headgate.graphql.payloads import DeletePayload, Payload, UserError
from headgate.graphql.scalars import BigInt

Name = Annotated[str, strawberry.argument(description="The dataset's name.")]


@strawberry.type(description="What became of a dataset.")
class DatasetPayload(Payload):
    dataset: Dataset | None = strawberry.field(
        default=None, description="The dataset as it is now; null where something is wrong."
    )


@strawberry.type
class DatasetMutation:
    @mutation(
        Role.OPERATOR,
        (
            "Brings the rows and columns of an old version back, as a new version; none is made where the newest has "
            "just these. All versions stay. Refused as VERSION_EXPIRED where the old one can be read no more."
        ),
    )
    async def restore_dataset(
        self,
        info: Info,
        name: Name,
        version: Annotated[BigInt, strawberry.argument(description="The version to bring back.")],
    ) -> DatasetPayload:
        context = info.context
        try:
            row = await dataset_changes.restore(context.services, context.principal, name, version)
        except UserFault as fault:
            return DatasetPayload(errors=UserError.all_of(fault, at=()))
        return DatasetPayload(dataset=Dataset.from_row(row))

    @mutation(
        Role.OPERATOR,
        (
            "Deletes a dataset with all its versions; its name is free at once. Refused as DATASET_IN_USE while jobs "
            "that have not ended, or pipelines, write to it."
        ),
    )
    async def delete_dataset(self, info: Info, name: Name) -> DeletePayload:
        context = info.context
        try:
            deleted = await dataset_changes.delete(context.services, context.principal, name)
        except UserFault as fault:
            return DeletePayload(errors=UserError.all_of(fault, at=()))
        return DeletePayload(deleted_id=strawberry.ID(deleted))


@strawberry.type
class DatasetSubscription:
    @subscription(
        Role.VIEWER,
        (
            "Each new version of a dataset as it is committed, from now on, without a gap or a repeat. Ends when the "
            "dataset is deleted."
        ),
    )
    async def dataset_changed(self, info: Info, name: Name) -> AsyncGenerator[DatasetVersion, None]:
        return _shown(info, dataset_versions.watch(info.context.services, name))


async def _shown(
    info: Info, watching: AsyncGenerator[dataset_versions.DatasetVersion, None]
) -> AsyncGenerator[DatasetVersion, None]:
    async with aclosing(watching) as told:
        async for each in told:
            info.context.forget()
            yield DatasetVersion.from_told(each)
