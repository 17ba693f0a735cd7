"""A real server tells a real collector what it did, and no secret and no data of it."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest

from tests.acceptance.processes import INGEST, Headgate, MakeClient
from tests.collector import Collector, Told, collecting

pytestmark = pytest.mark.thorough

CANARY = "canary-9f31c2"
PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE_OF_PARENT = PARENT.split("-")[1]
UNTRACED = ("/healthz", "/readyz", "/metrics")
TOKEN_VALUE = "eyJ"
NOBODY = "http://127.0.0.1:9"
LONGEST_STOP_S = 15


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def headgate(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headgate]:
    """A server that tells the collector; of addresses of this machine it trusts one as a proxy's."""
    settings = {
        "HEADGATE_WORKERS": "1",
        "HEADGATE_LOG_FORMAT": "json",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
    }
    headgate = Headgate(tmp_path_factory.mktemp("traced") / "home", settings).start()
    yield headgate
    headgate.stop()


def of_trace(spans: list[Told], trace_id: str) -> list[Told]:
    return [each for each in spans if each.trace_id == trace_id]


def ended_attempt(spans: list[Told], job_id: str) -> Told | None:
    return next((each for each in spans if each.attributes.get("headgate.job.id") == job_id), None)


async def test_a_request_its_operation_its_job_and_its_stages_are_one_trace(
    headgate: Headgate, collector: Collector, make_client: MakeClient
) -> None:
    client = await make_client(headgate)
    wanted = {"data": {"records": [{"id": 1, "name": CANARY}]}, "dataset": "traced", "waitSeconds": 30}
    query = INGEST.replace("mutation (", "mutation LoadTraced (")
    job = (await client.data(query, input=wanted))["ingest"]["job"]
    spans = collector.wait_for(lambda spans: ended_attempt(spans, job["id"]) is not None)
    attempt = ended_attempt(spans, job["id"])
    assert attempt is not None
    spans = collector.wait_for(lambda spans: any(is_request(each, attempt.trace_id) for each in spans))
    trace = {each.span_id: each for each in of_trace(spans, attempt.trace_id)}
    [request] = [each for each in trace.values() if is_request(each, attempt.trace_id)]
    [operation] = [each for each in trace.values() if each.name == "graphql mutation"]
    stages = [each.name for each in trace.values() if each.parent_id == attempt.span_id]

    assert (request.name, request.parent_id, request.service) == ("POST /graphql", "", "headgate-server")
    assert request.attributes["http.response.status_code"] == 200
    assert operation.parent_id == request.span_id
    assert operation.attributes == {
        "graphql.operation.type": "mutation",
        "graphql.operation.name": "LoadTraced",
    }
    assert (attempt.name, attempt.kind, attempt.attributes["headgate.job.attempt"]) == (
        "job ingest",
        "CONSUMER",
        1,
    )
    assert attempt.attributes["headgate.job.outcome"] == "DONE"
    assert {"stage reading", "stage writing"} <= set(stages)
    assert "INSERT jobs" in {each.name for each in trace.values() if each.kind == "CLIENT"}
    assert all(each.parent_id in trace for each in trace.values() if each is not request)


def is_request(span: Told, trace_id: str) -> bool:
    return span.trace_id == trace_id and span.kind == "SERVER"


async def test_a_job_that_fails_is_told_by_its_code_alone(
    headgate: Headgate, collector: Collector, make_client: MakeClient
) -> None:
    client = await make_client(headgate)
    data = {"records": [{"id": CANARY}]}
    spec = {"checks": [{"numeric": {"columns": ["id"]}}], "acceptance": {"onInvalid": "REJECT_ALL"}}
    payload = await client.ingest(data, "refused", spec=spec)
    assert payload["errors"] == [], payload
    job = payload["job"]
    assert job["status"] == "FAILED"
    attempt = ended_attempt(
        collector.wait_for(lambda spans: ended_attempt(spans, job["id"]) is not None), job["id"]
    )

    assert attempt is not None
    assert attempt.is_failed
    assert attempt.attributes["error.type"] == job["failure"]["code"]


