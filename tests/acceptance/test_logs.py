"""Lines of the log say what they belong to: a request, by the id that its answer carries, or an attempt at a job."""

import asyncio
import json
from typing import Any

import pytest

from tests.acceptance.processes import INGEST, Client, Headgate, MakeClient

WAIT_S = 10
BROKEN = "query Broken { nothing }"


async def the_line(headgate: Headgate, name: str, value: str) -> dict[str, Any]:
    """Wait for the one line in which an id has this value: it is written when the answer is on its way."""
    async with asyncio.timeout(WAIT_S):
        while not (found := lines_of(headgate, name, value)):  # noqa: ASYNC110, a log tells nobody
            await asyncio.sleep(0.02)
    [line] = found
    return line


def lines_of(headgate: Headgate, name: str, value: str) -> list[dict[str, Any]]:
    """Read the lines in which an id has this value."""
    text = (headgate.home / "serve.log").read_text()
    lines = [json.loads(line) for line in text.splitlines() if value in line]
    return [line for line in lines if line.get(name) == value]


@pytest.fixture
async def client(unmetered_headgate: Headgate, make_client: MakeClient) -> Client:
    return await make_client(unmetered_headgate)


async def test_the_id_of_a_refused_request_finds_its_line(
    unmetered_headgate: Headgate, client: Client
) -> None:
    answer = await client.http.get("/nowhere/at/all?token=not-to-be-logged")
    line = await the_line(unmetered_headgate, "request_id", answer.headers["x-request-id"])

    assert (line["event"], line["level"]) == ("request.done", "info")
    assert (line["method"], line["path"], line["status"]) == ("GET", "/nowhere/at/all", 404)
    assert line["ms"] > 0
    assert "not-to-be-logged" not in (unmetered_headgate.home / "serve.log").read_text()


async def test_the_id_of_an_answer_with_errors_finds_what_went_wrong_and_who_asked(
    unmetered_headgate: Headgate, client: Client
) -> None:
    answer = await client.http.post("/graphql", json={"query": BROKEN})
    assert answer.status_code == 200
    line = await the_line(unmetered_headgate, "request_id", answer.headers["x-request-id"])
    user = (await client.data("{ viewer { user { id } } }"))["viewer"]["user"]

    assert line["event"] == "operation.failed"
    assert line["codes"] == ["GRAPHQL_VALIDATION_FAILED"]
    assert line["user_id"] == user["id"]


async def test_operations_over_a_socket_have_lines_of_their_own(
    unmetered_headgate: Headgate, client: Client
) -> None:
    async with client.subscribe(BROKEN) as results:
        [error] = (await anext(results))["errors"]
    line = await the_line(unmetered_headgate, "request_id", error["extensions"]["requestId"])

    assert line["event"] == "operation.failed"
    assert line["user_id"]


async def test_a_request_that_goes_well_has_no_line(unmetered_headgate: Headgate, client: Client) -> None:
    answer = await client.http.post("/graphql", json={"query": "{ viewer { role } }"})

    assert not lines_of(unmetered_headgate, "request_id", answer.headers["x-request-id"])


async def test_lines_of_a_job_name_its_attempt_and_the_request_that_made_it(
    unmetered_headgate: Headgate, client: Client
) -> None:
    wanted = {"data": {"records": [{"id": 1}]}, "dataset": "logged", "waitSeconds": 30}
    answer = await client.http.post("/graphql", json={"query": INGEST, "variables": {"input": wanted}})
    job = answer.json()["data"]["ingest"]["job"]
    line = await the_line(unmetered_headgate, "job_id", job["id"])

    assert (line["event"], line["outcome"], line["attempt"]) == ("job.attempted", "DONE", 1)
    assert (line["kind"], line["request_id"]) == ("INGEST", answer.headers["x-request-id"])
    assert 0 < line["seconds"] < 30


async def test_all_lines_are_json_those_of_libraries_too(
    unmetered_headgate: Headgate, client: Client
) -> None:
    await client.data("{ viewer { role } }")
    lines = (unmetered_headgate.home / "serve.log").read_text().splitlines()

    assert any(json.loads(line)["logger"].startswith("uvicorn") for line in lines)
    assert all({"event", "level", "logger", "timestamp"} <= json.loads(line).keys() for line in lines)
