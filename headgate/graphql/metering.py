"""What an operation may cost, what it pays, and how long it may take."""

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, NamedTuple

import strawberry
from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode, OperationType
from strawberry.extensions import SchemaExtension
from strawberry.extensions.context import ExecutingContextManager, ParsingContextManager
from strawberry.extensions.runner import SchemaExtensionsRunner
from strawberry.types import ExecutionContext

from headgate.domain.pages import MAX_FIRST
from headgate.domain.tolls import points_for
from headgate.errors import HeadgateError
from headgate.graphql.cost import Measure, measure
from headgate.graphql.inputlists import ListVariable, check_lists, list_variables
from headgate.graphql.limits import (
    CACHED_CHARS,
    CACHED_DOCUMENTS,
    DEFAULT_LIMITS,
    QueryLimits,
    check_limit,
    nests_too_deeply,
)


class ExecutionTimeout(HeadgateError):
    """An operation took too long and was stopped."""

    retryable = True

    def __init__(self, limit_s: float) -> None:
        text = (
            f"This took longer than {limit_s:g} seconds and was stopped. What it had committed by then stays: "
            "look before you repeat a mutation, or give it an idempotencyKey."
        )
        super().__init__("EXECUTION_TIMEOUT", text)


class _Measured(NamedTuple):
    """What is known of an operation before its variables are: its cost, and which of them may hold lists."""

    measure: Measure
    lists: Sequence[ListVariable]
    is_subscription: bool


class MeteredSchema(strawberry.Schema):
    """Refuses operations that may cost too much, has the others paid for, and stops those that take too long.

    That comes behind all that its extensions do when a document is parsed, and before validation. The result of a query
    or mutation says what it cost. Hooks of an extension would do the same at twice the price.
    """

    def __init__(self, *args: Any, limits: QueryLimits = DEFAULT_LIMITS, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.limits = limits
        self._measured: dict[tuple[str, str | None], _Measured] = {}

    def create_extensions_runner(
        self, execution_context: ExecutionContext, extensions: list[SchemaExtension]
    ) -> SchemaExtensionsRunner:
        """Make what runs the steps of one operation."""
        return _Runner(execution_context, extensions)

    def measured(self, context: ExecutionContext) -> _Measured | None:
        """Measure the operation that would run; None where there is none. Short documents are measured once."""
        key = (context.query or "", context.operation_name)
        if (found := self._measured.get(key)) is not None:
            return found
        found = _measure(context, self._schema)
        if found is not None and len(key[0]) <= CACHED_CHARS:
            self._measured[key] = found
            if len(self._measured) > CACHED_DOCUMENTS:
                del self._measured[next(iter(self._measured))]
        return found


class _Runner(SchemaExtensionsRunner):
    def parsing(self) -> ParsingContextManager:
        return _Charged(self.extensions, self.execution_context)

    def executing(self) -> ExecutingContextManager:
        return _Timed(self.extensions, self.execution_context)


class _Charged(ParsingContextManager):
    """Has an operation paid for once its document is parsed."""

    def __init__(self, extensions: list[SchemaExtension], context: ExecutionContext) -> None:
        super().__init__(extensions)
        self._context = context

    async def __aenter__(self) -> None:
        await super().__aenter__()
        schema = self._context.schema
        assert isinstance(schema, MeteredSchema)
        # Without an operation nothing is run, and it is said elsewhere why.
        if (found := schema.measured(self._context)) is not None:
            await _charge(self._context, found, schema.limits)


class _Timed(ExecutingContextManager):
    """Stops an operation that takes too long."""

    def __init__(self, extensions: list[SchemaExtension], context: ExecutionContext) -> None:
        super().__init__(extensions)
        assert isinstance(context.schema, MeteredSchema)
        self._limit_s = context.schema.limits.execution_s

    async def __aenter__(self) -> None:
        await super().__aenter__()
        self._timeout = asyncio.timeout(self._limit_s)
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            kind, error, trace = ExecutionTimeout, ExecutionTimeout(self._limit_s), None
            raise error from None
        finally:
            await super().__aexit__(kind, error, trace)


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


def _measure(context: ExecutionContext, schema: GraphQLSchema) -> _Measured | None:
    document = context.graphql_document
    operation = _operation(document, context.operation_name)
    if document is None or operation is None:
        return None
    try:
        return _Measured(
            measure(document, schema, operation),
            list_variables(operation, schema),
            operation.operation is OperationType.SUBSCRIPTION,
        )
    except RecursionError:
        raise nests_too_deeply() from None


def _operation(document: DocumentNode | None, name: str | None) -> OperationDefinitionNode | None:
    """Find the operation that would be run: the one of this name, or the first one where none is given."""
    for node in document.definitions if document is not None else ():
        if isinstance(node, OperationDefinitionNode) and name in (None, node.name and node.name.value):
            return node
    return None
