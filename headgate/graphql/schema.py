"""The schema: every noun's fields under one roof."""

from contextlib import aclosing
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
    get_named_type,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.schema import StreamResult
from strawberry.types import ExecutionContext, ExecutionResult

from headgate.graphql.access import doorway
from headgate.graphql.apikeys import ApiKeyMutation, ApiKeyQuery
from headgate.graphql.appends import AppendMutation
from headgate.graphql.audit import AuditQuery
from headgate.graphql.batches import BatchMutation
from headgate.graphql.catalog import CatalogQuery
from headgate.graphql.context import Context
from headgate.graphql.corrections import CorrectionMutation
from headgate.graphql.cost import is_connection
from headgate.graphql.dataset_changes import DatasetMutation, DatasetSubscription
from headgate.graphql.datasets import DatasetQuery
from headgate.graphql.described_files import DescribedFileMutation
from headgate.graphql.discretion import discreet, discretion, may_read
from headgate.graphql.endpoints import EndpointMutation, EndpointQuery
from headgate.graphql.errors import ErrorQuery
from headgate.graphql.events import JobSubscription
from headgate.graphql.exports import ExportMutation
from headgate.graphql.files import FileMutation, FileQuery
from headgate.graphql.guarded import GuardedSchema
from headgate.graphql.health import HealthQuery
from headgate.graphql.ingest import IngestMutation
from headgate.graphql.jobactions import JobActionMutation
from headgate.graphql.jobs import JobQuery
from headgate.graphql.limits import DEFAULT_LIMITS, QueryLimits
from headgate.graphql.mappings import MappingMutation
from headgate.graphql.nodes import NodeQuery
from headgate.graphql.pipeline_changes import PipelineMutation
from headgate.graphql.pipelines import PipelineQuery
from headgate.graphql.results import ResultMutation, ResultQuery
from headgate.graphql.scalars import SCALARS
from headgate.graphql.signing_in import SignInMutation
from headgate.graphql.spans import operation_span
from headgate.graphql.statistics import StatisticsQuery
from headgate.graphql.uploads import UploadMutation
from headgate.graphql.users import UserMutation, UserQuery, ViewerQuery
from headgate.graphql.validation import ValidateMutation
from headgate.storage.tables import Role


@strawberry.type(description="What can be read.")
class Query(
    NodeQuery,
    ViewerQuery,
    UserQuery,
    ApiKeyQuery,
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
    SignInMutation,
    UserMutation,
    ApiKeyMutation,
    FileMutation,
    DescribedFileMutation,
    UploadMutation,
    ValidateMutation,
    IngestMutation,
    AppendMutation,
    BatchMutation,
    PipelineMutation,
    MappingMutation,
    JobActionMutation,
    CorrectionMutation,
    ResultMutation,
    ExportMutation,
    DatasetMutation,
    EndpointMutation,
): ...


@strawberry.type(description="What can be watched live.")
class Subscription(JobSubscription, DatasetSubscription): ...


class HeadgateSchema(GuardedSchema):
    """A schema whose errors are logged by the transport, with the request's id, and not here.

    With a `schema_role`, errors tell those below it nothing of the schema, and nobody what they might have meant.
    """

    def __init__(self, *args: Any, schema_role: Role | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._schema_role = schema_role
        for type_ in self._schema.type_map.values():
            _drop_null_defaults(type_)

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Leave errors to the transport."""

    async def execute(self, query: str | None, *args: Any, **options: Any) -> ExecutionResult:
        """Run an operation that is no subscription."""
        with operation_span():
            result = await super().execute(query, *args, **options)
        return self._discreet(result, options.get("context_value"))

    async def stream(self, query: str | None, *args: Any, **options: Any) -> StreamResult:
        """Start an operation whose results are a stream."""
        with operation_span():
            results = await super().stream(query, *args, **options)
        return results if self._schema_role is None else self._all_discreet(results, options["context_value"])

    async def _all_discreet(self, results: StreamResult, context: Context) -> StreamResult:
        async with aclosing(results):
            async for result in results:
                yield self._discreet(result, context) if isinstance(result, ExecutionResult) else result

    def _discreet(self, result: ExecutionResult, context: Context | None) -> ExecutionResult:
        if result.errors and self._schema_role is not None:
            is_told = may_read(context.caller if context is not None else None, self._schema_role)
            result.errors = [discreet(error, may_read=is_told) for error in result.errors]
        return result


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


def make_schema(limits: QueryLimits = DEFAULT_LIMITS, *, schema_role: Role | None = None) -> HeadgateSchema:
    """Make the schema that clients see: all that are let in, or those alone who have `schema_role` or a higher one.

    Where `limits` has small pages, they are the default for lists.
    """
    guards = [doorway(Mutation)]
    if schema_role is not None:
        guards.append(discretion(schema_role))
    schema = HeadgateSchema(
        Query,
        Mutation,
        Subscription,
        schema_role=schema_role,
        limits=limits,
        guards=guards,
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    _cap_pages(schema, limits.page)
    return schema


def _cap_pages(schema: HeadgateSchema, largest: int) -> None:
    """Let connections that are asked for no size have none beyond the limit."""
    for type_ in schema._schema.type_map.values():
        for field in type_.fields.values() if isinstance(type_, GraphQLObjectType) else ():
            if is_connection(get_named_type(field.type)) and "first" in field.args:
                first = field.args["first"]
                first.default_value = min(first.default_value, largest)
