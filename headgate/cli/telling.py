"""Where a process tells what it does: its log, and traces."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.settings import Settings

NOT_INSTALLED = "OTEL_ variables name a collector; to send traces there, install headgate[otel]"


@contextmanager
def telling(process: str, settings: "Settings") -> Iterator[None]:
    """Write logs as the settings say, and send traces where the environment says so, until the block ends."""
    import structlog

    from headgate.telemetry import configure_logging
    from headgate.tracing import is_tracing_wanted

    configure_logging(settings.log_format)
    tracing: AbstractContextManager[None] = nullcontext()
    if is_tracing_wanted():
        try:
            from headgate.server.exporting import exporting_traces
        except ImportError:
            structlog.get_logger(__name__).warning("tracing.not_installed", hint=NOT_INSTALLED)
        else:
            tracing = exporting_traces(process)
    with tracing:
        yield
