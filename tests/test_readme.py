"""Every command that the README and the tour show is run as it stands, against a real server."""

import hashlib
import json
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from demo.server import free_port
from tests.docs.shells import ROOT, readers_variables, run_script, running

pytestmark = pytest.mark.thorough

BLOCK = re.compile(r"(<!-- test: in the background -->\n)?^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


class Block(NamedTuple):
    in_background: bool
    language: str
    text: str


def read_blocks(page: str = "README.md") -> list[Block]:
    found = BLOCK.findall((ROOT / page).read_text())
    return [Block(bool(mark), language, text) for mark, language, text in found]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What a newcomer's shell has after `make`, but for a home and a port of the test's own."""
    port = free_port()
    return {
        **readers_variables(tmp_path),
        "MAKEFLAGS": f"BIN={Path(sys.executable).parent} INSTALLED= ONCE=1",
        "HEADGATE_HOME": str(tmp_path / "home"),
        "HEADGATE_PORT": str(port),
        "HEADGATE_URL": f"http://127.0.0.1:{port}",
    }


@contextmanager
def serving(blocks: Sequence[Block], environment: dict[str, str]) -> Iterator[str]:
    """Run what is to run in the background; yields the other commands."""
    server = "".join(block.text for block in blocks if block.in_background)
    with running(server, environment):
        yield "".join(block.text for block in blocks if not block.in_background)


@pytest.mark.parametrize("page", ["README.md", "docs/tour.md"])
def test_all_blocks_are_commands(page: str) -> None:
    assert {block.language for block in read_blocks(page)} == {"sh"}


def test_the_first_command_of_the_readme_shows_the_demo(environment: dict[str, str]) -> None:
    first = read_blocks()[0].text
    assert first == "make demo\n"
    assert "299,990 accepted, 10 rejected" in run_script(first, environment)


def test_the_first_minute_works_as_it_stands(environment: dict[str, str]) -> None:
    _, *blocks = read_blocks()
    with serving(blocks, environment) as commands:
        shown = run_script(commands, environment)
    assert shown.count("The row has 9 cells where the header names 8: there are too many.") == 2
    assert "shape: (14, 8)" in shown
    *_, answer = [json.loads(line) for line in shown.splitlines() if line.startswith('{"data"')]
    records = answer["data"]["dataset"]["rows"]["records"]
    assert [row["customer_id"] for row in records][:2] == ["00044", "00159"]
    assert "HEADGATE_PORT" in shown


def test_the_tour_works_as_it_stands(environment: dict[str, str]) -> None:
    with serving(read_blocks("docs/tour.md"), environment) as commands:
        shown = run_script(commands, environment)
    answers = [json.loads(line)["data"] for line in shown.splitlines() if line.startswith('{"data"')]
    ingested, rows, checked, rejected, again, made, piped, template, figures, *later = answers
    job = ingested["ingest"]["job"]
    assert (job["status"], job["counts"]) == ("PARTIAL", {"read": 15, "accepted": 14, "rejected": 1})
    (error,) = job["errors"]["edges"]
    assert (error["node"]["row"], error["node"]["line"], error["node"]["code"]) == (8, 9, "STRUCTURE")
    assert [row["customer_id"] for row in rows["dataset"]["rows"]["records"]][:2] == ["00044", "00159"]
    report = checked["validate"]["job"]["result"]["data"]
    assert (report["passed"], report["issues"]) == (False, 3)
    assert {rule["code"] for rule in report["rules"]} == {"STRUCTURE", "RANGE"}
    summary = rejected["job"]["errorSummary"]
    assert [(group["code"], group["rows"]) for group in summary] == [("RANGE", 2), ("STRUCTURE", 1)]
    assert rejected["job"]["errorsDownloadUrl"].startswith("/downloads/errors/")
    retried = again["retry"]["job"]
    assert retried["counts"] == {"read": 3, "accepted": 2, "rejected": 1}
    assert retried["retryOf"] == {"status": "PARTIAL", "counts": {"read": 15, "accepted": 14, "rejected": 1}}
    assert (made["createPipeline"]["pipeline"]["version"], made["createPipeline"]["errors"]) == (1, [])
    assert piped["runPipeline"]["job"]["status"] == "SUCCEEDED"
    assert (piped["runPipeline"]["job"]["counts"]["read"], template["ingest"]["job"]["counts"]["read"]) == (
        14,
        1,
    )
    (campaign,) = figures["dataset"]["rows"]["records"]
    assert (campaign["campaign_id"], campaign["ctr"]) == ("23851", 0.025)
    assert (campaign["cpc"], campaign["cpm"]) == (pytest.approx(38.5 / 105), pytest.approx(38.5 / 4.2))
    sent, summed, *access = later
    (file,) = [edge["node"] for edge in sent["files"]["edges"]]
    content = (ROOT / "demo" / "loans.csv").read_bytes()
    assert (file["name"], file["status"], file["byteSize"]) == ("loans.csv", "READY", len(content))
    assert file["sha256"] == hashlib.sha256(content).hexdigest()
    assert summed["dataset"]["aggregate"]["records"] == [
        {"page": "/", "count": 2, "mean_ms": 13.0},
        {"page": "/prices", "count": 1, "mean_ms": 31.0},
    ]
    assert [edge["node"]["rowsAdded"] for edge in summed["dataset"]["versions"]["edges"]] == [3]
    assert "page,ms\n/,12\n/prices,31\n/,14\n" in shown
    signed_in, keyed, seen = access
    assert (signed_in["login"]["errors"], keyed["createApiKey"]["errors"]) == ([], [])
    assert keyed["createApiKey"]["secret"].startswith("hg_")
    done = [edge["node"]["action"] for edge in seen["auditLog"]["edges"]]
    assert done == ["createApiKey", "login", "createUser"]
    assert seen["viewer"]["rateLimit"]["limit"] == 60_000
