"""Every way out of this machine decides at the address that it dials, whatever that is called."""

import ast
import socket
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import headgate
from headgate.errors import JobFault
from headgate.pipelines.endpoints import retrying
from headgate.pipelines.endpoints.bucket import open_bucket
from headgate.pipelines.endpoints.client import open_client
from headgate.pipelines.endpoints.outside import Endpoint, Outside
from headgate.pipelines.endpoints.sql_access import probe_sql
from headgate.pipelines.fetching import fetch
from headgate.pipelines.sources.robots import Robots
from headgate.storage import buckets

Way = Callable[[str, int, Outside], object]
"""Calls a host at a port, and nothing of this machine but what lies outside of it says."""

HOST = "rebound.example"
LISTENING = "127.0.0.1"
OPEN = "127.0.0.2"
"""An address of this machine that the operator has allowed, unlike the one where somebody listens."""
CALLERS = {
    "headgate/pipelines/outgoing.py": "dials what it has checked",
    "headgate/pipelines/fetching.py": "dials by AllowedNetwork",
    "headgate/pipelines/endpoints/transport.py": "dials by AllowedNetwork",
    "headgate/pipelines/endpoints/bucket.py": "dials what it has checked",
    "headgate/storage/buckets.py": "dials as bucket_connections says",
    "headgate/storage/bucket_connections.py": "dials by what it is given",
    "headgate/storage/places.py": "has the type of connections only",
    "headgate/storage/outside_sql/dialled.py": "dials an address that was checked",
    "headgate/storage/database.py": "calls the operator's own database",
    "headgate/storage/bucket_client.py": "calls the operator's own bucket",
    "headgate/storage/bucketfolders.py": "calls the operator's own bucket",
    "headgate/server/jwks.py": "asks the issuer that the operator names",
    "headgate/server/serving.py": "calls itself",
    "headgate/cli/doctor/network.py": "asks the server that the command names",
    "headgate/client/transport.py": "asks the server that the program names",
}
"""The modules that open connections, and whom they call."""
OPENERS = {
    "httpx.Client",
    "httpx.AsyncClient",
    "httpx.get",
    "httpx.post",
    "httpx.put",
    "httpx.request",
    "httpx.stream",
    "httpcore.ConnectionPool",
    "httpcore.AsyncConnectionPool",
    "httpcore.SyncBackend",
    "socket.socket",
    "socket.create_connection",
    "socket.getaddrinfo",
    "asyncpg.connect",
    "asyncpg.create_pool",
    "asyncio.open_connection",
    "urllib.request",
    "urllib3",
    "requests",
    "aiohttp",
    "http.client",
    "ftplib",
    "smtplib",
    "botocore.session",
    "aioboto3",
    "boto3",
}


def unwatched(stage: str, **figures: Any) -> None:
    """Hears nothing."""


def by_url(host: str, port: int, outside: Outside, target: Path = Path("/nonexistent/fetched")) -> object:
    limits = {"networks": outside.networks, "max_bytes": 1000, "timeout_s": 5.0}
    return fetch(f"http://{host}:{port}/", target, watch=unwatched, **limits)  # type: ignore[arg-type]


def call(
    kind: str, settings: Mapping[str, Any], secrets: Mapping[str, str], path: str, outside: Outside
) -> object:
    with open_client(Endpoint("e", kind, settings, secrets), outside, unwatched) as client:
        return client.call("GET", path)


def by_http_endpoint(host: str, port: int, outside: Outside) -> object:
    return call("HTTP", {"url": f"http://{host}:{port}", "maxAttempts": 1}, {}, "/x", outside)


def by_link(host: str, port: int, outside: Outside) -> object:
    settings = {"url": "https://api.example.com", "maxAttempts": 1}
    return call("HTTP", settings, {}, f"http://{host}:{port}/next", outside)


def by_token_url(host: str, port: int, outside: Outside) -> object:
    settings = {"url": "https://api.example.com", "tokenUrl": f"http://{host}:{port}/token", "maxAttempts": 1}
    return call("HTTP", settings, {"clientId": "a", "clientSecret": "b"}, "/x", outside)


def by_robots(host: str, port: int, outside: Outside) -> object:
    settings = {"url": "https://api.example.com", "maxAttempts": 1}
    with open_client(Endpoint("e", "HTTP", settings), outside, unwatched) as client:
        Robots(client).check(f"http://{host}:{port}/page")
    return None


def by_druid(host: str, port: int, outside: Outside) -> object:
    return call("DRUID", {"url": f"http://{host}:{port}", "maxAttempts": 1}, {}, "/status", outside)


def by_sql(host: str, port: int, outside: Outside) -> object:
    endpoint = Endpoint("e", "SQL", {"url": f"postgresql://u@{host}:{port}/d"})
    return probe_sql(endpoint, outside, unwatched)


def by_bucket(host: str, port: int, outside: Outside) -> object:
    settings = {"bucket": "bucket", "endpointUrl": f"http://{host}:{port}"}
    with open_bucket(Endpoint("e", "S3", settings), outside) as bucket:
        return next(bucket.objects(), None)


WAYS = [by_url, by_http_endpoint, by_link, by_token_url, by_robots, by_druid, by_sql, by_bucket]


