"""Traces: what took how long within what, across processes. Recorded where OTEL_ variables name a collector.

Names and attributes say what is done, and never with what: no values of variables, no parameters of statements, no
messages of errors, and nothing of a caller's but the names of operations.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
MAX_NAME_CHARS = 100
"""A caller's own name for something is cut to this."""
TRACER = trace.get_tracer("headgate")
TRACE_CONTEXT = TraceContextTextMapPropagator()

_is_tracing = False

Attributes = Mapping[str, str | int | float | bool]


def is_tracing_wanted() -> bool:
    """Tell whether the environment names a collector, and doesn't turn traces off."""
    is_off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    is_none = os.environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp"
    return any(map(os.environ.get, ENDPOINTS)) and not is_off and not is_none


def record_with(provider: TracerProvider) -> None:
    """Record traces from now on; can be said once in a process."""
    global _is_tracing
    trace.set_tracer_provider(provider)
    _is_tracing = True


def is_tracing() -> bool:
    """Tell whether this process records traces: a tenth of a microsecond, where OpenTelemetry's own no-op takes ten."""
    return _is_tracing


def is_recording() -> bool:
    """Tell whether what happens now is a part of something that is recorded."""
    return trace.get_current_span().is_recording()


@contextmanager
def span(
    name: str,
    attributes: Attributes | None = None,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    within: Context | None = None,
) -> Iterator[Span]:
    """Record a block as a part of what is going on, or of `within`; what it raises is told by its type alone."""
    with TRACER.start_as_current_span(
        name, within, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as recorded:
        try:
            yield recorded
        except BaseException as error:
            mark_failed(recorded, type(error).__name__)
            raise


def mark_failed(recorded: Span, code: str) -> None:
    """Tell that what a span records went wrong, and how, by a stable code."""
    recorded.set_attribute("error.type", code)
    recorded.set_status(Status(StatusCode.ERROR))


def traceparent() -> str | None:
    """Write down where what happens now belongs, as W3C's header has it; None outside of a trace."""
    carrier: dict[str, str] = {}
    TRACE_CONTEXT.inject(carrier)
    return carrier.get("traceparent")


def context_of(parent: str | None) -> Context:
    """Read what `traceparent` wrote; what can't be read, or isn't there, belongs to nothing."""
    return TRACE_CONTEXT.extract({"traceparent": parent} if parent else {}, Context())


def trace_ids() -> dict[str, str]:
    """The ids of the trace and the span that are going on, in hexadecimal; none where there are none."""
    here = trace.get_current_span().get_span_context()
    if not here.is_valid:
        return {}
    return {"trace_id": trace.format_trace_id(here.trace_id), "span_id": trace.format_span_id(here.span_id)}
