"""The audits of the GraphQL-over-HTTP specification, as the npm package graphql-http has them."""

import json
import os
import subprocess
from pathlib import Path

from tests.acceptance.node import needs_node
from tests.acceptance.processes import Headgate

AUDITS = 61


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
