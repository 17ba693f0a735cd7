"""Uploads over a folder and over a bucket, and clients that speak tus to them."""

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest
from moto.s3 import models
from starlette.applications import Starlette
from starlette.middleware import Middleware

from headgate.domain import users
from headgate.domain.doorkeeper import Doorkeeper
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.domain.tolls import Tolls
from headgate.server.auth import authenticator, issue_token
from headgate.server.envelope import Envelope
from headgate.server.links import SignedLinks
from headgate.server.uploads import upload_routes
from headgate.storage.bucket_pieces import BucketPieces
from headgate.storage.database import Database
from headgate.storage.objects import LocalStore
from headgate.storage.tables import Role, User, utc_now
from tests.buckets import Store
from tests.server.conftest import KEYS
from tests.server.uploads.support import MAX_BYTES, Inspector, MakeClient
from tests.server.uploads.tus_client import TusClient
from tests.services import make_services
from tests.stores import bucket_store


@pytest.fixture
def inspector() -> Inspector:
    return Inspector()


@pytest.fixture
def kind() -> str:
    """Where files are kept, unless a test says otherwise."""
    return "folder"


@pytest.fixture
def part_bytes() -> int:
    """So small that a file of some lines has several parts."""
    return 16


@pytest.fixture
async def services(
    request: pytest.FixtureRequest,
    database: Database,
    inspector: Inspector,
    tmp_path: Path,
    kind: str,
    part_bytes: int,
) -> AsyncIterator[Services]:
    if kind == "folder":
        yield make_services(database, tmp_path / "store", inspector, max_upload_bytes=MAX_BYTES)
        return
    request.getfixturevalue("monkeypatch").setattr(models, "S3_UPLOAD_PART_MIN_SIZE", 1)
    async with bucket_store(request.getfixturevalue("own_bucket"), tmp_path) as store:
        pieces = BucketPieces(store, part_bytes=part_bytes)
        yield make_services(database, store, inspector, max_upload_bytes=MAX_BYTES, pieces=pieces)


@pytest.fixture
def left(request: pytest.FixtureRequest, services: Services) -> Callable[[], list[str]]:
    """Tells the keys of all that is in the store, looked at past it."""
    if isinstance(services.store, LocalStore):
        root = services.store.path("files").parent
        return lambda: [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
    bucket: Store = request.getfixturevalue("own_bucket")
    return lambda: [key.removeprefix("main/") for key in (*bucket.keys(), *bucket.unfinished())]


@pytest.fixture
async def user(services: Services) -> User:
    return await users.ensure_administrator(services.database)


@pytest.fixture
def app(services: Services) -> Starlette:
    doorkeeper = Doorkeeper(services.database, keep_s=0)
    routes = upload_routes(
        services,
        SignedLinks(KEYS),
        doorkeeper,
        Tolls(services.rates, known_limit=0, anonymous_limit=100),
        authenticator(KEYS, doorkeeper),
        read_s=2,
    )
    return Starlette(routes=routes, middleware=[Middleware(Envelope)])


@pytest.fixture
def make_client(app: Starlette) -> MakeClient:
    """Make a client of a user."""

    def make(user: User, role: Role = Role.OPERATOR) -> TusClient:
        token, _ = issue_token(KEYS, user.id, role, 1)
        return TusClient(app, authorization=f"Bearer {token}")

    return make


@pytest.fixture
def client(make_client: MakeClient, user: User) -> TusClient:
    return make_client(user)


@pytest.fixture
def principal(user: User) -> Principal:
    return Principal(user.id, Role.OPERATOR, utc_now() + timedelta(hours=1))
