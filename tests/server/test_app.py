"""The whole application, in this process."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from structlog.testing import capture_logs

from headgate.domain.lookout import Lookout
from headgate.server import assembly
from headgate.server.app import create_app
from headgate.server.preparation import issue_administrator_token
from headgate.settings import Settings
from tests.issuer import AUDIENCE, issuing


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not is_so():  # noqa: ASYNC110, a sweep tells nobody when it is done
            await asyncio.sleep(0)


async def test_a_start_removes_what_killed_servers_left(tmp_path: Path) -> None:
    app = create_app(Settings(home=tmp_path, workers=1))
    left = tmp_path / "store" / ".unfinished" / "left"
    left.parent.mkdir(parents=True)
    left.touch()
    os.utime(left, (0, 0))
    async with app.router.lifespan_context(app):
        await until(lambda: not left.exists())


async def test_trouble_with_what_was_left_does_not_stop_a_server(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "files").write_text("a file where the folder was")
    app = create_app(Settings(home=tmp_path, workers=1))
    with capture_logs() as logs:
        async with app.router.lifespan_context(app):
            await until(lambda: any(entry.get("chore") == "remove leftovers" for entry in logs))


async def test_a_server_looks_for_events_again_and_again_whatever_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    async def look(self: Lookout) -> None:
        nonlocal looks
        looks += 1
        raise ConnectionError("the database is gone")

    monkeypatch.setattr(Lookout, "look", look)
    monkeypatch.setattr(assembly, "LOOK_EVERY_S", 0)
    app = create_app(Settings(home=tmp_path, workers=1))
    with capture_logs() as logs:
        async with app.router.lifespan_context(app):
            await until(lambda: looks > 2)
    assert "look for events" in {entry.get("chore") for entry in logs}


async def test_users_of_an_outside_issuer_are_let_in_beside_our_own(tmp_path: Path) -> None:
    with issuing() as issuer:
        settings = Settings(home=tmp_path, workers=1, oidc_issuer=issuer.name, oidc_audience=AUDIENCE)
        app = create_app(settings)
        async with app.router.lifespan_context(app):
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://headgate") as client:

                async def ask(token: str) -> httpx.Response:
                    headers = {"authorization": f"Bearer {token}"}
                    query = {"query": "{ viewer { role user { email } } }"}
                    return await client.post("/graphql", json=query, headers=headers)

                outside = await ask(issuer.token(email="ann@example.org"))
                own = await ask(await issue_administrator_token(settings, "VIEWER"))
                wrong = await ask(issuer.token(aud="another"))
    expected = {"role": "OPERATOR", "user": {"email": "ann@example.org"}}
    assert outside.json()["data"] == {"viewer": expected}
    assert own.json()["data"]["viewer"]["role"] == "VIEWER"
    assert wrong.status_code == 401