async def test_uploads_downloads_and_streams_are_requests_under_their_pattern(
    headgate: Headgate, collector: Collector, make_client: MakeClient
) -> None:
    client = await make_client(headgate)
    await client.ingest({"records": [{"id": 1}]}, "shown")
    link = (await client.data('{ dataset(name: "shown") { downloadUrl(format: CSV) } }'))["dataset"][
        "downloadUrl"
    ]
    assert (await client.http.get(link)).is_success
    ndjson = {"content-type": "application/x-ndjson"}
    assert (await client.http.post("/streams/streamed", content=b'{"id": 1}\n', headers=ndjson)).is_success
    tus = {"Tus-Resumable": "1.0.0", "Upload-Length": "4"}
    created = await client.http.post("/uploads", headers=tus)
    piece = {**tus, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    await client.http.patch(created.headers["location"], content=b"a\n1\n", headers=piece)
    for path in UNTRACED:
        await client.http.get(path)
    wanted = {
        "GET /downloads/datasets/{dataset_id}.{ending}",
        "POST /streams/{dataset}",
        "POST /uploads",
        "PATCH /uploads/{file_id}",
    }
    spans = collector.wait_for(lambda spans: wanted <= {each.name for each in spans})

    assert not {each.name for each in spans if any(path in each.name for path in UNTRACED)}


async def test_a_strangers_trace_is_not_taken_over(
    headgate: Headgate, collector: Collector, make_client: MakeClient
) -> None:
    client = await make_client(headgate)
    answer = await client.http.post(
        "/graphql", json={"query": "query Stranger { viewer { role } }"}, headers={"traceparent": PARENT}
    )
    request_id = answer.headers["x-request-id"]
    spans = collector.wait_for(lambda spans: any(is_of(each, request_id) for each in spans))

    assert not of_trace(spans, TRACE_OF_PARENT)


def is_of(span: Told, request_id: str) -> bool:
    return bool(span.attributes.get("headgate.request.id") == request_id)


async def test_what_was_told_holds_no_data_and_no_secret(
    headgate: Headgate, collector: Collector, make_client: MakeClient
) -> None:
    client = await make_client(headgate)
    variables: dict[str, Any] = {"email": f"{CANARY}@example.org", "password": f"{CANARY} password"}
    login = (
        "mutation Canary($email: String!, $password: String!) { login(email: $email, password: $password) "
    )
    await client.ask(login + "{ accessToken errors { code } } }", **variables)
    collector.wait_for(
        lambda spans: any(each.attributes.get("graphql.operation.name") == "Canary" for each in spans)
    )
    told = b"".join(collector.bodies)

    assert told
    assert CANARY.encode() not in told
    assert client.token.encode() not in told
    assert TOKEN_VALUE.encode() not in told
    assert str(headgate.home).encode() not in told


def test_a_proxy_that_is_trusted_says_which_trace_a_request_belongs_to(
    collector: Collector, tmp_path: Path
) -> None:
    settings = {
        "HEADGATE_TRUSTED_PROXIES": "127.0.0.1/32",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": f"{collector.url}/v1/traces",
        "OTEL_SERVICE_NAME": "gate",
    }
    headgate = Headgate(tmp_path / "home", {"HEADGATE_WORKERS": "1", **settings}).start()
    httpx.post(
        f"{headgate.url}/graphql",
        json={"query": "{ viewer { role } }"},
        headers={"traceparent": PARENT},
        trust_env=False,
    )
    # What is left is sent when the server ends.
    assert headgate.stop() == 0
    spans = of_trace(
        collector.wait_for(lambda spans: bool(of_trace(spans, TRACE_OF_PARENT))), TRACE_OF_PARENT
    )

    assert {each.service for each in spans} == {"gate"}
    assert [each.name for each in spans if each.parent_id == PARENT.split("-")[2]] == ["POST /graphql"]


def test_a_collector_that_cannot_be_reached_holds_up_no_server(tmp_path: Path) -> None:
    settings = {"HEADGATE_WORKERS": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": NOBODY}
    headgate = Headgate(tmp_path / "home", settings).start()
    httpx.post(f"{headgate.url}/graphql", json={"query": "{ viewer { role } }"}, trust_env=False)
    began = monotonic()

    assert headgate.stop() == 0
    assert monotonic() - began < LONGEST_STOP_S
