"""What an operation may cost, what it pays, and how long it may take."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from functools import lru_cache, partial
from typing import Any, NamedTuple

from graphql import DocumentNode, GraphQLSchema, OperationDefinitionNode, OperationType
from strawberry.extensions import SchemaExtension

from headgate.domain.pages import MAX_FIRST
from headgate.domain.tolls import points_for
from headgate.errors import HeadgateError
from headgate.graphql.cost import Measure, measure
from headgate.graphql.inputlists import ListVariable, check_lists, list_variables
from headgate.graphql.limits import (
    CACHED_CHARS,
    CACHED_DOCUMENTS,
    QueryLimits,
    check_limit,
    nests_too_deeply,
    parse_cached,
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


class Meter(SchemaExtension):
    """Refuses operations that may cost too much, has the others paid for, and stops those that take too long.

    It comes behind what parses and before validation. The result of a query or mutation says what it cost.
    """

    def __init__(self, limits: QueryLimits) -> None:
        self._limits = limits

    async def on_parse(self) -> AsyncIterator[None]:
        """Measure and charge."""
        operation = _operation(self.execution_context.graphql_document, self.execution_context.operation_name)
        # Without one to run nothing is run, and it is said elsewhere why.
        if operation is not None:
            await self._charge(operation)
        yield

    async def on_execute(self) -> AsyncIterator[None]:
        """Set the time limit."""
        try:
            async with asyncio.timeout(self._limits.execution_s) as limit:
                yield
        except TimeoutError:
            if limit.expired():
                raise ExecutionTimeout(self._limits.execution_s) from None
            raise

    async def _charge(self, operation: OperationDefinitionNode) -> None:
        cost = self._cost(operation)
        points = points_for(cost)
        told = {"requested": cost, "maximum": self._limits.cost, "points": points}
        if (bill := self.execution_context.context.bill) is not None:
            await bill.pay(points)
            if bill.allowance is not None:
                told["remaining"] = bill.allowance.remaining
        if operation.operation is not OperationType.SUBSCRIPTION:
            self.execution_context.extensions_results["cost"] = told

    def _cost(self, operation: OperationDefinitionNode) -> int:
        """Tell the cost of what is asked; raises GraphQLError where it is beyond a limit."""
        context = self.execution_context
        try:
            found, lists = self._measure(operation)
            check_lists(lists, context.variables)
            if self._limits.page < MAX_FIRST:
                check_limit("first", found.largest_page(context.variables), self._limits.page)
            cost = found.cost(context.variables)
        except RecursionError:
            raise nests_too_deeply() from None
        check_limit("cost", cost, self._limits.cost)
        return cost

    def _measure(self, operation: OperationDefinitionNode) -> "_Measured":
        context, schema = self.execution_context, self.execution_context.schema._schema
        query = context.query or ""
        if len(query) > CACHED_CHARS:
            assert context.graphql_document is not None
            return _measured(context.graphql_document, schema, operation)
        return _measure_cached(query, context.operation_name, schema, self._limits)


def metering(limits: QueryLimits) -> Callable[[], SchemaExtension]:
    """Make what meters each operation of a schema."""
    return partial(Meter, limits)


class _Measured(NamedTuple):
    """What is known of an operation before its variables are: its cost, and which of them may hold lists."""

    measure: Measure
    lists: Sequence[ListVariable]


def _measured(document: DocumentNode, schema: GraphQLSchema, operation: OperationDefinitionNode) -> _Measured:
    return _Measured(measure(document, schema, operation), list_variables(operation, schema))


@lru_cache(maxsize=CACHED_DOCUMENTS)
def _measure_cached(query: str, name: str | None, schema: GraphQLSchema, limits: QueryLimits) -> _Measured:
    document = parse_cached(query, limits)
    operation = _operation(document, name)
    assert operation is not None
    return _measured(document, schema, operation)


def _operation(document: DocumentNode | None, name: Any) -> OperationDefinitionNode | None:
    """Find the operation that would be run: the one of this name, or the first one where none is given."""
    operations = [
        node
        for node in (document.definitions if document else ())
        if isinstance(node, OperationDefinitionNode)
    ]
    if name is None:
        return operations[0] if operations else None
    return next((node for node in operations if node.name and node.name.value == name), None)
