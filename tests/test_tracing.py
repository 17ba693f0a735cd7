"""Traces are recorded where the environment asks for them, and where a part of one belongs survives a table's row."""

import subprocess
import sys

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import get_current_span

from headgate import tracing

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
BROKEN = ("", "00-4bf92f3577b34da6a3ce929d0e0e4736", f"{PARENT}-more-than-that-x", "x" * 200)


@pytest.mark.parametrize(
    ("environment", "is_wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        (ENDPOINT | {"OTEL_SDK_DISABLED": "true"}, False),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"}, False),
        (ENDPOINT | {"OTEL_TRACES_EXPORTER": "otlp"}, True),
    ],
)
def test_traces_are_wanted_where_a_collector_is_named(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], is_wanted: bool
) -> None:
    for name in ("OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", *tracing.ENDPOINTS):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert tracing.is_tracing_wanted() is is_wanted


def test_off_there_is_nothing_to_write_down() -> None:
    with tracing.span("anything"):
        assert tracing.traceparent() is None
        assert tracing.trace_ids() == {}
        assert not tracing.is_recording()


def test_what_was_written_down_is_where_a_later_span_belongs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "TRACER", TracerProvider().get_tracer("test"))
    with tracing.span("request"):
        written, ids = tracing.traceparent(), tracing.trace_ids()
    with tracing.span("job", within=tracing.context_of(written)):
        assert tracing.trace_ids()["trace_id"] == ids["trace_id"]


@pytest.mark.parametrize("written", [None, *BROKEN], ids=range(1 + len(BROKEN)))
def test_what_cannot_be_read_belongs_to_nothing(written: str | None) -> None:
    assert not get_current_span(tracing.context_of(written)).get_span_context().is_valid
    assert get_current_span(tracing.context_of(PARENT)).get_span_context().is_valid


def test_what_is_raised_is_told_by_its_type_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "TRACER", TracerProvider().get_tracer("test"))
    with pytest.raises(ValueError, match="secret"), tracing.span("failing") as recorded:
        raise ValueError("secret")

    assert recorded.attributes == {"error.type": "ValueError"}  # type: ignore[attr-defined]
    assert not recorded.events  # type: ignore[attr-defined]
    assert recorded.status.description is None  # type: ignore[attr-defined]


def test_without_the_extra_a_process_says_what_is_missing_and_goes_on() -> None:
    code = """
import sys
sys.modules["opentelemetry.sdk"] = None
from headgate.cli.telling import telling
from headgate.settings import Settings
with telling("server", Settings(log_format="json")):
    pass
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=ENDPOINT | {"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert "tracing.not_installed" in done.stderr
    assert "headgate[otel]" in done.stderr
