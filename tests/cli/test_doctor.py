"""`headgate doctor`, in set-ups that are broken, each in its own way."""

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from typer.testing import CliRunner

from headgate.cli.doctor.database import clock
from headgate.cli.doctor.findings import Level
from headgate.cli.doctor.home import filesystem_of
from headgate.cli.exits import Exit
from headgate.cli.main import app
from headgate.cli.memory import usable_bytes
from headgate.storage.migrate import upgrade
from tests.acceptance.processes import Headgate
from tests.buckets import Store
from tests.redis_server import RedisServer

Finding = dict[str, Any]
Examine = Callable[..., list[Finding]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return home


@pytest.fixture
def examine(home: Path, monkeypatch: pytest.MonkeyPatch) -> Examine:
    """Run `headgate doctor --json` with these settings, and answer what it found, but not what is fine."""
    for name in os.environ:
        if name.startswith("HEADGATE_") and not name.startswith("HEADGATE_TEST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HEADGATE_HOME", str(home))
    monkeypatch.setenv("HEADGATE_PORT", "0")

    def examine(*options: str, **settings: str) -> list[Finding]:
        for name, value in settings.items():
            monkeypatch.setenv(f"HEADGATE_{name.upper()}", value)
        result = CliRunner().invoke(app, ["doctor", "--json", *options])
        told = json.loads(result.stdout)
        assert result.exit_code == (Exit.DONE if told["ok"] else Exit.FAILED)
        return [
            found for found in told["findings"] if found["level"] != "ok" and found["check"] not in IRRELEVANT
        ]

    return examine


IRRELEVANT = ("pages", "memory", "open files", "disk")
"""What depends on the machine that the tests run on."""


def the_problem(findings: list[Finding], check: str) -> str:
    """The message of the only problem, which has to be of this part and to come with advice."""
    [found] = [found for found in findings if found["level"] == "problem"]
    assert found["check"] == check
    assert found["advice"]
    return str(found["message"])


def test_a_home_that_is_yet_to_be_made_is_fine(examine: Examine, home: Path) -> None:
    home.rmdir()
    assert examine() == []
    assert not home.exists()


def test_a_set_up_that_has_been_started_is_fine(examine: Examine, home: Path) -> None:
    assert CliRunner().invoke(app, ["token"]).exit_code == Exit.DONE
    assert examine() == []


def test_a_misspelt_setting_is_found_with_the_one_that_was_meant(examine: Examine) -> None:
    [found] = examine(databse_url="sqlite:///x.db", test_anything="1", token="x")
    assert (found["level"], found["advice"]) == ("problem", "Did you mean HEADGATE_DATABASE_URL?")


def test_variables_that_kubernetes_sets_are_told_apart(examine: Examine) -> None:
    [found] = examine(service_host="10.0.0.1", port_8000_tcp="tcp://10.0.0.1:8000")
    assert "enableServiceLinks" in found["advice"]


def test_a_setting_that_cannot_be_read_is_named(examine: Examine) -> None:
    assert the_problem(examine(workers="none"), "settings").startswith("HEADGATE_WORKERS: ")


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"oidc_audience": "headgate"}, "HEADGATE_OIDC_ISSUER"),
        ({"s3_endpoint_url": "http://127.0.0.1:9000"}, "HEADGATE_STORE_URL"),
        ({"old_secret_keys": "k" * 40}, "HEADGATE_SECRET_KEY"),
        ({"append_batch_bytes": str(1 << 30)}, "batch"),
        ({"max_stream_bytes": str(1 << 30)}, "/streams"),
        ({"host": "0.0.0.0"}, "other machines"),
        ({"secret_key": "passwordpasswordpasswordpassword"}, "guessed"),
    ],
)
def test_settings_that_cannot_be_meant_together_are_found(
    examine: Examine, settings: dict[str, str], word: str
) -> None:
    [found] = examine(**settings)
    assert word in found["message"]
    assert not any(
        value in found["message"] + found["advice"] for value in settings.values() if len(value) > 30
    )


def test_a_home_that_is_a_file_is_found(examine: Examine, home: Path) -> None:
    home.rmdir()
    home.touch()
    assert {found["check"] for found in examine() if found["level"] == "problem"} >= {"home", "store"}


