"""The programs in examples/ do what they say, against a real server."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance import node
from tests.acceptance.processes import Headgate

pytestmark = pytest.mark.thorough

EXAMPLES = Path(__file__).parent.parent / "examples"
PEOPLE = EXAMPLES / "people.csv"


@pytest.fixture
def access(shared_headgate: Headgate) -> dict[str, str]:
    """What tells a program which server it is to ask."""
    return {"HEADGATE_URL": shared_headgate.url, "HEADGATE_TOKEN": shared_headgate.token()}


def run(name: str, access: dict[str, str], *arguments: object, stdin: str = "") -> list[str]:
    """Run an example; answers the lines that it prints."""
    done = subprocess.run(
        [sys.executable, EXAMPLES / "python" / name, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(EXAMPLES.parent), **access},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_first_import_prints_what_was_rejected(access: dict[str, str]) -> None:
    assert run("first_import.py", access) == [
        "2 of 6 rows are in people.",
        "row 2, email: The value is not an e-mail address.",
        "row 3, age: The value must be at least 0 and at most 130.",
        "row 4, joined: The value is not a date of ISO 8601.",
        "row 6, joined: The row has 3 cells where the header names 4: some are missing.",
    ]


def test_rejected_orders_are_corrected_and_retried(access: dict[str, str]) -> None:
    printed = run("correct_and_retry.py", access)
    assert printed[0] == "3 of 4 rows were rejected."
    assert printed[4] == "The job is SUCCEEDED, and the orders are:"
    assert [line[:11] for line in printed[5:]] == [f"{{'order': {number}" for number in (1, 2, 3, 4)]


def test_a_stream_that_is_sent_again_adds_nothing_twice(access: dict[str, str]) -> None:
    lines = "".join(json.dumps({"page": number}) + "\n" for number in range(1500)) + "7\n"
    for _ in range(2):
        printed = run("stream_records.py", access, "monday", "streamed", stdin=lines)
        assert printed == [
            "Batch 0: 1000 accepted, 0 rejected.",
            "Batch 1: 500 accepted, 1 rejected.",
            "  record 501: The record is not a JSON object.",
            "streamed has 1500 rows.",
        ]


def test_a_nightly_pipeline_is_applied_and_run(access: dict[str, str]) -> None:
    for _ in range(2):
        assert run("nightly_pipeline.py", access) == ["revenue-by-day version 1: SUCCEEDED, 2 rows written."]


def test_many_files_are_ingested_and_watched_at_once(access: dict[str, str], tmp_path: Path) -> None:
    paths = [tmp_path / f"watched_{number}.csv" for number in range(3)]
    for path in paths:
        path.write_bytes(PEOPLE.read_bytes())
    printed = run("watch_many.py", access, *paths)
    assert printed[-3:] == [f"{path}: PARTIAL, 5 rows accepted, 1 rejected" for path in paths]


@node.needs_node
def test_a_program_in_typescript_compiles_and_imports_a_file(access: dict[str, str]) -> None:
    folder = node.installed(EXAMPLES / "typescript")
    compiled = node.run(folder, "npm", "run", "--silent", "build")
    assert compiled.returncode == 0, compiled.stdout

    done = node.run(folder, "node", "dist/import.js", str(PEOPLE), "typed_people", **access)
    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        [
            "5 of 6 rows are in typed_people.",
            "row 6, joined: The row has 3 cells where the header names 4: some are missing.",
        ],
    )
    assert "252 of 252 bytes are there" in done.stderr
    refused = node.run(
        folder, "npm", "start", "--silent", str(PEOPLE), **{**access, "HEADGATE_TOKEN": "none"}
    )
    assert refused.returncode == 1
    assert "Send a valid token" in refused.stderr
