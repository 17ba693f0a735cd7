"""Servers start, stop, die and come back."""

import json
import re
import signal
import stat
from pathlib import Path

import httpx
import pytest

from tests.acceptance.processes import Client, MakeClient, MakeHeadgate

JOB = "query ($id: ID!) { job(id: $id) { status attempts { number status } counts { accepted } } }"
START = "mutation ($input: IngestInput!) { ingest(input: $input) { job { id } } }"
WATCH = "subscription ($job: ID!) { jobProgress(jobId: $job) { type status } }"
ROWS = "query ($name: String!) { dataset(name: $name) { rowCount version } }"


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_a_server_answers_probes_and_stops_on_sigterm(make_headgate: MakeHeadgate) -> None:
    headgate = make_headgate().start()
    async with httpx.AsyncClient(base_url=headgate.url, trust_env=False) as http:
        assert (await http.get("/healthz")).json() == {"status": "alive"}
        ready = await http.get("/readyz")
        refused = await http.post("/graphql", json={"query": "{ viewer { role } }"})
    assert ready.is_success
    assert (
        ready.json()["checks"].items()
        >= {"database": "HEALTHY", "store": "HEALTHY", "queue": "HEALTHY"}.items()
    )
    assert refused.status_code == 401
    assert _mode(headgate.home / "secret.key") == 0o600
    assert headgate.stop() == 0


async def test_a_server_without_its_store_is_not_ready(make_headgate: MakeHeadgate) -> None:
    headgate = make_headgate().start()
    (headgate.home / "store").rename(headgate.home / "gone")
    (headgate.home / "store").write_text("a file where the folder was")
    async with httpx.AsyncClient(base_url=headgate.url, trust_env=False) as http:
        ready = await http.get("/readyz")
        alive = await http.get("/healthz")
    assert ready.status_code == 503
    assert ready.json()["status"] == "UNHEALTHY"
    assert ready.json()["checks"].items() >= {"database": "HEALTHY", "store": "UNHEALTHY"}.items()
    assert alive.is_success


async def test_a_request_that_is_too_large_gets_the_reason(client: Client) -> None:
    answer = await client.http.post("/graphql", json={"query": "{ viewer { role } }" + " " * 20_000_000})
    assert answer.status_code == 413
    assert answer.json()["errors"][0]["extensions"]["code"] == "BODY_TOO_LARGE"


async def test_an_open_subscription_does_not_hold_up_the_end(
    make_headgate: MakeHeadgate, make_client: MakeClient
) -> None:
    headgate = make_headgate().start()
    client = await make_client(headgate)
    job = (await client.data(START, input={"data": {"records": _many()}, "dataset": "a"}))["ingest"]["job"]
    async with client.subscribe(WATCH, job=job["id"]) as results:
        await anext(results)
        assert headgate.stop() == 0


async def test_a_job_accepted_before_a_kill_is_finished_after_the_restart(
    make_headgate: MakeHeadgate, make_client: MakeClient
) -> None:
    headgate = make_headgate().start()
    client = await make_client(headgate)
    accepted = await client.data(START, input={"data": {"records": _many()}, "dataset": "survivors"})
    job = accepted["ingest"]["job"]["id"]
    headgate.kill()

    client = await make_client(headgate.start())
    async with client.subscribe(WATCH, job=job) as results:
        events = [result["data"]["jobProgress"] async for result in results]
    assert events[0]["status"] == "QUEUED"
    assert events[-1]["status"] == "SUCCEEDED"
    found = (await client.data(JOB, id=job))["job"]
    assert (found["status"], found["counts"]["accepted"]) == ("SUCCEEDED", len(_many()))
    assert (await client.data(ROWS, name="survivors"))["dataset"] == {"rowCount": len(_many()), "version": 0}


def _many() -> list[dict[str, object]]:
    return [{"id": number, "name": f"name {number}"} for number in range(50_000)]


def test_a_token_can_be_had_before_the_first_start(make_headgate: MakeHeadgate) -> None:
    headgate = make_headgate()
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", headgate.run("token").stdout)
    assert _mode(headgate.home) == 0o700
    assert headgate.run("migrate").returncode == 0


@pytest.mark.parametrize("command", ["serve", "token", "migrate", "settings"])
def test_a_bad_setting_is_one_clear_line(make_headgate: MakeHeadgate, command: str) -> None:
    done = make_headgate(workers="none", secret_key="a secret that is short").run(command)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "HEADGATE_WORKERS" in done.stderr
    assert "a secret that is short" not in done.stderr


@pytest.mark.parametrize(
    ("settings", "status"),
    [
        ({"database_url": "mysql://localhost/x"}, 2),
        ({"database_url": "postgresql://user:a-password@127.0.0.1:9/x"}, 5),
        ({"database_url": "sqlite:////proc/no/such.db"}, 5),
    ],
)
def test_a_database_that_cannot_be_used_is_one_clear_line(
    make_headgate: MakeHeadgate, settings: dict[str, str], status: int
) -> None:
    done = make_headgate(**settings).run("token")
    assert done.returncode == status
    assert done.stderr.count("\n") == 1
    assert "a-password" not in done.stderr


def test_a_port_that_is_taken_is_one_clear_line(make_headgate: MakeHeadgate) -> None:
    first = make_headgate().start()
    done = make_headgate(port=first.url.rpartition(":")[2]).run("serve")
    assert done.returncode == 2
    assert "in use" in done.stderr


def test_a_server_that_cannot_start_says_so_by_its_status(make_headgate: MakeHeadgate) -> None:
    done = make_headgate(database_url="postgresql://127.0.0.1:9/x").run("serve")
    assert done.returncode == 5
    assert "ready\n" not in done.stdout


def test_settings_are_printed_without_secrets(make_headgate: MakeHeadgate) -> None:
    secret = "a secret of at least thirty-two bytes"
    headgate = make_headgate(secret_key=secret)
    shown = {row["variable"]: row for row in json.loads(headgate.run("settings", "--json").stdout)}
    assert shown["HEADGATE_WORKERS"]["value"] == "1"
    assert shown["HEADGATE_WORKERS"]["default"] == "2"
    assert secret not in json.dumps(shown)
    plain = headgate.run("settings").stdout
    assert "HEADGATE_WORKERS\t" in plain
    assert secret not in plain


def test_ctrl_c_stops_a_server_too(make_headgate: MakeHeadgate) -> None:
    headgate = make_headgate().start()
    assert headgate.process is not None
    headgate.process.send_signal(signal.SIGINT)
    assert headgate.stop() == 0
