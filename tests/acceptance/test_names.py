"""Whatever somebody calls a thing, the file system hears of names alone that the server has made."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.processes import UPLOAD, Client, Headgate

NAMES = [
    "../../etc/cron.d/x",
    "..\\..\\windows\\x.csv",
    "/etc/passwd",
    "C:\\x.csv",
    "\\\\host\\share\\x",
    "CON",
    "nul.csv",
    "a\0b.csv",
    "%00.csv",
    "a%2f..%2fb.csv",
    "\u202eexe.csv",
    "a\r\nSet-Cookie: b=c.csv",
    ".",
    "..",
    "~",
    "$(touch x)",
    "`touch x`.csv",
    "-rf",
    "x" * 10_000,
    "😀.csv",
]
MADE = re.compile(
    # Ids, folders and files of the server itself, versions, checkpoints and parts of datasets, attempts, and downloads.
    r"[a-z]+_[0-9a-z]{26}|[0-9a-f-]{36}|\.?[a-z]{2,12}|_delta_log|_last_checkpoint|[0-9]{1,20}(\.json|\.checkpoint\.parquet)?|part-[0-9a-f-]+\.parquet"
    r"|[0-9a-f]{64}\.[0-9a-f]{32}|[a-z]+\.(db|db-wal|db-shm|key|log|lock|parquet)|[a-z]+_[0-9a-z]{26}[-.][0-9a-z.-]{1,60}"
)
SPEC = {"source": {"text": {"format": "CSV", "content": "a"}}, "sinks": []}
CREATE_PIPELINE = (
    "mutation ($input: CreatePipelineInput!) { made: createPipeline(input: $input) { errors { code } } }"
)
CREATE_ENDPOINT = (
    "mutation ($input: EndpointInput!) { made: createEndpoint(input: $input) { errors { code } } }"
)


def made_by(home: Path) -> list[str]:
    """Names under a home that the server can't have made up."""
    return [path.name for path in home.rglob("*") if not MADE.fullmatch(path.name)]


async def send(client: Client, file_name: str, input: dict[str, Any]) -> httpx.Response:
    operations = {"query": UPLOAD, "variables": {"file": None, "input": input}}
    return await client.http.post(
        "/graphql",
        data={"operations": json.dumps(operations), "map": json.dumps({"0": ["variables.file"]})},
        files={"0": (file_name, b"a,b\n1,2\n")},
        headers={"GraphQL-Require-Preflight": "1"},
    )


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
async def test_a_file_name_is_no_path(client: Client, shared_headgate: Headgate, name: str) -> None:
    assert (await send(client, name, {})).status_code in (200, 400)
    file = (await send(client, "a.csv", {"name": name, "format": "CSV"})).json()["data"]["upload"]["file"]
    assert file["status"] == "READY"
    assert 1 <= len(file["name"]) <= 255
    assert not re.search(r"[\0-\x1f\x7f-\x9f]", file["name"])
    job = (await client.ingest({"file": file["id"]}, "of_names"))["job"]
    assert job["status"] == "SUCCEEDED"
    assert made_by(shared_headgate.home) == []


@pytest.mark.parametrize(
    "name", [each for each in NAMES if each not in ("CON", "nul.csv")], ids=range(len(NAMES) - 2)
)
async def test_no_path_is_a_name(client: Client, shared_headgate: Headgate, name: str) -> None:
    """Names of datasets, pipelines and endpoints are plain words, which Windows' devices are too: no file has them."""
    text = {"text": {"format": "CSV", "content": "a\n1\n"}}
    ingested = await client.ingest(text, name)
    pipeline = await client.data(CREATE_PIPELINE, input={"name": name, "spec": SPEC})
    settings: dict[str, Any] = {"seed": 1}
    endpoint = await client.data(
        CREATE_ENDPOINT, input={"name": name, "kind": "SIMULATED", "settings": settings}
    )
    codes = [
        [error["code"] for error in each["errors"]] for each in (ingested, pipeline["made"], endpoint["made"])
    ]
    assert codes == [["INVALID_NAME"]] * 3
    assert made_by(shared_headgate.home) == []


async def test_names_of_devices_are_names_like_any_other(client: Client, shared_headgate: Headgate) -> None:
    for name in ("CON", "nul.csv", "COM1"):
        job = (await client.ingest({"text": {"format": "CSV", "content": "a\n1\n"}}, name))["job"]
        assert job["status"] == "SUCCEEDED"
    assert made_by(shared_headgate.home) == []
