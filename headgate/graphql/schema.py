"""The schema: every noun's fields under one roof."""

from typing import Any

import strawberry
from graphql import (
    GraphQLArgument,
    GraphQLError,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLObjectType,
    Undefined,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from headgate.graphql.access import doorway
from headgate.graphql.audit import AuditQuery
from headgate.graphql.batches import BatchMutation
from headgate.graphql.catalog import CatalogQuery
from headgate.graphql.corrections import CorrectionMutation
from headgate.graphql.datasets import DatasetQuery
from headgate.graphql.endpoints import EndpointMutation, EndpointQuery
from headgate.graphql.errors import ErrorQuery
from headgate.graphql.events import JobSubscription
from headgate.graphql.files import FileMutation, FileQuery
from headgate.graphql.health import HealthQuery
from headgate.graphql.ingest import IngestMutation
from headgate.graphql.jobactions import JobActionMutation
from headgate.graphql.jobs import JobQuery
from headgate.graphql.limits import query_extensions
from headgate.graphql.mappings import MappingMutation
from headgate.graphql.nodes import NodeQuery
from headgate.graphql.pipeline_changes import PipelineMutation
from headgate.graphql.pipelines import PipelineQuery
from headgate.graphql.results import ResultQuery
from headgate.graphql.scalars import SCALARS
from headgate.graphql.statistics import StatisticsQuery
from headgate.graphql.users import ViewerQuery
from headgate.graphql.validation import ValidateMutation


@strawberry.type(description="What can be read.")
class Query(
    NodeQuery,
    ViewerQuery,
    PipelineQuery,
    JobQuery,
    ErrorQuery,
    ResultQuery,
    DatasetQuery,
    EndpointQuery,
    FileQuery,
    StatisticsQuery,
    AuditQuery,
    HealthQuery,
    CatalogQuery,
): ...


@strawberry.type(description="What can be done.")
class Mutation(
    FileMutation,
    ValidateMutation,
    IngestMutation,
    BatchMutation,
    PipelineMutation,
    MappingMutation,
    JobActionMutation,
    CorrectionMutation,
    EndpointMutation,
): ...


@strawberry.type(description="What can be watched live.")
class Subscription(JobSubscription): ...


class HeadgateSchema(strawberry.Schema):
    """A schema whose errors are logged by the transport, with the request's id, and not here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for type_ in self._schema.type_map.values():
            _drop_null_defaults(type_)

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Leave errors to the transport."""


def _drop_null_defaults(type_: GraphQLNamedType) -> None:
    """Show what may be left out without `= null`, which Strawberry makes of Python's None and which says nothing."""
    values: list[GraphQLArgument | GraphQLInputField] = []
    if isinstance(type_, GraphQLInputObjectType):
        values += type_.fields.values()
    elif isinstance(type_, GraphQLObjectType):
        values += [argument for field in type_.fields.values() for argument in field.args.values()]
    for value in values:
        if value.default_value is None:
            value.default_value = Undefined


def make_schema() -> HeadgateSchema:
    """Make the schema that clients see."""
    return HeadgateSchema(
        Query,
        Mutation,
        Subscription,
        extensions=query_extensions(doorway(Mutation)),
        config=StrawberryConfig(scalar_map=SCALARS),
    )
