"""The GraphQL clients that front ends use, as npm has them, against a real server."""

import json
import os
import shutil
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from tests.acceptance.node import needs_node, run
from tests.acceptance.processes import Headgate

SCHEMA = Path(__file__).parents[2] / "schema.graphql"


@pytest.fixture
def access(shared_headgate: Headgate) -> dict[str, str]:
    """What tells a program which server it is to ask."""
    return {"HEADGATE_URL": shared_headgate.url, "HEADGATE_TOKEN": shared_headgate.token()}


@needs_node
@pytest.mark.parametrize("program", ["apollo.js", "sockets.js", "urql.js"])
def test_a_client_asks_changes_and_subscribes(
    node_folder: Path, access: dict[str, str], program: str
) -> None:
    done = run(node_folder, "node", program, **access)
    assert (done.returncode, done.stdout) == (0, "all is as it should be\n"), done.stderr


@needs_node
def test_what_the_relay_compiler_makes_of_the_schema_is_answered(
    node_folder: Path, access: dict[str, str], tmp_path: Path
) -> None:
    folder = shutil.copytree(node_folder / "relay", tmp_path / "relay")
    shutil.copy(SCHEMA, folder)
    path = f"{node_folder / 'node_modules/.bin'}:{os.environ['PATH']}"
    compiled = run(folder, "relay-compiler", PATH=path)
    assert compiled.returncode == 0, compiled.stdout + compiled.stderr

    asked = run(folder, "node", "ask.js", **access)
    assert asked.returncode == 0, asked.stderr
    answered = json.loads(asked.stdout)
    assert len(answered["started"]) == 3
    assert answered["listed"] == answered["started"]
    assert (answered["kind"], answered["errors"]) == ("Job", [[2], [2]])
    assert validate(build_schema(SCHEMA.read_text()), parse(answered["subscription"])) == []
