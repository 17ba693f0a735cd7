"""The import screen of the documentation works as it stands there, against a real server."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse, print_ast

from tests.acceptance.node import installed, needs_node
from tests.acceptance.processes import Headgate
from tests.docs.snippets import blocks

pytestmark = [pytest.mark.xdist_group("docs"), needs_node]

PAGE = "import-screen.md"
DRIVER = "import-screen.js"
PEOPLE = "E-Mail,Age\nann@example.org,34\nbob@example.org,abc\n,52\neve@example.org,19\n"


def _operations() -> str:
    """Each operation of the page as a constant with its name, as the page says."""
    found = [node for block in blocks(PAGE, "graphql") for node in parse(block.text).definitions]
    assert all(isinstance(node, OperationDefinitionNode) and node.name for node in found)
    return "".join(
        f"export const {node.name.value} = {json.dumps(print_ast(node))};\n"
        for node in found
        if isinstance(node, OperationDefinitionNode) and node.name
    )


@pytest.fixture
def folder() -> Iterator[Path]:
    """The snippets of the page as a module, among the packages that they use."""
    with TemporaryDirectory(dir=installed()) as name:
        folder = Path(name)
        (folder / "operations.js").write_text(_operations())
        (folder / "page.js").write_text("".join(block.text for block in blocks(PAGE, "js")))
        shutil.copy(installed() / DRIVER, folder)
        yield folder


@pytest.fixture
def seen(folder: Path, headgate: Headgate) -> Any:
    """What a person sees who imports a file with two bad rows, and corrects them."""
    environment = {
        **os.environ,
        "CONTENT": PEOPLE,
        "DATASET": "imported_people",
        "HEADGATE_URL": headgate.url,
        "PAGE": str(folder / "page.js"),
        "TOKEN": headgate.token("OPERATOR"),
    }
    done = subprocess.run(
        ["node", DRIVER], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_an_import_screen_that_is_built_from_the_page_imports_a_file_with_bad_rows(seen: Any) -> None:
    assert seen["preview"]["counts"] == {"read": 4, "accepted": 2, "rejected": 2}
    assert {group["code"] for group in seen["preview"]["errorSummary"]} == {"TYPE", "REQUIRED"}
    assert [event["status"] for event in seen["events"] if event["type"] == "STATUS"][-1] == "PARTIAL"
    assert [(row["row"], row["column"], row["value"]) for row in seen["rows"]] == [
        (2, "age", "abc"),
        (3, "email", None),
    ]
    assert seen["imported"]["rowCount"] == 4
    rows = seen["imported"]["rows"]["records"]
    assert {row["email"]: row["age"] for row in rows} == {
        "ann@example.org": 34,
        "bob@example.org": 41,
        "dora@example.org": 52,
        "eve@example.org": 19,
    }
    assert seen["imported"]["downloadUrl"].startswith("/downloads/")
    assert seen["large"]["last"] == [len(PEOPLE), len(PEOPLE)]
    assert seen["large"]["id"].startswith("file_")
    assert seen["file"]["preview"]["records"][0] == {"E-Mail": "ann@example.org", "Age": "34"}
    assert seen["suggested"]["status"] == "SUCCEEDED"
    assert seen["refused"] == "INVALID_ID"
