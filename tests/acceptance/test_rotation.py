"""A server goes on working, without a restart, while its secret key is changed."""

import asyncio

import httpx
import pytest

from tests.acceptance.endpoints import make_endpoint
from tests.acceptance.processes import Headgate, MakeClient, MakeHeadgate
from tests.restapi import TOKEN, serving_api

pytestmark = pytest.mark.thorough

ME = "{ viewer { user { email } } }"
TEST = 'mutation { testEndpoint(name: "crm") { ok message errors { code } } }'
JOB = """
mutation ($input: IngestInput!) { ingest(input: $input) { job { errorsDownloadUrl } } }
"""


REJECTED = {
    "dataset": "a",
    "data": {"records": [{"a": "x"}]},
    "spec": {"checks": [{"numeric": {"columns": ["a"]}}]},
    "waitSeconds": 30,
}


def rotate(headgate: Headgate) -> str:
    done = headgate.run("rotate-key")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


async def test_tokens_links_and_secrets_outlive_a_rotation(
    make_headgate: MakeHeadgate, make_client: MakeClient
) -> None:
    headgate = make_headgate(allowed_networks="127.0.0.0/8").start()
    old = await make_client(headgate)
    link = (await old.data(JOB, input=REJECTED))["ingest"]["job"]["errorsDownloadUrl"]
    with serving_api() as api:
        api.guard = api.wants_bearer
        await make_endpoint(old, "crm", "HTTP", {"url": f"{api.url}/all"}, {"token": TOKEN})
        assert "anew with it: 1." in rotate(headgate)

        headgate.tokens.clear()
        new = await make_client(headgate)
        assert new.token.split(".")[0] != old.token.split(".")[0]
        assert (await new.data(ME)) == (await old.data(ME))
        assert (await old.http.get(link)).status_code == 200
        assert (await new.data(TEST))["testEndpoint"]["ok"] is True

        assert "anew with it: 1." in rotate(headgate)
        for _ in range(2):
            rotate(headgate)
        assert (await new.data(TEST))["testEndpoint"]["ok"] is True
    assert (await new.data(ME))["viewer"]
    assert await until_refused(old.http) == 401


async def until_refused(http: httpx.AsyncClient) -> int:
    """Ask until the server has looked at its keys, which it does once a second."""
    status = 200
    async with asyncio.timeout(10):
        while status == 200:
            status = (await http.post("/graphql", json={"query": ME})).status_code
    return status