def test_a_home_and_a_key_that_others_can_read_are_found(examine: Examine, home: Path) -> None:
    assert CliRunner().invoke(app, ["token"]).exit_code == Exit.DONE
    home.chmod(0o755)
    (home / "secret.key").chmod(0o644)
    findings = examine()
    assert {found["check"]: found["level"] for found in findings} == {
        "home": "warning",
        "secret key": "problem",
    }
    assert (home / "secret.key").read_text().strip() not in json.dumps(findings)


def test_a_file_of_keys_without_a_key_is_found(examine: Examine, home: Path) -> None:
    (home / "secret.key").touch(mode=0o600)
    assert "no key" in the_problem(examine(), "secret key")


def test_a_database_that_is_none_is_found(examine: Examine, home: Path) -> None:
    (home / "headgate.db").write_bytes(b"no database at all" * 100)
    assert "file is not a database" in the_problem(examine(), "database")


@pytest.mark.parametrize(("revision", "word"), [("0001", "older"), ("ffff", "newer")])
def test_tables_of_another_version_are_found(examine: Examine, home: Path, revision: str, word: str) -> None:
    path = home / "headgate.db"
    upgrade(f"sqlite:///{path}")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", [revision])
    [found] = examine()
    assert (found["check"], found["level"]) == ("database", "warning")
    assert word in found["message"]


def test_postgresql_is_asked_how_it_is(examine: Examine, postgresql_tables: str) -> None:
    assert examine(database_url=postgresql_tables) == []


def test_a_database_that_cannot_be_reached_is_found_and_its_password_is_not_told(examine: Examine) -> None:
    findings = examine(database_url="postgresql://ann:pa55word@127.0.0.1:1/headgate")
    the_problem(findings, "database")
    assert "pa55word" not in json.dumps(findings)


def test_redis_that_drops_keys_is_found_and_that_nobody_works(
    examine: Examine, home: Path, redis_server: RedisServer
) -> None:
    upgrade(f"sqlite:///{home / 'headgate.db'}")
    redis_server.run("CONFIG", "SET", "maxmemory", "100mb")
    redis_server.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        findings = examine(redis_url=redis_server.url)
    finally:
        redis_server.run("CONFIG", "SET", "maxmemory", "0")
        redis_server.run("CONFIG", "SET", "maxmemory-policy", "noeviction")
    assert "no worker runs" in the_problem(findings, "workers")
    assert [found["check"] for found in findings if "allkeys-lru" in found["message"]] == ["redis"]


def test_redis_that_cannot_be_reached_is_found(examine: Examine) -> None:
    assert "can't be reached" in the_problem(examine(redis_url="redis://:pa55word@127.0.0.1:1"), "redis")


def test_a_bucket_is_tried(examine: Examine, own_bucket: Store) -> None:
    assert examine(**own_bucket.settings()) == []
    absent = {**own_bucket.settings(), "store_url": "s3://absent-bucket/main"}
    assert "absent-bucket" in the_problem(examine(**absent), "store")


def test_a_port_that_somebody_else_listens_on_is_found(examine: Examine) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as other:
        Thread(target=other.serve_forever, daemon=True).start()
        assert "Nobody can listen" in the_problem(examine(port=str(other.server_port)), "port")
        other.shutdown()


def test_a_port_that_a_headgate_serves_is_fine(examine: Examine, shared_headgate: Headgate) -> None:
    assert examine(port=shared_headgate.url.rpartition(":")[2]) == []


def test_a_server_that_runs_is_asked_how_it_is(examine: Examine, shared_headgate: Headgate) -> None:
    assert examine("--url", shared_headgate.url, token=shared_headgate.token("VIEWER")) == []
    assert the_problem(examine("--url", shared_headgate.url, token="not-a-token"), "token")
    assert the_problem(examine("--url", f"{shared_headgate.url}/nowhere"), "server")


def test_clocks_that_differ_are_found() -> None:
    assert clock("it", 1.5).level is Level.OK
    assert clock("it", -90).message.startswith("The clock of it is 90 seconds behind")


def test_the_filesystem_of_a_folder_is_that_of_the_nearest_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("/dev/a / ext4 rw 0 0\nserver:/b /data nfs4 rw 0 0\n")
    assert filesystem_of(Path("/data/headgate"), mounts) == "nfs4"
    assert filesystem_of(Path("/database"), mounts) == "ext4"


def test_the_memory_of_a_container_is_its_limit(tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text("1048576\n")
    assert usable_bytes(limit) == 1 << 20
    limit.write_text("max\n")
    assert usable_bytes(limit) > 1 << 20