class Listener:
    """Accepts connections at LISTENING, answers nothing and counts them."""

    def __init__(self, listening: socket.socket) -> None:
        self.port: int = listening.getsockname()[1]
        self.came = 0
        self._listening = listening

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.came += 1
            connection.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = socket.create_server((LISTENING, 0))
    listener = Listener(listening)
    Thread(target=listener.serve, daemon=True).start()
    yield listener
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retrying, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(buckets, "TRIES", 1)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What HOST resolves to, the first time and each next time; the last answer stays."""
    known: list[list[str]] = []
    system = socket.getaddrinfo

    def resolve(host: Any, port: Any, *others: Any, **further: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name.rstrip(".").lower() != HOST:
            return system(host, port, *others, **further)
        addresses = known.pop(0) if len(known) > 1 else known[0]
        kinds = [(socket.AF_INET6 if ":" in each else socket.AF_INET, each) for each in addresses]
        return [(kind, socket.SOCK_STREAM, 6, "", (each, port)) for kind, each in kinds]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return known


SPELLINGS = """
127.0.0.1 127.1 2130706433 017700000001 0x7f000001 0x7f.0.0.1 0177.0.0.1 0 0.0.0.0 127.0.0.1. localhost localhost.
LOCALHOST 127。0。0。1 ①②⑦.⓪.⓪.① %31%32%37.0.0.1 127.0.0.1%00.example.com
[::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1] [::ffff:0:127.0.0.1] [64:ff9b::7f00:1] [64:ff9b:1::7f00:1]
[2002:7f00:1::] [2001:0:7f00:1::1] [::127.0.0.1] [fe80::1%25lo] [::1%25lo] [0:0:0:0:0:0:0:1] [fc00::1]
169.254.169.254 [fd00:ec2::254] 100.100.100.200 192.168.0.1 10.0.0.1 172.16.0.1 0.1.2.3 255.255.255.255 224.0.0.1
ada@127.0.0.1 example.com@127.0.0.1 127.0.0.1#@example.com example.com\\@127.0.0.1 127.0.0.1:80@127.0.0.1
"""
REFUSALS = {
    "URL_NOT_ALLOWED",
    "URL_UNREACHABLE",
    "INVALID_ENDPOINT",
    "BUCKET_UNREACHABLE",
}


@pytest.mark.parametrize("host", SPELLINGS.split())
@pytest.mark.parametrize("way", WAYS)
def test_no_spelling_leads_to_an_address_that_is_not_allowed(way: Way, host: str, listener: Listener) -> None:
    with pytest.raises(JobFault) as refused:
        way(host, listener.port, Outside(timeout_s=5.0))
    assert refused.value.code in REFUSALS
    assert listener.came == 0


@pytest.mark.parametrize(
    "addresses",
    [
        [LISTENING],
        [OPEN, LISTENING],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["2002:7f00:1::"],
        ["::1%lo"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("way", WAYS)
def test_no_name_does_either_by_any_of_its_addresses(
    way: Way, addresses: list[str], answers: list[list[str]], listener: Listener
) -> None:
    answers.append(addresses)
    with pytest.raises(JobFault) as refused:
        way(HOST, listener.port, Outside(networks=[ip_network(f"{OPEN}/32")], timeout_s=5.0))
    assert refused.value.code == "URL_NOT_ALLOWED"
    assert listener.came == 0


@pytest.mark.parametrize("way", WAYS)
def test_a_name_that_changes_its_address_gains_nothing(
    way: Way, answers: list[list[str]], listener: Listener
) -> None:
    """It is resolved once for a connection, and dialled as it was checked: nobody listens there."""
    answers += [[OPEN], [LISTENING]]
    with pytest.raises(JobFault):
        way(HOST, listener.port, Outside(networks=[ip_network(f"{OPEN}/32")], timeout_s=5.0))
    assert listener.came == 0
    assert answers == [[LISTENING]]


@pytest.mark.parametrize("way", WAYS)
def test_an_allowed_network_is_opened_and_no_more(
    way: Way, answers: list[list[str]], listener: Listener
) -> None:
    answers.append([LISTENING])
    with pytest.raises(JobFault) as broken:
        way(HOST, listener.port, Outside(networks=[ip_network(f"{LISTENING}/32")], timeout_s=5.0))
    assert broken.value.code != "URL_NOT_ALLOWED"
    assert listener.came >= 1


@pytest.mark.parametrize("way", WAYS)
def test_nothing_of_the_environment_leads_elsewhere(
    way: Way, answers: list[list[str]], listener: Listener, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    proxy = f"http://{LISTENING}:{listener.port}"
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy)
    service = tmp_path / "service.conf"
    service.write_text(f"[here]\nhost={LISTENING}\nport={listener.port}\n")
    for name, value in {
        "PGHOST": LISTENING,
        "PGHOSTADDR": LISTENING,
        "PGPORT": str(listener.port),
        "PGSERVICE": "here",
        "PGSERVICEFILE": str(service),
        "AWS_ENDPOINT_URL": proxy,
        "AWS_ENDPOINT_URL_S3": proxy,
    }.items():
        monkeypatch.setenv(name, value)
    answers.append([OPEN])
    with pytest.raises(JobFault):
        way(HOST, listener.port, Outside(networks=[ip_network(f"{OPEN}/32")], timeout_s=5.0))
    assert listener.came == 0


def test_nobody_else_opens_connections() -> None:
    root = Path(headgate.__file__).parent
    found = {
        path.relative_to(root.parent).as_posix()
        for path in root.rglob("*.py")
        if OPENERS & set(_names(ast.parse(path.read_bytes())))
    }
    assert found == CALLERS.keys()


def _names(tree: ast.AST) -> Iterator[str]:
    """What a module imports, and the dotted names that it uses, cut down to two parts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute):
            yield ast.unparse(node)
