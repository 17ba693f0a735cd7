"""How one operation is let through: parsed within limits, guarded, paid for, validated, and stopped in time."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple

import strawberry
from graphql import DocumentNode, GraphQLError, GraphQLSchema, OperationDefinitionNode, OperationType
from strawberry.extensions import SchemaExtension
from strawberry.extensions.context import (
    ExecutingContextManager,
    ParsingContextManager,
    ValidationContextManager,
)
from strawberry.extensions.runner import SchemaExtensionsRunner
from strawberry.schema.schema import validate_document
from strawberry.types import ExecutionContext

from headgate.domain.pages import MAX_FIRST
from headgate.domain.remembering import Recent
from headgate.domain.tolls import points_for
from headgate.errors import HeadgateError
from headgate.graphql.cost import Measure, measure
from headgate.graphql.inputlists import ListVariable, check_lists, list_variables
from headgate.graphql.limits import (
    DEFAULT_LIMITS,
    QueryLimits,
    check_limit,
    nests_too_deeply,
    parse_within,
)
from headgate.graphql.spans import describe

CACHED_DOCUMENTS = 256
CACHED_CHARS = 4096
"""Only short documents stay parsed in memory, as a parsed one takes some 300 bytes per character."""


class ExecutionTimeout(HeadgateError):
    """An operation took too long and was stopped."""

    retryable = True

    def __init__(self, limit_s: float) -> None:
        text = (
            f"This took longer than {limit_s:g} seconds and was stopped. What it had committed by then stays: "
            "look before you repeat a mutation, or give it an idempotencyKey."
        )
        super().__init__("EXECUTION_TIMEOUT", text)


Guard = Callable[[ExecutionContext], None]
"""Looks at an operation whose document is parsed and not yet validated; raises what refuses it."""


class _Measured(NamedTuple):
    """What is known of an operation before its variables are: its cost, which of them may hold lists, and itself."""

    measure: Measure
    lists: Sequence[ListVariable]
    operation: OperationDefinitionNode

    @property
    def is_subscription(self) -> bool:
        """Whether it is one."""
        return self.operation.operation is OperationType.SUBSCRIPTION


@dataclass(slots=True)
class _Prepared:
    """What is known of a document: what validation said of it, once it was asked, and its operations by their names."""

    document: DocumentNode
    errors: list[GraphQLError] | None = None
    measured: dict[str | None, _Measured] = field(default_factory=dict)


class GuardedSchema(strawberry.Schema):
    """Parses documents within limits, lets guards look at them, and has operations paid for before it validates them.

    It refuses operations that may cost too much, and stops those that take too long. The result of a query or mutation
    says what it cost. Short documents are parsed, measured and validated once.

    Extensions could do the same; their hooks cost a small operation as much as its execution does.
    """

    def __init__(
        self, *args: Any, limits: QueryLimits = DEFAULT_LIMITS, guards: Sequence[Guard] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.limits = limits
        self.guards = guards
        self._prepared: Recent[str, _Prepared] = Recent(CACHED_DOCUMENTS)

    def create_extensions_runner(
        self, execution_context: ExecutionContext, extensions: list[SchemaExtension]
    ) -> SchemaExtensionsRunner:
        """Make what runs the steps of one operation; there are no extensions that take part in them."""
        return _Runner(execution_context)

    def prepare(self, query: str) -> _Prepared:
        """Parse a document; raises GraphQLError for a syntax error or a document beyond a limit."""
        if len(query) > CACHED_CHARS:
            return _Prepared(parse_within(query, self.limits))
        found = self._prepared.get(query) or _Prepared(parse_within(query, self.limits))
        self._prepared[query] = found
        return found


class _Runner(SchemaExtensionsRunner):
    prepared: _Prepared

    def parsing(self) -> ParsingContextManager:
        return _Parsing(self)

    def validation(self) -> ValidationContextManager:
        return _Validation(self)

    def executing(self) -> ExecutingContextManager:
        return _Executing(self.execution_context)


class _Parsing(ParsingContextManager):
    """Has an operation guarded and paid for once its document is parsed."""

    def __init__(self, runner: _Runner) -> None:
        super().__init__([])
        self._runner = runner

    async def __aenter__(self) -> None:
        context = self._runner.execution_context
        schema = _schema_of(context)
        prepared = self._runner.prepared = schema.prepare(context.query or "")
        context.graphql_document = prepared.document
        for guard in schema.guards:
            guard(context)
        # Without an operation nothing is run, and it is said elsewhere why.
        if (found := _measured(context, prepared, schema)) is not None:
            await _charge(context, found, schema.limits)

    async def __aexit__(self, *_: object) -> None:
        """Nothing is left to be done."""


class _Validation(ValidationContextManager):
    """Validates a document, unless that was done before."""

    def __init__(self, runner: _Runner) -> None:
        super().__init__([])
        self._runner = runner

    async def __aenter__(self) -> None:
        context, prepared = self._runner.execution_context, self._runner.prepared
        if prepared.errors is None:
            schema = _schema_of(context)._schema
            prepared.errors = validate_document(schema, prepared.document, context.validation_rules)
        context.pre_execution_errors = prepared.errors

    async def __aexit__(self, *_: object) -> None:
        """Nothing is left to be done."""


class _Executing(ExecutingContextManager):
    """Stops an operation that takes too long."""

    def __init__(self, context: ExecutionContext) -> None:
        super().__init__([])
        self._limit_s = _schema_of(context).limits.execution_s

    async def __aenter__(self) -> None:
        self._timeout = asyncio.timeout(self._limit_s)
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            raise ExecutionTimeout(self._limit_s) from None


def document_of(asked: ExecutionContext) -> DocumentNode:
    """The document of an operation, which is parsed."""
    assert asked.graphql_document is not None
    return asked.graphql_document


def _schema_of(asked: ExecutionContext) -> GuardedSchema:
    assert isinstance(asked.schema, GuardedSchema)
    return asked.schema


def _measured(asked: ExecutionContext, prepared: _Prepared, schema: GuardedSchema) -> _Measured | None:
    """Measure the operation that would run; None where there is none."""
    name = asked.operation_name
    if name not in prepared.measured:
        operation = _operation(prepared.document, name)
        # Anybody may give names that are not there: these are not remembered.
        if operation is None:
            return None
        prepared.measured[name] = _measure(prepared.document, schema._schema, operation)
    describe(prepared.measured[name].operation)
    return prepared.measured[name]


async def _charge(context: ExecutionContext, found: _Measured, limits: QueryLimits) -> None:
    cost = _cost(found, context.variables, limits)
    points = points_for(cost)
    told = {"requested": cost, "maximum": limits.cost, "points": points}
    if (bill := context.context.bill) is not None:
        await bill.pay(points)
        if bill.allowance is not None:
            told["remaining"] = bill.allowance.remaining
    if not found.is_subscription:
        context.extensions_results["cost"] = told


def _cost(found: _Measured, variables: Mapping[str, Any] | None, limits: QueryLimits) -> int:
    """Tell the cost of what is asked; raises GraphQLError where it is beyond a limit."""
    try:
        check_lists(found.lists, variables)
        if limits.page < MAX_FIRST:
            check_limit("first", found.measure.largest_page(variables), limits.page)
        cost = found.measure.cost(variables)
    except RecursionError:
        raise nests_too_deeply() from None
    check_limit("cost", cost, limits.cost)
    return cost


def _measure(document: DocumentNode, schema: GraphQLSchema, operation: OperationDefinitionNode) -> _Measured:
    try:
        return _Measured(
            measure(document, schema, operation),
            list_variables(operation, schema),
            operation,
        )
    except RecursionError:
        raise nests_too_deeply() from None


def _operation(document: DocumentNode, name: str | None) -> OperationDefinitionNode | None:
    """Find the operation that would be run: the one of this name, or the first one where none is given."""
    for node in document.definitions:
        if isinstance(node, OperationDefinitionNode) and name in (None, node.name and node.name.value):
            return node
    return None
