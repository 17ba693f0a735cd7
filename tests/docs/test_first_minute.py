"""The first minute of the documentation, as a newcomer lives it: a server of its own, commands, Python and curl."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from demo.server import free_port
from tests.docs.shells import readers_variables, run, run_script, running
from tests.docs.snippets import blocks

pytestmark = pytest.mark.xdist_group("docs")

PAGE = "first-minute.md"
BACKGROUND = "in the background"


@pytest.fixture
def variables(tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """A newcomer's shell, with the server that the page starts, at a port and in a home of its own."""
    port = str(free_port())
    home = {"HEADGATE_HOME": str(tmp_path / "home"), "HEADGATE_PORT": port}
    known = {**readers_variables(tmp_path), **home, "HEADGATE_URL": f"http://127.0.0.1:{port}"}
    (served,) = [block.text for block in blocks(PAGE, "sh") if block.mark == BACKGROUND]
    with running(served, known):
        yield known


def test_the_first_minute_brings_a_file_through_the_gate(variables: Mapping[str, str]) -> None:
    commands = [block for block in blocks(PAGE, "sh") if block.is_run and block.mark != BACKGROUND]
    shown = run_script("".join(block.text for block in commands), variables)
    cells = [line.split("\t") for line in shown.splitlines()]
    assert [row for row in cells if "RANGE" in row and "340" in row] != []
    assert [row for row in cells if "STRUCTURE" in row] != []
    answer = next(json.loads(line) for line in shown.splitlines() if line.startswith('{"data"'))
    assert answer["data"]["ingest"]["job"]["counts"] == {"read": 2, "accepted": 1, "rejected": 1}

    (script,) = [block.text for block in blocks(PAGE, "python")]
    token = run_script("headgate token", variables).strip()
    told = run([sys.executable, "-c", script], {**variables, "HEADGATE_TOKEN": token})
    assert "2 age 340" in told
    assert "SUCCEEDED [{'id': '00017', 'age': 34}, {'id': '00019', 'age': 34}]" in told
