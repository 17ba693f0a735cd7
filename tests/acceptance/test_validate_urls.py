"""What URLs answer is validated over a real server, which other servers keep waiting and processes fail."""

from collections.abc import Iterator
from socket import socket
from threading import Event

import pytest

from tests.acceptance.processes import Client, Headgate, MakeClient
from tests.acceptance.validations import CSV, RETRY, WATCH, validated
from tests.pipelines.websites import Site, respond, serving

CANCEL = "mutation ($input: CancelInput!) { cancel(input: $input) { job { id } errors { code } } }"
ATTEMPTS = "query ($id: ID!) { job(id: $id) { status attempts { status failure { code } } } }"


@pytest.fixture(scope="module")
def fetching_headgate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headgate]:
    """A server that may fetch from this machine."""
    settings = {"HEADGATE_WORKERS": "1", "HEADGATE_ALLOWED_NETWORKS": "127.0.0.0/8"}
    headgate = Headgate(tmp_path_factory.mktemp("fetching") / "home", settings).start()
    yield headgate
    headgate.stop()


@pytest.fixture
async def fetching(fetching_headgate: Headgate, make_client: MakeClient) -> Client:
    return await make_client(fetching_headgate)


@pytest.fixture
def site() -> Iterator[Site]:
    with serving() as site:
        yield site


class Silent:
    """A server that says nothing until it is told to answer; `is_asked` when somebody waits for it."""

    def __init__(self) -> None:
        self.is_asked, self.may_answer = Event(), Event()

    def __call__(self, connection: socket) -> None:
        self.is_asked.set()
        self.may_answer.wait(30)


async def test_this_machine_is_not_asked_unless_it_is_allowed(client: Client, site: Site) -> None:
    job = (await validated(client, {"url": site.url("/a.csv")}))["job"]
    assert (job["status"], job["failure"]["code"]) == ("FAILED", "URL_NOT_ALLOWED")
    assert job["result"]["data"]["failure"]["code"] == "URL_NOT_ALLOWED"
    assert site.asked == []


async def test_what_a_url_answers_is_validated_and_may_be_tried_again(fetching: Client, site: Site) -> None:
    url = {"url": site.url("/a.csv")}
    site.answers["/a.csv"] = respond(b"gone", status="404 Not Found")
    failed = (await validated(fetching, url))["job"]
    assert (failed["status"], failed["failure"]["code"]) == ("FAILED", "URL_STATUS")
    site.answers["/a.csv"] = respond(CSV.encode())
    again = (await fetching.data(RETRY, input={"jobId": failed["id"], "waitSeconds": 30}))["retry"]["job"]
    assert (again["kind"], again["status"], again["retryOf"]["id"]) == ("VALIDATE", "PARTIAL", failed["id"])
    assert again["result"]["data"]["issues"] == 3
    assert len(site.asked) == 2


async def test_a_validation_that_waits_for_a_server_is_canceled(fetching: Client, site: Site) -> None:
    silent = site.answers["/a.csv"] = Silent()
    job = (await validated(fetching, {"url": site.url("/a.csv")}, waitSeconds=0))["job"]["id"]
    async with fetching.subscribe(WATCH, job=job) as results:
        silent.is_asked.wait(30)
        await fetching.data(CANCEL, input={"jobId": job})
        statuses = [status async for result in results if (status := result["data"]["jobProgress"]["status"])]
    silent.may_answer.set()
    assert statuses[-1] == "CANCELED"


async def test_a_validation_whose_process_is_killed_runs_again(
    fetching: Client, fetching_headgate: Headgate, site: Site
) -> None:
    silent = site.answers["/a.csv"] = Silent()
    job = (await validated(fetching, {"url": site.url("/a.csv")}, waitSeconds=0))["job"]["id"]
    async with fetching.subscribe(WATCH, job=job) as results:
        silent.is_asked.wait(30)
        site.answers["/a.csv"] = respond(CSV.encode())
        for process in fetching_headgate.engine:
            process.kill()
        last = [result["data"]["jobProgress"] async for result in results][-1]
    silent.may_answer.set()
    attempts = (await fetching.data(ATTEMPTS, id=job))["job"]["attempts"]
    assert last["status"] == "PARTIAL"
    assert [(each["status"], (each["failure"] or {}).get("code")) for each in attempts] == [
        ("FAILED", "CHILD_DIED"),
        ("PARTIAL", None),
    ]
