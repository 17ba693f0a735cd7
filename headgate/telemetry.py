"""Logs: one event a line on stderr, for people or for machines, with the ids of what it belongs to."""

import logging
import sys
from collections.abc import Mapping
from typing import Any, Literal

import orjson
import structlog
from structlog.contextvars import bind_contextvars, get_contextvars, unbind_contextvars
from structlog.typing import EventDict, Processor, WrappedLogger

from headgate.tracing import is_tracing, trace_ids

LogFormat = Literal["console", "json"]

QUIET = ("alembic", "arq", "httpx")
"""Libraries that tell of every step; only their warnings are kept."""


def configure_logging(log_format: LogFormat) -> None:
    """Send every log, those of libraries included, to stderr: coloured text, or one JSON object a line.

    Tracebacks carry no local variables, as these could hold secrets.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(processors=_renderers(log_format), foreign_pre_chain=_stamps())
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_stamps(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def note(**ids: str | int | None) -> None:
    """Have these on every further line of this task, those of libraries included; None takes one away."""
    for name, value in ids.items():
        if value is None:
            unbind_contextvars(name)
        else:
            bind_contextvars(**{name: value})


def noted() -> dict[str, Any]:
    """What is on every line of this task, for another process that goes on with its work."""
    return {**get_contextvars(), **trace_ids()}


def noted_request() -> str | None:
    """The id of the request that this task works for; None where it works for none."""
    request_id: str | None = get_contextvars().get("request_id")
    return request_id


def _stamps() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        _add_trace,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


def _add_trace(_logger: WrappedLogger, _method: str, event: EventDict) -> Mapping[str, Any]:
    if is_tracing():
        for name, value in trace_ids().items():
            event.setdefault(name, value)
    return event


def _as_json(event: EventDict, default: Any) -> str:
    return orjson.dumps(event, default=default, option=orjson.OPT_NON_STR_KEYS).decode()


def _renderers(log_format: LogFormat) -> list[Processor]:
    clean = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if log_format == "json":
        return [clean, structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_as_json)]
    plain = structlog.dev.plain_traceback
    return [clean, structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=plain)]
