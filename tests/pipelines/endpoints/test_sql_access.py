"""Databases are reached at allowed addresses alone, and nothing that is said of them tells a secret."""

import socket
import sqlite3
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from headgate.errors import JobFault
from headgate.pipelines import outgoing
from headgate.pipelines.endpoints.outside import Endpoint, Outside
from headgate.pipelines.endpoints.sql_access import database_at, patience_of, probe_sql
from headgate.pipelines.orders import Stopped
from headgate.storage.outside_sql.databases import PostgresqlDatabase
from headgate.storage.outside_sql.dialled import Server, Tls
from headgate.storage.outside_sql.patience import Patience
from tests.pipelines.databases import HERE, OutsideDatabase, unwatched
from tests.pipelines.websites import CERTIFICATE, NAME

PASSWORD = "s3cr3t-pässword"
ALLOWED = Outside(networks=[HERE])


def endpoint(url: str, **secrets: str) -> Endpoint:
    return Endpoint("warehouse", "SQL", {"url": url}, secrets)


def fault_of(url: str, outside: Outside = ALLOWED, **secrets: str) -> JobFault:
    with pytest.raises(JobFault) as caught:
        probe_sql(endpoint(url, **secrets), outside, unwatched)
    return caught.value


def test_a_database_says_what_it_is(outside_sql: OutsideDatabase) -> None:
    outside_sql.write({"id": [1]})
    said = probe_sql(endpoint(outside_sql.url), ALLOWED, unwatched)
    assert said.startswith("It is SQLite 3." if outside_sql.is_sqlite else "It is PostgreSQL ")


def test_an_address_that_is_not_public_has_to_be_allowed(postgresql_database: OutsideDatabase) -> None:
    assert fault_of(postgresql_database.url, Outside()).code == "URL_NOT_ALLOWED"
    assert (
        fault_of(postgresql_database.url, Outside(networks=[ip_network("10.0.0.0/8")])).code
        == "URL_NOT_ALLOWED"
    )


def test_every_address_of_a_host_has_to_be_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = [ip_address("127.0.0.1"), ip_address("10.0.0.1")]
    monkeypatch.setattr(outgoing, "resolve", lambda host, port: addresses)
    assert fault_of("postgresql://u@db.example.com/d").code == "URL_NOT_ALLOWED"


