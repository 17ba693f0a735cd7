"""Operations as parts of traces: one span for each, and none for its fields.

To record fields takes many times as long as these do; what takes long in them is in the spans of statements.
"""

from contextlib import AbstractContextManager, nullcontext

from graphql import OperationDefinitionNode
from opentelemetry import trace

from headgate.tracing import MAX_NAME_CHARS, is_tracing, span

OPERATION = "graphql"
OFF = nullcontext()


def operation_span() -> AbstractContextManager[object]:
    """Record an operation, where traces are recorded."""
    return span(OPERATION) if is_tracing() else OFF


def describe(operation: OperationDefinitionNode) -> None:
    """Tell of the operation that is recorded now what type it has, and the name that its caller gave it."""
    if not is_tracing():
        return
    recorded = trace.get_current_span()
    kind = operation.operation.value
    recorded.update_name(f"{OPERATION} {kind}")
    recorded.set_attribute("graphql.operation.type", kind)
    if operation.name is not None:
        recorded.set_attribute("graphql.operation.name", operation.name.value[:MAX_NAME_CHARS])
