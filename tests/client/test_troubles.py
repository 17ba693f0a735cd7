"""What the client does about a bad connection, a server that is away, and one that says no."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from uuid import uuid4

import pytest

from demo.server import free_port
from headgate.client import (
    AsyncHeadgate,
    Forbidden,
    Headgate,
    HeadgateError,
    Refused,
    Unauthenticated,
    Unreachable,
)
from headgate.client.servers import Server
from tests.acceptance import processes
from tests.client.conftest import MakeHeadgateClient
from tests.faulty_store import FaultyWay, Kind, Trouble

LOANS = Path(__file__).parents[2] / "demo" / "loans.csv"
STORE = 'mutation { storeResult(input: {name: "kept", data: 1}) { result { id } } }'


def asked(way: FaultyWay) -> list[str]:
    return [method for method, _, _ in way.calls]


@pytest.mark.parametrize("kind", ["lose answer", "lose commit"])
def test_a_job_whose_answer_was_lost_is_started_once(
    far_headgate: Headgate, headgate: Headgate, way: FaultyWay, kind: Kind
) -> None:
    name = f"made_{uuid4().hex}"
    way.troubles = [Trouble("POST", "graphql", kind, times=2)]
    job = far_headgate.ingest(records=[{"id": 1}], dataset=name)

    assert len(way.calls) == 3
    assert [each.id for each in headgate.jobs(dataset=name)] == [job.id]


@pytest.mark.parametrize(("kind", "error"), [("lose answer", Unreachable), ("lose commit", Refused)])
def test_a_mutation_of_ones_own_is_not_sent_again_where_it_may_have_run(
    far_headgate: Headgate, way: FaultyWay, kind: Kind, error: type[HeadgateError]
) -> None:
    way.troubles = [Trouble("POST", "graphql", kind)]
    with pytest.raises(error):
        far_headgate.ask(STORE)
    assert len(way.calls) == 1

    way.troubles = [Trouble("POST", "graphql", kind)]
    assert far_headgate.ask("{ viewer { role } }") == {"viewer": {"role": "ADMIN"}}
    assert len(way.calls) == 3


def test_who_is_told_to_slow_down_comes_again_when_told_to(far_headgate: Headgate, way: FaultyWay) -> None:
    way.troubles = [Trouble("POST", "graphql", "slow down")]
    began = monotonic()
    far_headgate.ask(STORE)

    assert monotonic() - began >= 1
    assert len(way.calls) == 2


@pytest.mark.parametrize("kind", ["break off", "lose answer"])
def test_an_upload_goes_on_from_what_has_arrived(
    far_headgate: Headgate, way: FaultyWay, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    monkeypatch.setattr("headgate.client.contents.CHUNK_BYTES", 400)
    seen: list[int] = []
    way.troubles = [Trouble("PATCH", "uploads", kind), Trouble("HEAD", "uploads", "slow down")]
    file = far_headgate.upload(LOANS, on_progress=lambda sent, total: seen.append(sent))

    assert (file.status, file.byte_size) == ("READY", 984)
    arrived = [0, 0, 400, 800, 984] if kind == "break off" else [0, 400, 800, 984]
    assert seen == arrived
    offsets = [headers["upload-offset"] for method, _, headers in way.calls if method == "PATCH"]
    assert offsets == [str(each) for each in arrived[:-1]]


def test_events_come_once_each_over_a_connection_that_breaks(
    far_headgate: Headgate, headgate: Headgate, way: FaultyWay
) -> None:
    job = headgate.wait(headgate.ingest(LOANS, dataset=f"made_{uuid4().hex}"))
    whole = list(headgate.watch(job, min_interval_ms=0))
    way.troubles = [Trouble("POST", "graphql", "cut short", times=2)]
    seen = list(far_headgate.watch(job, min_interval_ms=0))

    assert [event.cursor for event in seen] == [event.cursor for event in whole]
    assert len(way.calls) == 3
    assert "last-event-id" in way.calls[-1][2]


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    """Run a server that answers each POST with this event stream and closes; answers its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response_only(200)
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing is worth a line."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_stream_without_cursors_is_not_gone_on_with_as_if_nothing_were_missing(
    connect: MakeHeadgateClient,
) -> None:
    change = {"data": {"datasetChanged": {"version": 1}}}
    with answering(b"event: next\ndata: %s\n\n:\n\n" % json.dumps(change).encode()) as url:
        changes = connect(url, "token").subscribe("subscription { datasetChanged { version } }")
        assert next(changes) == change["data"]
        with pytest.raises(Unreachable, match="The connection was lost"):
            next(changes)