def test_the_address_that_was_checked_is_dialled(
    postgresql_database: OutsideDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that has another address when it is asked for a second time gains nothing by it."""
    answers = [[ip_address("127.0.0.1")]]
    monkeypatch.setattr(outgoing, "resolve", lambda host, port: answers.pop())
    port = urlsplit(postgresql_database.url).port
    assert probe_sql(endpoint(f"postgresql://postgres@db.invalid:{port}/postgres"), ALLOWED, unwatched)
    assert not answers


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u@%2Ftmp/d",
        "postgresql://u@a,b/d",
        "postgresql://u@127.0.0.1/d?host=/tmp",
        "postgresql://u@127.0.0.1/d?sslmode=maybe",
        "postgresql://127.0.0.1/d",
        "postgresql://u@127.0.0.1/d?options=-c%20x",
        "postgresql://u@[fe80::1%25eth0]/d",
    ],
)
def test_sockets_and_settings_of_other_clients_are_refused(url: str) -> None:
    assert fault_of(url).code == "INVALID_ENDPOINT"


def test_a_host_without_an_address_is_told() -> None:
    assert fault_of("postgresql://u@nothing.invalid/d").code == "URL_UNREACHABLE"


def test_a_server_that_is_not_there_is_told_without_a_secret() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    fault = fault_of(f"postgresql://u@127.0.0.1:{port}/d", password=PASSWORD)
    assert (fault.code, fault.retryable) == ("URL_UNREACHABLE", True)
    assert PASSWORD not in str(fault)


def test_who_is_not_let_in_is_told_without_a_secret(postgresql_database: OutsideDatabase) -> None:
    parts = urlsplit(postgresql_database.url)
    denied = fault_of(
        parts._replace(netloc=f"nobody@{parts.hostname}:{parts.port}").geturl(), password=PASSWORD
    )
    missing = fault_of(parts._replace(path="/nothing").geturl(), password=PASSWORD)
    assert (denied.code, denied.category) == (missing.code, missing.category) == ("DATABASE_DENIED", "CONFIG")
    assert PASSWORD not in f"{denied} {missing}"


def test_what_the_environment_says_is_not_used(
    postgresql_database: OutsideDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PGHOST": "/tmp",
        "PGSSLMODE": "verify-full",
        "PGDATABASE": "x",
        "PGUSER": "x",
    }.items():
        monkeypatch.setenv(name, value)
    assert probe_sql(endpoint(postgresql_database.url), ALLOWED, unwatched)


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_silent_server_is_waited_for_no_longer_than_the_job_may(silent: int) -> None:
    outside = Outside(networks=[HERE], timeout_s=0.3)
    assert fault_of(f"postgresql://u@127.0.0.1:{silent}/d", outside).code == "DATABASE_TIMED_OUT"


def test_a_stop_order_ends_the_wait_for_a_silent_server(silent: int) -> None:
    def stop(stage: str, **figures: Any) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        probe_sql(endpoint(f"postgresql://u@127.0.0.1:{silent}/d"), ALLOWED, stop)


def test_what_is_not_postgresql_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        talk = threading.Thread(target=_answer, args=(server, b"HTTP/1.1 400 Bad Request\r\n\r\n"))
        talk.start()
        port = server.getsockname()[1]
        assert fault_of(f"postgresql://u@127.0.0.1:{port}/d?sslmode=disable").code == "URL_UNREACHABLE"
        talk.join()


def _answer(server: socket.socket, said: bytes) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(said)


@pytest.fixture
def asked_for() -> Iterator[tuple[int, list[str | None]]]:
    """The port of a server that takes encrypted connections, and the names that it is asked for."""
    names: list[str | None] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with socket.create_server(("127.0.0.1", 0)) as server:
        talk = threading.Thread(target=_encrypted, args=(server, context))
        talk.start()
        yield server.getsockname()[1], names
        talk.join()


def _encrypted(server: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(8)
        connection.sendall(b"S")
        try:
            context.wrap_socket(connection, server_side=True).close()
        except OSError:
            return


@pytest.mark.parametrize("tls", [Tls.REQUIRE, Tls.VERIFY_FULL])
def test_a_certificate_is_asked_for_by_the_name_of_the_host(
    asked_for: tuple[int, list[str | None]], tls: Tls
) -> None:
    port, names = asked_for
    server = Server("127.0.0.1", NAME, port, "u", "d", tls=tls)
    with pytest.raises(JobFault) as caught:
        PostgresqlDatabase(server).ping(Patience(10, lambda: None))
    assert names == [NAME]
    trusted = "trusted" not in caught.value.message
    assert trusted is (tls is Tls.REQUIRE)


def test_a_server_and_its_fields_do_not_show_a_password() -> None:
    database = database_at(endpoint("postgresql://u@127.0.0.1/d", password=PASSWORD), ALLOWED)
    assert isinstance(database, PostgresqlDatabase)
    assert database.server.password == PASSWORD
    assert PASSWORD not in repr(database)


def test_a_file_that_is_no_database_is_told_without_its_place(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database at all" * 100)
    fault = fault_of(f"sqlite:///{tmp_path / 'x.db'}")
    assert fault.code == "QUERY_FAILED"
    assert str(tmp_path) not in fault.message


def test_patience_asks_before_it_counts() -> None:
    heard: list[str] = []
    patience = patience_of(Outside(timeout_s=0), lambda stage, **figures: heard.append(stage), "probing")
    with pytest.raises(JobFault):
        patience.left_s()
    assert heard == ["probing"]


def test_no_link_leads_to_the_database_of_headgate_itself(tmp_path: Path) -> None:
    own = tmp_path / "headgate.db"
    with closing(sqlite3.connect(own)) as connection:
        connection.execute("CREATE TABLE users (id TEXT)")
    (tmp_path / "linked.db").symlink_to(own)
    (tmp_path / "second.db").hardlink_to(own)
    outside = Outside(own_files=[own])
    for path in (own, tmp_path / "linked.db", tmp_path / "second.db", tmp_path / "x" / ".." / "headgate.db"):
        (tmp_path / "x").mkdir(exist_ok=True)
        assert fault_of(f"sqlite:///{path}", outside).code == "URL_NOT_ALLOWED"
