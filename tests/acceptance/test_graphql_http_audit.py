"""The audits of the GraphQL-over-HTTP specification, as the npm package graphql-http has them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.processes import Headgate

SOURCE = Path(__file__).parent.parent / "node"
INSTALLED = Path(sys.prefix) / "headgate-tests-node"
AUDITS = 61
needs_node = pytest.mark.skipif(
    shutil.which("node") is None or shutil.which("npm") is None, reason="node and npm are not on PATH"
)


@pytest.fixture(scope="module")
def node_folder() -> Path:
    """Install what the lock file names, once; no script of a package is run."""
    lock, installed_lock = SOURCE / "package-lock.json", INSTALLED / "package-lock.json"
    if not (INSTALLED / "node_modules").is_dir() or installed_lock.read_bytes() != lock.read_bytes():
        shutil.copytree(SOURCE, INSTALLED, dirs_exist_ok=True)
        subprocess.run(
            ["npm", "ci", "--ignore-scripts"], cwd=INSTALLED, check=True, capture_output=True, timeout=120
        )
    shutil.copy(SOURCE / "audit.js", INSTALLED)
    return INSTALLED


@needs_node
def test_all_audits_pass(shared_headgate: Headgate, node_folder: Path) -> None:
    environment = {
        **os.environ,
        "AUDITED_URL": f"{shared_headgate.url}/graphql",
        "AUDITED_TOKEN": shared_headgate.token(),
    }
    done = subprocess.run(
        ["node", "audit.js"], cwd=node_folder, env=environment, capture_output=True, text=True, timeout=60
    )

    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout)
    assert [result for result in results if result["status"] != "ok"] == []
    assert len(results) == AUDITS