def test_a_download_goes_on_where_it_broke_off(
    far_headgate: Headgate, headgate: Headgate, way: FaultyWay, tmp_path: Path
) -> None:
    name = f"made_{uuid4().hex}"
    headgate.wait(headgate.ingest(text="id\n" + "1234567\n" * 20_000, dataset=name))
    headgate.save_rows(name, tmp_path / "direct.csv", format="CSV")
    way.troubles = [Trouble("GET", "downloads", "cut short")]
    far_headgate.save_rows(name, tmp_path / "far.csv", format="CSV")

    assert (tmp_path / "far.csv").read_bytes() == (tmp_path / "direct.csv").read_bytes()
    [_, resumed] = [headers for method, _, headers in way.calls if method == "GET"]
    assert resumed["range"].startswith("bytes=")


@pytest.mark.parametrize("token", ["nonsense", None])
def test_who_is_not_known_is_told_what_to_do(
    shared_headgate: processes.Headgate,
    connect: MakeHeadgateClient,
    monkeypatch: pytest.MonkeyPatch,
    token: str | None,
) -> None:
    monkeypatch.delenv("HEADGATE_TOKEN", raising=False)
    stranger = connect(shared_headgate.url, token)
    told = "Send a valid token" if token else "set HEADGATE_TOKEN"
    with pytest.raises(Unauthenticated, match=told):
        stranger.ask("{ viewer { role } }")
    with pytest.raises(Unauthenticated, match=told):
        list(stranger.watch("job_00000000000000000000000000"))


def test_who_may_not_is_told_so(shared_headgate: processes.Headgate, connect: MakeHeadgateClient) -> None:
    with pytest.raises(Forbidden):
        connect(shared_headgate.url, shared_headgate.token("VIEWER")).upload(LOANS)


def test_a_server_that_is_not_there_is_tried_for_a_limited_time(connect: MakeHeadgateClient) -> None:
    began = monotonic()
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Unreachable, match=f"{url} does not answer"):
        connect(url, "token", retry_for_s=0.5).ask("{ viewer { role } }")
    assert monotonic() - began < 20


def test_one_that_never_answered_is_given_up_sooner_unless_a_time_is_given() -> None:
    by_itself = Server.named(None, None, timeout_s=1, retry_for_s=None)
    assert by_itself.first_retry_for_s < by_itself.retry_for_s
    told = Server.named(None, None, timeout_s=1, retry_for_s=90)
    assert (told.first_retry_for_s, told.retry_for_s) == (90, 90)


def test_what_is_no_headgate_is_told_apart(far_headgate: Headgate, way: FaultyWay) -> None:
    way.troubles = [Trouble("POST", "graphql", "refuse")]
    with pytest.raises(Unreachable, match="is the URL right"):
        far_headgate.ask("{ viewer { role } }")
    assert len(way.calls) == 1


def test_mistakes_in_a_query_are_refused_with_the_id_of_the_request(headgate: Headgate) -> None:
    with pytest.raises(Refused, match="Cannot query field 'nothing'") as refused:
        headgate.ask("{ nothing }")
    assert refused.value.code == "GRAPHQL_VALIDATION_FAILED"
    assert refused.value.request_id


def test_url_and_token_come_from_the_environment_and_no_proxy_is_asked_for_this_machine(
    shared_headgate: processes.Headgate, connect: MakeHeadgateClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_URL", shared_headgate.url + "/")
    monkeypatch.setenv("HEADGATE_TOKEN", shared_headgate.token())
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
    assert connect().ask("{ viewer { role } }") == {"viewer": {"role": "ADMIN"}}


@pytest.mark.parametrize(
    ("url", "proxied"),
    [("https://data.example.org", True), ("http://localhost:8000", False), ("http://[::1]:80/", False)],
)
def test_proxies_are_for_other_machines(url: str, proxied: bool) -> None:
    assert Server.named(url, None, timeout_s=1, retry_for_s=1).trust_env is proxied


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://example.org", "http://"])
def test_a_url_that_is_none_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="is no URL of a server"):
        Headgate(url)


def test_both_clients_do_the_same() -> None:
    public = [{name for name in dir(kind) if not name.startswith("_")} for kind in (Headgate, AsyncHeadgate)]
    assert public[0] == public[1]


def test_importing_the_client_imports_none_of_what_takes_long() -> None:
    heavy = "{'deltalake', 'polars', 'pydantic', 'sqlalchemy', 'starlette', 'strawberry'}"
    code = f"import sys, headgate.client; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "set()"
