"""The demo: what it sends, what it shows, and how it ends."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from demo.sales import write_sales
from demo.server import ServerFailed, serving
from demo.show import show_progress
from headgate.client import Counts, Event, Job, Progress

pytestmark = pytest.mark.thorough

ROOT = Path(__file__).parent.parent
TIMEOUT_S = 60
DEMO = ["sh", "-c", 'exec "$0" -m demo <&-', sys.executable]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "NO_PROXY": "*", "ONCE": ""}


def start_demo(folder: Path) -> subprocess.Popen[str]:
    """Start the demo as `make demo` does, but with another current folder and a closed standard input."""
    return subprocess.Popen(
        DEMO, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with start_demo(tmp_path) as process:
        try:
            yield process
        finally:
            process.terminate()


def test_the_sales_are_the_same_each_time(tmp_path: Path) -> None:
    paths = [tmp_path / "one.csv", tmp_path / "two.csv"]
    assert [write_sales(path, 500) for path in paths] == [10, 10]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_demo_serves_until_it_is_interrupted(demo: subprocess.Popen[str]) -> None:
    assert demo.stdout is not None
    curl = next(line for line in demo.stdout if line.startswith("curl "))
    answer = subprocess.run(["sh", "-c", curl], env=environment(), capture_output=True, timeout=TIMEOUT_S)
    assert json.loads(answer.stdout)["data"]["dataset"]["rowCount"] == 299_990
    demo.send_signal(signal.SIGINT)
    assert demo.communicate(timeout=TIMEOUT_S)[1] == ""
    assert demo.returncode == 0


def test_a_demo_that_cannot_have_its_home_says_so_and_fails(tmp_path: Path) -> None:
    (tmp_path / ".headgate-demo").touch()
    with start_demo(tmp_path) as process:
        errors = process.communicate(timeout=TIMEOUT_S)[1]
    assert process.returncode == 1
    assert errors.startswith("The demo failed. ")
    assert "Traceback" not in errors


def test_a_server_that_does_not_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerFailed, match=r"(?s)did not start.*HEADGATE_LOG_FORMAT|log_format"),
        serving(tmp_path, {"HEADGATE_LOG_FORMAT": "carved in stone"}),
    ):
        pass


MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
COUNTS = Counts(read=0, accepted=0, rejected=0, filtered=0, merged=0, warnings=0)
READING = Progress("reading", None, 1_000, 0, 0, None, None, None, None)
RUNNING = Job(
    id="job_1",
    kind="INGEST",
    status="RUNNING",
    priority="MEDIUM",
    counts=COUNTS,
    progress=READING,
    failure=None,
    pipeline=None,
    dataset=None,
    dataset_version=None,
    created_at=MOMENT,
    started_at=None,
    finished_at=None,
    duration_ms=None,
)
DONE = replace(RUNNING, status="SUCCEEDED")


def events() -> list[Event]:
    writing = replace(READING, stage="writing", fraction=0.5)
    first = Event("1", "PROGRESS", MOMENT, None, READING, None, (), RUNNING)
    return [
        first,
        replace(first, progress=writing),
        replace(first, type="STATUS", status="SUCCEEDED", progress=None, job=DONE),
    ]


def test_progress_without_a_terminal_is_one_line_for_each_event() -> None:
    shown = StringIO()
    assert show_progress(Console(file=shown), iter(events())) == DONE
    assert shown.getvalue() == "reading: 1,000 rows read\nwriting: 1,000 rows read, 50%\n"


def test_progress_on_a_terminal_is_a_bar() -> None:
    shown = StringIO()
    show_progress(Console(file=shown, force_terminal=True), iter(events()))
    assert "done" in shown.getvalue()
    assert "100%" in shown.getvalue()
