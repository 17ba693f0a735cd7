"""Sends traces to a collector, over OTLP by HTTP, as the standard OTEL_ variables say. Needs the extra `otel`."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from headgate import __version__
from headgate.tracing import record_with

LAST_S = 5.0
"""So long a process that ends tries to send what is left; a collector that can't be reached holds it up no longer."""


@contextmanager
def exporting_traces(process: str) -> Iterator[None]:
    """Record what this process does for as long as the block lasts, and send what is left then.

    It is called `headgate-server` or `headgate-worker` unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES say
    otherwise. Endpoint, headers, sampling and batches are as the SDK reads them from the environment.
    """
    ours = Resource({SERVICE_NAME: f"headgate-{process}", SERVICE_VERSION: __version__})
    resource = Resource.create().merge(ours).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    record_with(provider)
    try:
        yield
    finally:
        sending = threading.Thread(target=provider.shutdown, daemon=True)
        sending.start()
        sending.join(LAST_S)
