"""Logs go to stderr, one event a line, with no local variable in a traceback."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from headgate.telemetry import LogFormat, configure_logging


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


def fail_with_a_secret() -> None:
    password = "".join(["tr0ub", "4dor"])
    raise ValueError(len(password))


def log_a_failure() -> None:
    try:
        fail_with_a_secret()
    except ValueError:
        structlog.get_logger("headgate").exception("job.failed", job_id="job_1")


def test_json_logs_are_one_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json")
    log_a_failure()
    logging.getLogger("uvicorn").info("listening on %s", 8000)

    captured = capsys.readouterr()
    failed, listening = map(json.loads, captured.err.splitlines())
    assert captured.out == ""
    assert failed["event"] == "job.failed"
    assert failed["job_id"] == "job_1"
    assert failed["level"] == "error"
    assert listening["event"] == "listening on 8000"
    assert listening["logger"] == "uvicorn"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_traceback_shows_no_local_variable(
    capsys: pytest.CaptureFixture[str], log_format: LogFormat
) -> None:
    configure_logging(log_format)
    log_a_failure()
    shown = capsys.readouterr().err
    assert "fail_with_a_secret" in shown
    assert "tr0ub4dor" not in shown


def test_bound_values_are_on_every_event(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("json")
    with structlog.contextvars.bound_contextvars(request_id="r1"):
        structlog.get_logger("headgate").info("file.received")
    assert json.loads(capsys.readouterr().err)["request_id"] == "r1"
