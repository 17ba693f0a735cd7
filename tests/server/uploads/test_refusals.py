"""What is no upload, or somebody else's, is refused by the protocol's own words and changes nothing."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select
from starlette.applications import Starlette

from headgate.domain.services import Services
from headgate.server.links import SignedLinks
from headgate.storage.tables import File, Role, User, utc_now
from tests.domain.people import add_user
from tests.server.conftest import KEYS
from tests.server.uploads.support import CONTENT, MAX_BYTES, MakeClient, sqlite_only, stored
from tests.server.uploads.tus_client import BYTES, TusClient


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
