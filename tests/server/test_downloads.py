"""A signed link lets whoever has it download one thing, for a short while."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import polars as pl
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from structlog.testing import capture_logs

from headgate.domain import error_downloads, ingest, users
from headgate.domain.doorkeeper import Doorkeeper
from headgate.domain.error_downloads import ErrorDownload, ErrorsContent
from headgate.domain.ingest import IngestRequest
from headgate.domain.keyring import KeyRing
from headgate.domain.ledgers import ErrorFilter, ledger_key
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.domain.tolls import Tolls
from headgate.errors import Unauthenticated, UserFault
from headgate.server.admission import Admission
from headgate.server.auth import issue_token, verify_token
from headgate.server.downloads import errors_route
from headgate.server.envelope import Envelope
from headgate.server.links import DOWNLOAD, MAX_CHARACTERS, VALID_FOR, SignedLinks
from headgate.storage.database import Database
from headgate.storage.formats import FileFormat
from headgate.storage.ledger import SCHEMA
from headgate.storage.tables import Job, Role, User, utc_now
from tests.server.conftest import KEYS
from tests.services import make_services, path_of

PATH = "/downloads/errors/job_1.csv"


class NoEngine:
    async def run(self, task: Any, report: Any = None, **_: Any) -> dict[str, Any]:
        raise AssertionError(task)


@pytest.fixture
def links() -> SignedLinks:
    return SignedLinks(KEYS)


@pytest.fixture
def services(database: Database, tmp_path: Path) -> Services:
    return make_services(database, tmp_path / "store", NoEngine())


@pytest.fixture
async def user(services: Services) -> User:
    return await users.ensure_administrator(services.database)


@pytest.fixture
def app(services: Services, links: SignedLinks) -> Starlette:
    return Starlette(
        routes=[
            errors_route(
                services,
                Admission(
                    links,
                    Doorkeeper(services.database, keep_s=0),
                    Tolls(services.rates, known_limit=0, anonymous_limit=100),
                ),
            )
        ],
        middleware=[Middleware(Envelope)],
    )


@pytest.fixture
async def client(app: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://headgate") as client:
        yield client


@pytest.fixture
async def job(services: Services, user: User) -> Job:
    """A job with an error, and a warning of another row."""
    principal = Principal(user.id, Role.OPERATOR, utc_now() + timedelta(hours=1))
    request = IngestRequest(dataset="sales", text="a\n1\n", format=FileFormat.CSV)
    job = (await ingest.submit(services, principal, request)).job
    async with services.database.transaction() as session:
        (await session.get_one(Job, job.id)).has_errors = True
    fault = dict.fromkeys(SCHEMA) | {"column": "a", "code": "TYPE", "message": "Wrong."}
    lines = [
        fault | {"row": 1, "record": '{"a":"=1"}', "severity": "ERROR"},
        fault | {"row": 2, "record": '{"a":"x"}', "severity": "WARNING"},
    ]
    path = path_of(services, ledger_key(job.id))
    path.parent.mkdir(parents=True)
    pl.DataFrame(lines, schema=SCHEMA).write_parquet(path)
    return job


def link_to(
    links: SignedLinks, user: User, job: Job, content: ErrorsContent = ErrorsContent.ERRORS, **wanted: Any
) -> str:
    download = ErrorDownload.asked(job.id, content, ErrorFilter(**wanted))
    return links.make(user.id, download.path, download.to_json())


def lines(response: httpx.Response) -> list[list[str]]:
    assert response.status_code == 200, response.text
    return list(csv.reader(io.StringIO(response.text)))


async def test_a_link_leads_to_the_errors_as_a_file(
    client: httpx.AsyncClient, links: SignedLinks, user: User, job: Job
) -> None:
    response = await client.get(link_to(links, user, job))
    assert [line[0] for line in lines(response)] == ["row", "1", "2"]
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == f'attachment; filename="errors-{job.id}.csv"'
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_a_link_to_rows_leads_to_those_that_were_rejected(
    client: httpx.AsyncClient, links: SignedLinks, user: User, job: Job
) -> None:
    response = await client.get(link_to(links, user, job, ErrorsContent.ROWS))
    assert lines(response) == [["headgate_row", "a", "headgate_errors"], ["1", "'=1", "a: Wrong."]]


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        ({"severity": "WARNING"}, ["2"]),
        ({"row": 1}, ["1"]),
        ({"row": 0}, []),
        ({"code": ["TYPE"], "column": ["a"]}, ["1", "2"]),
        ({"code": ["RANGE"]}, []),
        ({"dataset": "sales"}, ["1", "2"]),
        ({"dataset": "other"}, []),
        ({"since": datetime(2020, 1, 1, tzinfo=UTC)}, ["1", "2"]),
        ({"since": datetime(2200, 1, 1, tzinfo=UTC)}, []),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_link_carries_its_filter(
    client: httpx.AsyncClient,
    links: SignedLinks,
    user: User,
    job: Job,
    wanted: dict[str, Any],
    rows: list[str],
) -> None:
    response = await client.get(link_to(links, user, job, **wanted))
    assert [line[0] for line in lines(response)[1:]] == rows


async def test_head_tells_what_there_is_and_sends_nothing(
    client: httpx.AsyncClient, links: SignedLinks, user: User, job: Job
) -> None:
    response = await client.head(link_to(links, user, job))
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == "text/csv; charset=utf-8"


async def refusal(client: httpx.AsyncClient, link: str) -> str:
    response = await client.get(link)
    assert response.status_code == 401, response.text
    [error] = response.json()["errors"]
    assert error["extensions"]["requestId"]
    code: str = error["extensions"]["code"]
    return code


async def test_a_link_without_a_valid_token_is_refused(
    client: httpx.AsyncClient, links: SignedLinks, user: User, job: Job
) -> None:
    link = link_to(links, user, job)
    path, _, query = link.partition("?")
    access, _ = issue_token(KEYS, user.id, Role.ADMIN, 1)
    of_another_key = SignedLinks(KeyRing(["another secret of at least thirty-two bytes"]))
    for wrong in (
        path,
        f"{path}?token=",
        f"{path}?token=x",
        link[:-2],
        f"{path}?token={access}",
        f"{PATH}?{query}",
        link_to(of_another_key, user, job),
    ):
        assert await refusal(client, wrong) == "UNAUTHENTICATED"


async def test_a_link_is_no_use_once_its_user_may_not_enter(
    client: httpx.AsyncClient, links: SignedLinks, services: Services, user: User, job: Job
) -> None:
    link = link_to(links, user, job)
    async with services.database.transaction() as session:
        (await session.get_one(User, user.id)).active = False
    assert await refusal(client, link) == "UNAUTHENTICATED"


def token_of(link: str) -> str:
    [token] = parse_qs(urlsplit(link).query)["token"]
    return token


def test_a_link_says_whose_it_is_and_what_it_leads_to(links: SignedLinks) -> None:
    link = links.make("user_1", PATH, {"content": "ROWS"})
    claims = links.read(token_of(link), PATH)
    assert link.startswith(f"{PATH}?token=")
    assert (claims.user_id, claims.said) == ("user_1", {"content": "ROWS"})
    assert VALID_FOR - timedelta(seconds=5) <= claims.expires_at - datetime.now(UTC) <= VALID_FOR


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": datetime.now(UTC) - timedelta(seconds=1)},
        {"exp": None},
        {"aud": "headgate"},
        {"aud": ["headgate-download", "headgate"]},
        {"iss": "another"},
        {"typ": "access"},
        {"typ": None},
        {"path": "/downloads/errors/job_2.csv"},
        {"sub": None},
    ],
)
def test_a_token_of_another_kind_or_time_opens_nothing(links: SignedLinks, changed: dict[str, Any]) -> None:
    token = token_of(links.make("user_1", PATH, {}))
    claims = jwt.decode(token, options={"verify_signature": False}) | changed
    said = {name: value for name, value in claims.items() if value is not None}
    key = KEYS.current
    changed_token = jwt.encode(said, key.derive(DOWNLOAD.purpose), "HS256", headers={"kid": key.id})
    with pytest.raises(Unauthenticated):
        links.read(changed_token, PATH)


def test_a_link_made_with_an_old_key_still_leads_there() -> None:
    new = "a new secret of at least thirty-two bytes"
    old = "a secret of at least thirty-two bytes"
    token = token_of(SignedLinks(KeyRing([old])).make("user_1", PATH, {}))
    assert SignedLinks(KeyRing([new, old])).read(token, PATH).user_id == "user_1"
    with pytest.raises(Unauthenticated):
        SignedLinks(KeyRing([new])).read(token, PATH)


def test_the_token_of_a_link_is_no_access_token(links: SignedLinks) -> None:
    with pytest.raises(Unauthenticated):
        verify_token(KEYS, token_of(links.make("user_1", PATH, {})))


def test_a_link_is_never_too_long_to_be_sent(links: SignedLinks) -> None:
    with pytest.raises(UserFault, match="INVALID_ARGUMENT"):
        links.make("user_1", PATH, {"filter": {"code": ["x" * MAX_CHARACTERS]}})


def test_warnings_reject_no_rows() -> None:
    with pytest.raises(UserFault, match="INVALID_ARGUMENT"):
        ErrorDownload.asked("job_1", ErrorsContent.ROWS, ErrorFilter(severity="WARNING"))


async def test_a_bug_in_a_download_is_masked_and_logged_under_the_id_of_the_answer(
    app: Starlette, links: SignedLinks, user: User, job: Job, monkeypatch: pytest.MonkeyPatch, serve: Any
) -> None:
    async def chunks(*_: object) -> AsyncIterator[bytes]:
        yield b"row"
        raise RuntimeError("the password is in /etc/secret")

    monkeypatch.setattr(error_downloads, "chunks", chunks)
    link = link_to(links, user, job)
    with capture_logs() as logs:
        async with (
            serve(app) as url,
            httpx.AsyncClient(base_url=url) as client,
            client.stream("GET", link) as answer,
        ):
            with pytest.raises(httpx.RemoteProtocolError):
                await answer.aread()

    assert [log["request_id"] for log in logs] == [answer.headers["x-request-id"]]
