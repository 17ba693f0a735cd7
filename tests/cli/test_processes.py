"""Commands as processes: terminals, pipes and signals."""

import os
import pty
import signal
import subprocess
from collections.abc import Iterator, Mapping
from uuid import uuid4

from headgate.cli.exits import Exit
from headgate.sample.loading import FOLDER
from tests.acceptance.processes import HEADGATE, Headgate

END_S = 30


def surroundings(headgate: Headgate) -> dict[str, str]:
    return {**os.environ, "HEADGATE_URL": headgate.url, "HEADGATE_TOKEN": headgate.token(), "TERM": "xterm"}


def read_terminal(ours: int) -> Iterator[bytes]:
    """Read what a terminal shows until nobody writes to it any more."""
    try:
        while piece := os.read(ours, 4096):
            yield piece
    except OSError:  # what Linux answers then
        return


def on_terminal(arguments: list[str], environment: Mapping[str, str]) -> tuple[str, str]:
    """Run a command with its stderr at a terminal, and its stdout in a pipe; answers both."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*HEADGATE, *arguments], env=environment, stdout=subprocess.PIPE, stderr=theirs, text=True
    ) as process:
        os.close(theirs)
        shown = b"".join(read_terminal(ours)).decode()
        os.close(ours)
        assert process.stdout is not None
        return process.stdout.read(), shown


def test_progress_is_shown_at_a_terminal_and_data_goes_to_the_pipe(shared_headgate: Headgate) -> None:
    arguments = ["ingest", str(FOLDER / "loans.csv"), "-d", f"cli_{uuid4().hex}", "--watch"]
    printed, shown = on_terminal(arguments, surroundings(shared_headgate))
    assert "loans.csv" in shown
    assert "done" in shown
    assert dict(line.split("\t") for line in printed.splitlines())["status"] == "PARTIAL"


def test_a_reader_that_goes_away_ends_a_command_without_a_word() -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    done = subprocess.run(
        [*HEADGATE, "settings"], stdout=theirs, stderr=subprocess.PIPE, text=True, timeout=END_S
    )
    os.close(theirs)
    assert (done.returncode, done.stderr) == (Exit.CLOSED_PIPE, "")


def test_an_interrupted_command_ends_with_130_and_without_a_traceback(shared_headgate: Headgate) -> None:
    with subprocess.Popen(
        [*HEADGATE, "upload", "-"],
        env={**surroundings(shared_headgate), "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        # More than a pipe holds: it has been read from when all of it is written.
        process.stdin.write(bytes(1 << 20))
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        assert process.wait(END_S) == Exit.INTERRUPTED
        assert b"Traceback" not in process.stderr.read()
