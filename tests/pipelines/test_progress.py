"""What the engine tells while it works."""

from typing import Any

import pytest

from headgate.pipelines.child import Reporter
from headgate.pipelines.gate import READ_SHARE


class Listener:
    """Hears a reporter whose clock goes as a test tells it."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.heard: list[dict[str, Any]] = []
        self.report = Reporter(self.heard.append, clock=lambda: self.now_s)

    @property
    def last(self) -> dict[str, Any]:
        progress: dict[str, Any] = self.heard[-1]["progress"]
        return progress


@pytest.fixture
def listener() -> Listener:
    return Listener()


def test_nothing_is_guessed_before_anything_is_known(listener: Listener) -> None:
    listener.report("reading", rows_read=0)
    assert (listener.last["rows_per_second"], listener.last["eta_seconds"]) == (None, None)
    assert listener.last["fraction"] is None


def test_reading_tells_its_share_of_the_job_by_the_bytes(listener: Listener) -> None:
    listener.now_s += 2
    listener.report("reading", rows_read=500, bytes_read=50, bytes_total=100)
    assert listener.last["fraction"] == pytest.approx(READ_SHARE / 2)
    assert listener.last["rows_per_second"] == 250
    assert listener.last["eta_seconds"] == pytest.approx(2 / (READ_SHARE / 2) - 2)


def test_the_pace_is_that_of_the_whole_task(listener: Listener) -> None:
    listener.report("reading", rows_read=1000, bytes_read=100, bytes_total=100)
    listener.now_s += 4
    listener.report("writing", rows_written=600, fraction=0.8)
    assert listener.last["rows_per_second"] == 250
    assert listener.last["eta_seconds"] == pytest.approx(1)


def test_a_source_that_counts_no_rows_while_reading_has_the_pace_of_writing(listener: Listener) -> None:
    listener.now_s += 2
    listener.report("writing", rows_written=600, fraction=0.5)
    assert listener.last["rows_per_second"] == 300


def test_progress_is_told_at_most_twenty_times_a_second_but_each_new_stage_at_once(
    listener: Listener,
) -> None:
    for _ in range(100):
        listener.report("reading", rows_read=1)
        listener.now_s += 0.01
    listener.report("writing", rows_written=1)
    stages = [message["progress"]["stage"] for message in listener.heard]
    assert 17 <= stages.count("reading") <= 20
    assert stages[-1] == "writing"


def test_what_was_told_does_not_change_afterwards(listener: Listener) -> None:
    listener.report("reading", rows_read=1)
    listener.report("writing", rows_written=2)
    assert [message["progress"]["rows_written"] for message in listener.heard] == [0, 2]
