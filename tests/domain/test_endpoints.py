"""Endpoints are kept with their secrets sealed, and reach jobs with their secrets open."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from sqlalchemy import text

from headgate.domain import endpoints, probing
from headgate.domain.endpoints import EndpointRequest
from headgate.domain.keyring import KeyRing
from headgate.domain.permissions import Principal
from headgate.domain.ports import ProcessDied, TaskFault, TimedOut
from headgate.domain.services import Services
from headgate.domain.vault import Vault
from headgate.errors import JobFault, UserFault
from headgate.pipelines.endpoints.outside import Outside
from headgate.storage.ids import new_id
from headgate.storage.tables import EndpointKind, Pipeline, Role, utc_now
from tests.domain.conftest import ToldEngine
from tests.services import KEYS

SECRET = "s3cret"
API = {"url": "https://api.example.com/v1"}
ANOTHER_KEY = Vault(KeyRing(["another key, as long as it has to be"]))


def api(
    name: str = "ads", settings: dict[str, Any] | None = None, secrets: dict[str, Any] | None = None
) -> EndpointRequest:
    given = {"token": SECRET} if secrets is None else secrets
    return EndpointRequest(name, EndpointKind.HTTP, API if settings is None else settings, given)


@pytest.fixture
def admin(operator: Principal) -> Principal:
    return Principal(operator.user_id, Role.ADMIN, utc_now() + timedelta(hours=1))


@pytest.fixture
def add_pipeline(services: Services) -> Callable[..., Any]:
    async def add(spec: dict[str, Any]) -> None:
        async with services.database.transaction() as session:
            session.add(Pipeline(id=new_id("pipeline"), name="daily", spec=spec))

    return add


async def secrets_of(services: Services, name: str = "ads") -> dict[str, str]:
    said = await endpoints.outside_of(services, [name])
    return dict(Outside.from_json(said).endpoint(name).secrets)


async def fault_of(call: Any) -> UserFault:
    with pytest.raises(UserFault) as refused:
        await call
    assert SECRET not in str(refused.value.args)
    return refused.value


class TestCreating:
    async def test_an_endpoint_is_there_once_it_is_created(
        self, services: Services, admin: Principal
    ) -> None:
        made = await endpoints.create(services, admin, api())
        found = await endpoints.find(services, "ads")
        assert found is not None
        assert (found.id, found.kind, found.settings) == (made.id, EndpointKind.HTTP, API)
        assert (found.secret_keys, found.created_by_id) == (["token"], admin.user_id)
        assert await endpoints.get_many(services, [made.id, "endpoint_none"]) == {made.id: found}

    async def test_nothing_in_the_database_tells_the_secret(
        self, services: Services, admin: Principal
    ) -> None:
        await endpoints.create(services, admin, api())
        async with services.database.read() as session:
            (row,) = await session.execute(text("SELECT * FROM endpoints"))
        assert SECRET not in str(row)
        assert row.secrets.startswith(f"2.{KEYS.current.id}.")

    async def test_settings_are_kept_under_their_own_names(
        self, services: Services, admin: Principal
    ) -> None:
        request = api(settings={"base_url": API["url"]}, secrets={"access_token": SECRET})
        made = await endpoints.create(services, admin, request)
        assert (made.settings, made.secret_keys) == (API, ["token"])

    async def test_without_secrets_none_are_kept(self, services: Services, admin: Principal) -> None:
        made = await endpoints.create(services, admin, api(secrets={"token": None}))
        assert (made.secrets, made.secret_keys) == (None, [])

    async def test_a_name_is_taken_once(self, services: Services, admin: Principal) -> None:
        tries = (endpoints.create(services, admin, api()) for _ in range(4))
        outcomes = await asyncio.gather(*tries, return_exceptions=True)
        faults = [each for each in outcomes if isinstance(each, UserFault)]
        assert [(fault.code, fault.path) for fault in faults] == [("ALREADY_EXISTS", ("name",))] * 3

    @pytest.mark.parametrize("name", ["", "1a", "a b", "a/b", "ä", "a" * 129, "a\n", "a\0"])
    async def test_a_name_is_plain(self, services: Services, admin: Principal, name: str) -> None:
        fault = await fault_of(endpoints.create(services, admin, api(name)))
        assert (fault.code, fault.path) == ("INVALID_NAME", ("name",))

    @pytest.mark.parametrize(
        ("settings", "secrets", "path"),
        [
            ({}, {}, ("settings", "url")),
            ([], {}, ("settings",)),
            (API, ["token"], ("secrets",)),
            ({**API, "token": SECRET}, {}, ("settings", "token")),
            ({"url": f"https://me:{SECRET}@example.com"}, {}, ("settings", "url")),
            (API, {"pasword": SECRET}, ("secrets", "pasword")),
            ({**API, "a": "\ud800"}, {}, ("settings",)),
            (API, {"token": SECRET + "\ud800"}, ("secrets",)),
        ],
    )
    async def test_what_makes_no_sense_is_refused(
        self, services: Services, admin: Principal, settings: Any, secrets: Any, path: tuple[str, ...]
    ) -> None:
        request = EndpointRequest("ads", EndpointKind.HTTP, settings, secrets)
        fault = await fault_of(endpoints.create(services, admin, request))
        assert (fault.code, fault.path) == ("INVALID_ENDPOINT", path)
        assert await endpoints.total(services) == 0


class TestUpdating:
    async def test_secrets_that_are_left_out_stay(self, services: Services, admin: Principal) -> None:
        await endpoints.create(services, admin, api(secrets={"token": SECRET}))
        settings = {"url": "https://b.example.com", "auth": "BEARER"}
        updated = await endpoints.update(services, admin, "ads", api(settings=settings, secrets={}))
        assert (updated.settings, updated.secret_keys) == (settings, ["token"])
        assert await secrets_of(services) == {"token": SECRET}

    async def test_secrets_that_are_given_replace_others_and_null_removes(
        self, services: Services, admin: Principal
    ) -> None:
        await endpoints.create(services, admin, api(secrets={"username": "me", "password": SECRET}))
        await endpoints.update(services, admin, "ads", api(secrets={"password": "new"}))
        assert await secrets_of(services) == {"username": "me", "password": "new"}
        given = {"username": None, "password": None, "bearer_token": "t"}
        updated = await endpoints.update(services, admin, "ads", api(secrets=given))
        assert updated.secret_keys == ["token"]
        assert await secrets_of(services) == {"token": "t"}

    async def test_a_refused_update_changes_nothing(self, services: Services, admin: Principal) -> None:
        basic = {**API, "auth": "BASIC"}
        await endpoints.create(
            services, admin, api(settings=basic, secrets={"username": "me", "password": SECRET})
        )
        request = api(settings=basic, secrets={"password": None})
        fault = await fault_of(endpoints.update(services, admin, "ads", request))
        assert fault.code == "INVALID_ENDPOINT"
        assert await secrets_of(services) == {"username": "me", "password": SECRET}

    async def test_an_endpoint_can_be_renamed(self, services: Services, admin: Principal) -> None:
        made = await endpoints.create(services, admin, api())
        renamed = await endpoints.update(services, admin, "ads", api("meta", secrets={}))
        assert (renamed.id, renamed.name) == (made.id, "meta")
        assert await secrets_of(services, "meta") == {"token": SECRET}
        assert await endpoints.find(services, "ads") is None

    async def test_but_not_to_a_name_that_is_taken(self, services: Services, admin: Principal) -> None:
        await endpoints.create(services, admin, api())
        await endpoints.create(services, admin, api("meta"))
        fault = await fault_of(endpoints.update(services, admin, "ads", api("meta")))
        assert (fault.code, fault.path) == ("ALREADY_EXISTS", ("name",))

    async def test_its_kind_stays(self, services: Services, admin: Principal) -> None:
        await endpoints.create(services, admin, api())
        request = EndpointRequest("ads", EndpointKind.SIMULATED, {})
        assert (await fault_of(endpoints.update(services, admin, "ads", request))).path == ("kind",)

    @pytest.mark.parametrize("name", ["none", "a\0", "\ud800"])
    async def test_what_is_not_there_can_not_be_changed(
        self, services: Services, admin: Principal, name: str
    ) -> None:
        for call in (endpoints.update(services, admin, name, api()), endpoints.delete(services, admin, name)):
            fault = await fault_of(call)
            assert (fault.code, fault.path) == ("NOT_FOUND", ("name",))


class TestUse:
    """An endpoint that a pipeline names stays."""

    SPEC: ClassVar[dict[str, Any]] = {"source": {"http": {"endpoint": "ads", "path": "/all"}}}

    async def test_it_is_neither_deleted_nor_renamed(
        self, services: Services, admin: Principal, add_pipeline: Callable[..., Any]
    ) -> None:
        await endpoints.create(services, admin, api())
        await add_pipeline(self.SPEC)
        for call in (
            endpoints.delete(services, admin, "ads"),
            endpoints.update(services, admin, "ads", api("meta")),
        ):
            fault = await fault_of(call)
            assert (fault.code, fault.path) == ("IN_USE", ("name",))
            assert "daily" in fault.message
        await endpoints.update(services, admin, "ads", api(secrets={"token": "new"}))

    async def test_another_one_is_deleted(
        self, services: Services, admin: Principal, add_pipeline: Callable[..., Any]
    ) -> None:
        made = await endpoints.create(services, admin, api("meta"))
        await add_pipeline(self.SPEC)
        assert await endpoints.delete(services, admin, "meta") == made.id
        assert await endpoints.total(services) == 0


class TestReaching:
    async def test_a_task_gets_those_that_it_names(self, services: Services, admin: Principal) -> None:
        await endpoints.create(services, admin, api())
        await endpoints.create(services, admin, api("meta"))
        services = replace(services, allowed_networks=["10.0.0.0/8"])
        said = await endpoints.outside_of(services, ["ads", "none"], timeout_s=5)
        outside = Outside.from_json(said)
        assert list(outside.endpoints) == ["ads"]
        assert (outside.endpoint("ads").settings, outside.timeout_s) == (API, 5)
        assert [str(network) for network in outside.networks] == ["10.0.0.0/8"]
        assert SECRET not in repr(outside)

    async def test_with_another_key_secrets_can_not_be_read(
        self, services: Services, admin: Principal
    ) -> None:
        await endpoints.create(services, admin, api())
        other = replace(services, vault=ANOTHER_KEY)
        with pytest.raises(JobFault, match="SECRETS_UNREADABLE"):
            await endpoints.outside_of(other, ["ads"])
        for secrets in ({}, {"username": "me"}):
            fault = await fault_of(endpoints.update(other, admin, "ads", api(secrets=secrets)))
            assert (fault.code, fault.path) == ("SECRETS_UNREADABLE", ("secrets",))

    async def test_but_they_can_be_given_again(self, services: Services, admin: Principal) -> None:
        await endpoints.create(services, admin, api())
        other = replace(services, vault=ANOTHER_KEY)
        await endpoints.update(other, admin, "ads", api(secrets={"token": "new"}))
        assert await secrets_of(other) == {"token": "new"}


class TestProbing:
    async def test_the_engine_asks_the_endpoint(
        self, services: Services, operator: Principal, admin: Principal, inspector: ToldEngine
    ) -> None:
        await endpoints.create(services, admin, api())
        inspector.answer = {"ok": True, "latency_ms": 1.5, "message": "Fine."}
        assert await probing.probe(services, operator, "ads") == probing.Probed(True, 1.5, "Fine.")
        (task,) = inspector.tasks
        assert (task["task"], task["endpoint"]) == ("probe", "ads")
        assert task["outside"]["endpoints"]["ads"]["secrets"] == {"token": SECRET}
        assert task["outside"]["timeout_s"] < 10

    async def test_one_that_takes_too_long_does_not_answer(
        self, services: Services, admin: Principal, inspector: ToldEngine
    ) -> None:
        await endpoints.create(services, admin, api())
        inspector.answer = TimedOut("TIMED_OUT", "Too long.", "SYSTEM")
        probed = await probing.probe(services, admin, "ads")
        assert (probed.ok, probed.latency_ms) == (False, None)

    @pytest.mark.parametrize("kind", [TaskFault, ProcessDied])
    async def test_what_befalls_the_engine_is_told(
        self, services: Services, admin: Principal, inspector: ToldEngine, kind: type[TaskFault]
    ) -> None:
        await endpoints.create(services, admin, api())
        inspector.answer = kind("OUT_OF_MEMORY", "Too much.", "SYSTEM", True)
        fault = await fault_of(probing.probe(services, admin, "ads"))
        assert (fault.code, fault.retryable) == ("OUT_OF_MEMORY", True)

    async def test_unreadable_secrets_are_told(self, services: Services, admin: Principal) -> None:
        await endpoints.create(services, admin, api())
        other = replace(services, vault=ANOTHER_KEY)
        assert (await fault_of(probing.probe(other, admin, "ads"))).code == "SECRETS_UNREADABLE"

    async def test_what_is_not_there_is_not_asked(self, services: Services, admin: Principal) -> None:
        assert (await fault_of(probing.probe(services, admin, "none"))).code == "NOT_FOUND"

    async def test_one_is_asked_at_a_time_and_nobody_waits_for_long(
        self, services: Services, admin: Principal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await endpoints.create(services, admin, api())
        asked, answered = asyncio.Event(), asyncio.Event()

        class Slow(ToldEngine):
            async def run(self, task: Any, report: Any = None, **_: Any) -> dict[str, Any]:
                asked.set()
                await answered.wait()
                return {"ok": True, "latency_ms": 1.0, "message": ""}

        slow = replace(services, inspector=Slow())
        first = asyncio.create_task(probing.probe(slow, admin, "ads"))
        await asked.wait()
        monkeypatch.setattr(probing, "TURN_S", 0.01)
        fault = await fault_of(probing.probe(slow, admin, "ads"))
        assert (fault.code, fault.retryable) == ("BUSY", True)
        answered.set()
        assert (await first).ok
        assert (await probing.probe(slow, admin, "ads")).ok


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_only_administrators_change_endpoints(
    services: Services, operator: Principal, role: Role
) -> None:
    principal = replace(operator, role=role)
    for call in (
        endpoints.create(services, principal, api()),
        endpoints.update(services, principal, "ads", api()),
        endpoints.delete(services, principal, "ads"),
    ):
        assert (await fault_of(call)).code == "FORBIDDEN"


async def test_endpoints_are_listed_in_pages(services: Services, admin: Principal) -> None:
    for name in "abc":
        await endpoints.create(services, admin, api(name))
    first = await endpoints.page(services, 2, None)
    rest = await endpoints.page(services, 2, first.cursor(first.items[-1]))
    assert [each.name for each in (*first.items, *rest.items)] == ["c", "b", "a"]
    assert (first.has_next, rest.has_next) == (True, False)
