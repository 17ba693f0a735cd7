"""Files come in pieces by tus 1.0, whatever happens to the connection on the way."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.s3 import models
from sqlalchemy import update
from sqlmodel import col, select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from structlog.testing import capture_logs

from headgate.domain import files, users
from headgate.domain.doorkeeper import Doorkeeper
from headgate.domain.leftovers import remove_leftovers
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.domain.tolls import Tolls
from headgate.domain.upload_completion import complete_arrived
from headgate.domain.upload_endings import sweep_expired
from headgate.domain.upload_intake import BATCH_BYTES, CHECKPOINT_BYTES
from headgate.errors import JobFault
from headgate.server.auth import authenticator, issue_token
from headgate.server.envelope import Envelope
from headgate.server.links import SignedLinks
from headgate.server.uploads import upload_routes
from headgate.storage.bucket_pieces import BucketPieces
from headgate.storage.database import Database
from headgate.storage.ids import new_id
from headgate.storage.objects import LocalStore
from headgate.storage.pieces import Assembly
from headgate.storage.tables import AuditEntry, File, FileStatus, Role, Upload, User, utc_now
from tests.buckets import Store
from tests.domain.people import add_user
from tests.server.conftest import KEYS
from tests.server.tus_client import BYTES, Answer, TusClient
from tests.services import make_services
from tests.stores import bucket_store

CONTENT = b"a,b\n1,2\n" * 9
MAX_BYTES = 64 << 20
FOUND: dict[str, Any] = {
    "format": "CSV",
    "dialect": {"encoding": "utf-8", "delimiter": ","},
    "columns": [{"name": "a", "type": "INTEGER", "nativeType": "Int64", "nullable": True}],
    "records": [],
    "has_more": False,
}

MakeClient = Callable[..., TusClient]


class Inspector:
    """Finds the same in every file, or refuses it."""

    fault: Exception | None = None

    async def run(self, task: Any, report: Any = None, **_: Any) -> dict[str, Any]:
        if self.fault is not None:
            raise self.fault
        return FOUND


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


sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
both_stores = pytest.mark.parametrize(
    ("database_url", "kind"),
    [("sqlite", "folder"), ("postgresql", "folder"), ("sqlite", "bucket")],
    indirect=["database_url"],
)


def id_of(answer: Answer) -> str:
    return answer.headers["location"].rpartition("/")[2]


async def stored(services: Services, answer: Answer) -> bytes:
    """What a complete file holds."""
    file = await files.get(services, id_of(answer))
    assert file is not None
    assert file.status is FileStatus.READY, file.failure
    content = await services.store.read(file.storage_key or "", 0, MAX_BYTES)
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert file.byte_size == len(content)
    return content


async def row_of(services: Services, answer: Answer) -> Upload | None:
    async with services.database.read() as session:
        return await session.get(Upload, id_of(answer))


@both_stores
async def test_a_file_comes_in_pieces_and_is_ready_with_its_last_byte(
    services: Services, client: TusClient, user: User
) -> None:
    begun = await client.create(len(CONTENT), upload_metadata="filename cGVvcGxlLmNzdg==,odd")
    url = begun.headers["location"]
    assert (begun.status, begun.offset, begun.headers["tus-resumable"]) == (201, 0, "1.0.0")
    assert begun.headers["upload-expires"].endswith("GMT")
    first = await client.patch(url, 0, CONTENT[:10], CONTENT[10:20])
    assert (first.status, first.offset) == (204, 20)
    assert first.headers["upload-expires"].endswith("GMT")

    head = await client.ask("HEAD", url)
    assert (head.status, head.offset, head.headers["upload-length"]) == (200, 20, str(len(CONTENT)))
    assert head.headers["upload-metadata"] == "filename cGVvcGxlLmNzdg==,odd"
    assert head.headers["cache-control"] == "no-store"
    last = await client.patch(url, 20, CONTENT[20:])

    assert (last.status, last.offset) == (204, len(CONTENT))
    assert await stored(services, begun) == CONTENT
    file = await files.get(services, id_of(begun))
    assert file is not None
    assert (file.name, file.format, file.created_by_id) == ("people.csv", "CSV", user.id)
    assert await row_of(services, begun) is None
    again = await client.ask("HEAD", url)
    assert (again.status, again.offset) == (200, len(CONTENT))
    async with services.database.read() as session:
        actions = (await session.scalars(select(AuditEntry.action))).all()
    assert {"startUpload", "completeUpload"} <= set(actions)


@dataclass(frozen=True)
class Step:
    """One PATCH: how much of the rest, in thirds; how far from the right place; and what goes wrong."""

    thirds: int
    shift: int
    is_lost: bool
    is_wrong: bool


STEPS = st.builds(
    Step,
    st.integers(1, 3),
    st.sampled_from([0, 0, 0, -3, 2]),
    st.booleans(),
    st.sampled_from([False, False, True]),
)
WRONG = "sha1 " + base64.b64encode(hashlib.sha1(b"?", usedforsecurity=False).digest()).decode()


@sqlite_only
@pytest.mark.parametrize("kind", ["folder", "bucket"])
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(content=st.binary(min_size=1, max_size=99), steps=st.lists(STEPS, max_size=5), is_known=st.booleans())
async def test_however_a_file_is_split_and_broken_off_it_has_the_same_bytes(
    services: Services, client: TusClient, content: bytes, steps: list[Step], is_known: bool
) -> None:
    begun = await client.create(len(content) if is_known else None)
    url, at = begun.headers["location"], 0
    for step in [*steps, Step(3, 0, is_lost=False, is_wrong=False)]:
        where = max(at + step.shift, 0)
        size = (len(content) - at) * step.thirds // 3
        chunks = [content[where : where + size // 2], content[where + size // 2 : where + size]]
        options: dict[str, Any] = {"upload_length": str(len(content))}
        if step.is_wrong:
            options["upload_checksum"] = WRONG
        answer = await client.patch(url, where, *chunks, lost=step.is_lost, **options)
        if where != at:
            assert answer.status == 409
        elif step.is_wrong and at < len(content):
            assert answer.status == (0 if step.is_lost else 460)
        else:
            at += size
        assert (await client.ask("HEAD", url)).offset == at
    assert at == len(content)
    # A client may have been lost with the last byte.
    await complete_arrived(services)
    assert await stored(services, begun) == content


@both_stores
@pytest.mark.parametrize("part_bytes", [5 << 20], ids=str)
async def test_a_large_body_counts_on_the_way_and_a_lost_client_goes_on_behind_it(
    services: Services, client: TusClient
) -> None:
    block = bytes(range(256)) * (BATCH_BYTES // 256)
    begun = await client.create(CHECKPOINT_BYTES + 3 * BATCH_BYTES)
    url, paused = begun.headers["location"], asyncio.Event()
    blocks = [block] * (CHECKPOINT_BYTES // BATCH_BYTES + 2)
    sending = asyncio.create_task(client.patch(url, 0, *blocks, paused, lost=True))
    async with asyncio.timeout(20):
        while (row := await row_of(services, begun)) is None or row.received < 3 * (5 << 20):  # noqa: ASYNC110, nobody tells
            await asyncio.sleep(0.01)
    paused.set()
    await sending

    at = (await client.ask("HEAD", url)).offset
    assert at == len(blocks) * BATCH_BYTES
    assert (await client.patch(url, at, block)).status == 204
    assert await stored(services, begun) == block * (len(blocks) + 1)


@both_stores
async def test_a_client_that_comes_back_takes_over_from_its_earlier_request(
    services: Services, client: TusClient
) -> None:
    begun = await client.create(len(CONTENT))
    url, never = begun.headers["location"], asyncio.Event()
    stuck = asyncio.create_task(client.patch(url, 0, CONTENT[:7], never))
    async with asyncio.timeout(20):
        while (row := await row_of(services, begun)) is None or row.locked_until is None:  # noqa: ASYNC110, nobody tells
            await asyncio.sleep(0.01)

    at = (await client.ask("HEAD", url)).offset
    assert (await stuck).code == "UPLOAD_LOCKED"
    assert (await client.patch(url, at, CONTENT[at:])).status == 204
    assert await stored(services, begun) == CONTENT


@sqlite_only
async def test_whoever_does_not_let_go_keeps_others_out_until_its_lock_runs_out(
    services: Services, client: TusClient
) -> None:
    begun = await client.create(len(CONTENT))
    locked = update(Upload).values(locked_until=utc_now() + timedelta(seconds=1), lock_token=7)
    async with services.database.transaction() as session:
        await session.execute(locked)
    answer = await client.patch(begun.headers["location"], 0, CONTENT)
    assert answer.status == 204
    assert await stored(services, begun) == CONTENT


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
@sqlite_only
async def test_bytes_count_only_with_the_checksum_that_is_said(
    services: Services, client: TusClient, algorithm: str
) -> None:
    begun = await client.create(len(CONTENT))
    url = begun.headers["location"]
    said = f"{algorithm} {base64.b64encode(hashlib.new(algorithm, CONTENT).digest()).decode()}"
    wrong = await client.patch(url, 0, b"x" * len(CONTENT), upload_checksum=said)
    assert (wrong.status, wrong.code) == (460, "CHECKSUM_MISMATCH")
    assert (await client.ask("HEAD", url)).offset == 0
    assert (await client.patch(url, 0, CONTENT, upload_checksum=said)).status == 204
    assert await stored(services, begun) == CONTENT


@sqlite_only
async def test_a_file_can_come_with_the_request_that_begins_it(services: Services, client: TusClient) -> None:
    answer = await client.ask(
        "POST", "/uploads", [CONTENT[:5], CONTENT[5:]], **BYTES, upload_length="72", content_length="72"
    )
    assert (answer.status, answer.offset) == (201, len(CONTENT))
    assert await stored(services, answer) == CONTENT


@both_stores
async def test_an_empty_file_is_complete_by_being_begun(services: Services, client: TusClient) -> None:
    assert await stored(services, await client.create(0)) == b""


@both_stores
async def test_a_file_whose_sha256_differs_fails(services: Services, client: TusClient) -> None:
    said = base64.b64encode(b"0" * 64).decode()
    begun = await client.create(len(CONTENT), upload_metadata=f"sha256 {said}")
    last = await client.patch(begun.headers["location"], 0, CONTENT)
    assert (last.status, last.code) == (422, "CHECKSUM_MISMATCH")
    file = await files.get(services, id_of(begun))
    assert file is not None
    assert (file.status, file.storage_key) == (FileStatus.FAILED, None)
    assert not await services.store.exists(f"files/{file.id}")
    assert (await client.ask("HEAD", begun.headers["location"])).status == 410


@sqlite_only
async def test_a_file_that_the_engine_refuses_fails_with_the_reason(
    services: Services, client: TusClient, inspector: Inspector
) -> None:
    inspector.fault = JobFault("UNSUPPORTED_FORMAT", "What is this?", "DATA")
    begun = await client.create(len(CONTENT))
    last = await client.patch(begun.headers["location"], 0, CONTENT)
    assert (last.status, last.code) == (422, "UNSUPPORTED_FORMAT")
    file = await files.get(services, id_of(begun))
    assert file is not None
    assert file.failure == {"code": "UNSUPPORTED_FORMAT", "message": "What is this?"}


@both_stores
async def test_an_upload_of_a_server_that_died_with_its_last_byte_is_completed_once(
    services: Services, client: TusClient, inspector: Inspector, left: Callable[[], list[str]]
) -> None:
    begun = await client.create(len(CONTENT))
    inspector.fault = RuntimeError("The server is killed while it looks into the file.")
    with capture_logs():
        assert (await client.patch(begun.headers["location"], 0, CONTENT)).status == 500
    inspector.fault = None

    done = await asyncio.gather(*(complete_arrived(services) for _ in range(3)))

    assert sum(done) == 1
    assert await stored(services, begun) == CONTENT
    assert left() == [f"files/{id_of(begun)}"]


@both_stores
async def test_what_has_not_come_in_time_is_swept_away(
    services: Services, client: TusClient, left: Callable[[], list[str]]
) -> None:
    late, other = await client.create(len(CONTENT)), await client.create(len(CONTENT))
    await client.patch(late.headers["location"], 0, CONTENT[:4])
    assert await sweep_expired(services) == 0
    async with services.database.transaction() as session:
        past = update(Upload).where(col(Upload.file_id) == id_of(late))
        await session.execute(past.values(expires_at=utc_now() - timedelta(seconds=1)))
    refused = await client.patch(late.headers["location"], 4, CONTENT[4:])
    assert (refused.status, refused.code) == (410, "UPLOAD_EXPIRED")

    assert await sweep_expired(services) == 1

    assert (await client.ask("HEAD", late.headers["location"])).status == 410
    assert not any(id_of(late) in key for key in left())
    assert any(id_of(other) in key for key in left())
    file = await files.get(services, id_of(late))
    assert file is not None
    assert file.status is FileStatus.EXPIRED
    assert await row_of(services, other) is not None


@both_stores
async def test_an_upload_is_given_up_even_while_somebody_writes(
    services: Services, client: TusClient, left: Callable[[], list[str]]
) -> None:
    begun = await client.create(len(CONTENT))
    url = begun.headers["location"]
    stuck = asyncio.create_task(client.patch(url, 0, CONTENT[:7], asyncio.Event()))
    assert (await client.ask("DELETE", url)).status == 204
    assert (await stuck).status in (410, 423)
    assert (await client.patch(url, 0, CONTENT)).status == 410
    assert await row_of(services, begun) is None
    assert left() == []
    complete = await client.create(0)
    assert (await client.ask("DELETE", complete.headers["location"])).code == "UPLOAD_COMPLETE"


@both_stores
async def test_bytes_that_somebody_else_has_removed_are_told_of(
    services: Services, client: TusClient
) -> None:
    begun = await client.create(len(CONTENT))
    await client.patch(begun.headers["location"], 0, CONTENT[:4])
    row = await row_of(services, begun)
    assert row is not None
    await services.pieces.discard(Assembly.of(row))
    answer = await client.patch(begun.headers["location"], 4, CONTENT[4:])
    assert (answer.status, answer.code) == (410, "UPLOAD_LOST")


@sqlite_only
async def test_nobody_goes_on_with_the_upload_of_somebody_else(
    services: Services, client: TusClient, make_client: MakeClient, app: Starlette, user: User
) -> None:
    other = await add_user(services, Role.OPERATOR)
    begun = await client.create(len(CONTENT))
    url = begun.headers["location"]
    viewer, stranger = make_client(user, Role.VIEWER), TusClient(app)
    for method in ("HEAD", "PATCH", "DELETE"):
        options: dict[str, Any] = {**BYTES, "upload_offset": "0"}
        assert (await make_client(other).ask(method, url, **options)).status == 403
        assert (await viewer.ask(method, url, **options)).status == 403
        assert (await stranger.ask(method, url, **options)).status == 401
        assert (await client.ask(method, "/uploads/file_01h455vb4pex5vsknk084sn02q", **options)).status == 404
        assert (await client.ask(method, "/uploads/x", **options)).status == 404
    assert (await viewer.create(1)).status == 403
    assert (await stranger.create(1)).status == 401


@sqlite_only
async def test_a_link_is_good_for_one_upload_as_long_as_its_user_may_enter(
    services: Services, client: TusClient, app: Starlette, user: User
) -> None:
    begun, another = await client.create(len(CONTENT)), await client.create(len(CONTENT))
    links, stranger = SignedLinks(KEYS), TusClient(app)
    link = links.upload(user.id, begun.headers["location"], utc_now() + timedelta(hours=1))
    token = link.partition("?")[2]
    assert (await stranger.ask("HEAD", link)).status == 200
    assert (await stranger.ask("HEAD", f"{another.headers['location']}?{token}")).status == 401
    assert (await stranger.ask("POST", f"/uploads?{token}", upload_length="1")).status == 401
    download = links.make(user.id, begun.headers["location"], {})
    assert (await stranger.ask("HEAD", download)).status == 401
    assert (await stranger.patch(link, 0, CONTENT)).status == 204
    async with services.database.transaction() as session:
        (await session.get_one(User, user.id)).active = False
    assert (await stranger.ask("HEAD", link)).status == 401


@sqlite_only
async def test_strangers_who_try_often_are_told_to_wait(app: Starlette) -> None:
    stranger = TusClient(app)
    statuses = [(await stranger.ask("HEAD", "/uploads/x")).status for _ in range(102)]
    assert set(statuses) == {401, 429}


BAD_CREATIONS: dict[str, dict[str, Any]] = {
    "no length": {},
    "a length that is none": {"upload-length": "ten"},
    "a negative length": {"upload-length": "-1"},
    "a length beyond all": {"upload-length": "9" * 40},
    "a length with another script's digits": {"upload-length": "\u00b2"},
    "two lengths": {"upload-length": "1", "upload-defer-length": "1"},
    "a deferred length of 2": {"upload-defer-length": "2"},
    "metadata without Base64": {"upload-length": "1", "upload-metadata": "filename ???"},
    "metadata with a key twice": {"upload-length": "1", "upload-metadata": "a YQ==,a YQ=="},
    "metadata without a key": {"upload-length": "1", "upload-metadata": ",YQ=="},
    "much metadata": {"upload-length": "1", "upload-metadata": "a " + "YQ" * 5_000},
    "an unknown format": {"upload-length": "1", "upload-metadata": "format Ym1w"},
    "a SHA-256 that is none": {"upload-length": "1", "upload-metadata": "sha256 YQ=="},
    "an unknown checksum": {"upload-length": "1", "upload-checksum": "crc9 YQ=="},
}


@sqlite_only
@pytest.mark.parametrize("case", BAD_CREATIONS)
async def test_a_malformed_beginning_is_refused(services: Services, client: TusClient, case: str) -> None:
    answer = await client.ask("POST", "/uploads", **BAD_CREATIONS[case])
    assert answer.status == 400, answer
    assert answer.headers["tus-resumable"] == "1.0.0"
    async with services.database.read() as session:
        assert (await session.scalars(select(File.id))).all() == []


BAD_PATCHES: dict[str, tuple[int, dict[str, Any]]] = {
    "no offset": (400, {"upload-offset": ""}),
    "an offset that is none": (400, {"upload-offset": "1.0"}),
    "an offset ahead": (409, {"upload-offset": "5"}),
    "another type": (415, {"content-type": "text/csv"}),
    "another length": (400, {"upload-length": "9"}),
    "too many bytes": (413, {"content-length": "73"}),
    "an unknown algorithm": (400, {"upload-checksum": "crc32 AAAA"}),
    "a checksum that is too short": (400, {"upload-checksum": "sha1 AAAA"}),
    "a checksum without Base64": (400, {"upload-checksum": "sha1 %"}),
    "another version": (412, {"tus-resumable": "0.2.2"}),
}


@sqlite_only
@pytest.mark.parametrize("case", BAD_PATCHES)
async def test_malformed_bytes_are_refused_and_change_nothing(client: TusClient, case: str) -> None:
    status, headers = BAD_PATCHES[case]
    url = (await client.create(len(CONTENT))).headers["location"]
    answer = await client.ask("PATCH", url, [CONTENT], **{**BYTES, "upload-offset": "0", **headers})
    assert answer.status == status, answer
    assert (await client.ask("HEAD", url)).offset == 0


@sqlite_only
async def test_more_than_was_said_is_refused_and_what_was_said_can_still_come(
    services: Services, client: TusClient
) -> None:
    begun = await client.create(len(CONTENT))
    url = begun.headers["location"]
    answer = await client.patch(url, 0, CONTENT[:40], CONTENT[40:] + b"x")
    assert (answer.status, answer.code) == (413, "UPLOAD_TOO_LONG")
    at = (await client.ask("HEAD", url)).offset
    assert (await client.patch(url, at, CONTENT[at:])).status == 204
    assert await stored(services, begun) == CONTENT
    assert (await client.create(MAX_BYTES + 1)).status == 413


@sqlite_only
async def test_a_client_without_a_version_is_told_of_it_and_options_tell_the_rest(client: TusClient) -> None:
    refused = await client.ask("POST", "/uploads", without="tus-resumable", upload_length="1")
    assert (refused.status, refused.headers["tus-version"]) == (412, "1.0.0")
    told = await client.ask("OPTIONS", "/uploads", without="tus-resumable")
    assert (told.status, told.headers["tus-version"]) == (204, "1.0.0")
    assert told.headers["tus-max-size"] == str(MAX_BYTES)
    assert "concatenation" not in told.headers["tus-extension"]


@sqlite_only
async def test_the_method_may_be_named_in_a_header(services: Services, client: TusClient) -> None:
    begun = await client.create(len(CONTENT))
    url = begun.headers["location"]
    sent = await client.ask(
        "POST", url, [CONTENT], **BYTES, upload_offset="0", x_http_method_override="PATCH"
    )
    assert sent.status == 204
    assert await stored(services, begun) == CONTENT
    for method in ("GET", "PUT", "POST"):
        assert (await client.ask(method, url)).status == 405


@sqlite_only
async def test_a_client_that_falls_silent_is_refused_and_keeps_what_it_sent(
    services: Services, client: TusClient
) -> None:
    begun = await client.create(len(CONTENT))
    answer = await client.patch(begun.headers["location"], 0, CONTENT[:7], asyncio.Event())
    assert answer.status == 408
    assert (await client.ask("HEAD", begun.headers["location"])).offset == 7


@sqlite_only
async def test_leftovers_of_uploads_that_ended_go_and_no_others(
    services: Services, client: TusClient, principal: Principal
) -> None:
    begun = await client.create(len(CONTENT))
    await client.patch(begun.headers["location"], 0, CONTENT[:9])
    assert isinstance(services.store, LocalStore)
    old = services.store.path(f"uploads/{new_id('file')}")
    old.write_bytes(b"left")
    assert await remove_leftovers(services, min_age=timedelta(seconds=-60)) == 1
    assert not old.exists()
    assert (await client.patch(begun.headers["location"], 9, CONTENT[9:])).status == 204
    assert await stored(services, begun) == CONTENT


@pytest.fixture
def principal(user: User) -> Principal:
    return Principal(user.id, Role.OPERATOR, utc_now() + timedelta(hours=1))
