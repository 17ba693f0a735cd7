"""Statements as parts of traces: what kind of statement on which table, and never its text or parameters."""

import re
from typing import Any

from opentelemetry.trace import Span, SpanKind
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine.interfaces import ExceptionContext

from headgate.tracing import TRACER, is_recording, mark_failed

TABLE = re.compile(r"\b(?:FROM|INTO|UPDATE|TABLE)\s+\"?(\w+)", re.IGNORECASE)
SYSTEMS = {"postgresql": "postgresql", "sqlite": "sqlite"}
RUNNING = "headgate_span"


def record_statements(engine: Engine) -> None:
    """Record each statement of an engine's connections that is run within something that is recorded."""
    event.listen(engine, "before_cursor_execute", _begin)
    event.listen(engine, "after_cursor_execute", _end)
    event.listen(engine, "handle_error", _fail)


def _begin(connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
    if not is_recording():
        return
    operation, table = _summary(statement)
    attributes = {"db.system.name": SYSTEMS[connection.dialect.name], "db.operation.name": operation}
    if table is not None:
        attributes["db.collection.name"] = table
    name = f"{operation} {table}" if table else operation
    connection.info[RUNNING] = TRACER.start_span(name, kind=SpanKind.CLIENT, attributes=attributes)


def _summary(statement: str) -> tuple[str, str | None]:
    """The first word of a statement, and the first table that it names."""
    operation, *_ = statement.split(maxsplit=1)
    found = TABLE.search(statement)
    return operation.upper(), found[1] if found else None


def _end(connection: Connection, *_: Any) -> None:
    running: Span | None = connection.info.pop(RUNNING, None)
    if running is not None:
        running.end()


def _fail(context: ExceptionContext) -> None:
    running: Span | None = context.connection.info.pop(RUNNING, None) if context.connection else None
    if running is not None:
        mark_failed(running, type(context.original_exception).__name__)
        running.end()
