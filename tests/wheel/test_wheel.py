"""The built wheel, in an environment that has nothing else but what it depends on."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

ROOT = Path(__file__).parents[2]
BUILD_S = 600
INSTALL_S = 900
RUN_S = 120
MAX_WHEEL_BYTES = 8_000_000
PACKED = (
    "headgate/py.typed",
    "headgate/sample/loans.csv",
    "headgate/server/built_pages/graphiql.html",
    "headgate/server/built_pages/index.html",
    "headgate/server/built_pages/licenses.md",
    "headgate/storage/migrations/script.py.mako",
)
LOANS = 'query { dataset(name: "mine") { rowCount } }'


@dataclass
class Installed:
    """An environment with the wheel alone, and a home for its servers."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What its programs see: neither this clone nor Node.js."""
        home = str(self.folder / "home")
        return {
            "HOME": home,
            "PATH": f"{self.folder / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "HEADGATE_HOME": home,
            "HEADGATE_PORT": "0",
        }

    def run(self, *arguments: str, **settings: str) -> str:
        """Run a command of the wheel in a folder of nobody's; answers what it prints."""
        done = subprocess.run(
            [str(self.folder / "bin/headgate"), *arguments],
            cwd=self.folder,
            env={**self.environment, **settings},
            capture_output=True,
            text=True,
            timeout=RUN_S,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Serve with the sample data for as long as the block lasts; yields the server's URL."""
        command = [str(self.folder / "bin/headgate"), "serve", "--sample"]
        with (self.folder / "serve.log").open("w+") as log:
            process = subprocess.Popen(
                command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
            try:
                assert process.stdout is not None
                printed = "".join(takewhile(lambda line: line != "ready\n", process.stdout))
                found = re.search(r"http://[\d.]+:\d+", printed)
                assert found, (printed, (self.folder / "serve.log").read_text())
                yield found[0]
            finally:
                process.terminate()
                process.communicate(timeout=RUN_S)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this clone."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(folder),
        str(ROOT),
    ]
    subprocess.run(command, check=True, timeout=BUILD_S)
    return next(folder.glob("headgate-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in a fresh environment, with the versions that constraints.txt names."""
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, timeout=RUN_S)
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    wanted = ["--constraint", str(ROOT / "constraints.txt"), str(wheel)]
    subprocess.run([*pip, *wanted], check=True, cwd=folder, timeout=INSTALL_S)
    (folder / "home").mkdir()
    return Installed(folder)


def test_the_wheel_has_what_is_needed_and_nothing_else(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()
    assert set(PACKED) <= set(names)
    assert any(re.fullmatch(r"headgate/storage/migrations/versions/0001_\w+\.py", name) for name in names)
    assert {name.split("/")[0].split("-")[0] for name in names} == {"headgate"}
    assert not [name for name in names if "node_modules" in name or name.endswith((".ts", ".tsx", ".map"))]
    assert wheel.stat().st_size < MAX_WHEEL_BYTES


def test_the_wheel_alone_does_the_first_minute(installed: Installed) -> None:
    with installed.serving() as url, httpx.Client(base_url=url, trust_env=False, timeout=RUN_S) as client:
        _check_pages(client)
        client.headers["authorization"] = f"Bearer {installed.run('token')}"
        job = _ingest(client, ROOT / "demo/loans.csv")
        assert (job["status"], job["counts"]) == ("PARTIAL", {"read": 15, "accepted": 14, "rejected": 1})
        assert _data(client, LOANS)["dataset"]["rowCount"] == 14
        sampled = _data(client, "{ datasets { edges { node { name } } } }")["datasets"]["edges"]
        assert {"loans", "sales", "campaigns"} <= {edge["node"]["name"] for edge in sampled}


def _check_pages(client: httpx.Client) -> None:
    """Load both pages, and all that they name."""
    for path in ("/", "/graphiql"):
        page = client.get(path)
        assert page.status_code == 200, page.text
        assets = re.findall(r'(?:src|href)="(/assets/[^"]+)"', page.text)
        assert assets, page.text
        for asset in assets:
            assert client.get(asset).status_code == 200, asset


def _ingest(client: httpx.Client, path: Path) -> Any:
    """Upload a file and ingest it into a dataset; answers the job."""
    query = "mutation ($file: Upload!) { upload(file: $file) { file { id } errors { message } } }"
    operations = json.dumps({"query": query, "variables": {"file": None}})
    uploaded = client.post(
        "/graphql",
        data={"operations": operations, "map": '{"0": ["variables.file"]}'},
        files={"0": (path.name, path.read_bytes())},
        headers={"GraphQL-Require-Preflight": "1"},
    ).json()["data"]["upload"]["file"]["id"]
    mutation = """mutation ($input: IngestInput!) {
      ingest(input: $input) { job { status counts { read accepted rejected } } errors { message } }
    }"""
    given = {"data": {"file": uploaded}, "dataset": "mine", "waitSeconds": 30}
    return _data(client, mutation, input=given)["ingest"]["job"]


def _data(client: httpx.Client, query: str, **variables: object) -> Any:
    answer = client.post("/graphql", json={"query": query, "variables": variables}).json()
    assert "errors" not in answer, answer
    return answer["data"]
