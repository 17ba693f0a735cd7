"""API keys: made, listed and revoked by those whose they are."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from headgate.domain import apikeys
from headgate.domain.apikeys import KeyRequest
from headgate.domain.doorkeeper import ACCESS_TOPIC, Doorkeeper
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.errors import Unauthenticated, UserFault
from headgate.storage.ids import new_id
from headgate.storage.tables import ApiKey, Role, User, utc_now
from tests.domain.people import LATER, ONE_DATABASE, add_key, add_user, audited, change, refusal


@pytest.fixture
async def ann(services: Services) -> Principal:
    user = await add_user(services, Role.OPERATOR)
    return Principal(user.id, user.role, LATER, user.email)


def nightly(role: Role = Role.VIEWER, days: int | None = None, name: str = "nightly") -> KeyRequest:
    return KeyRequest(name, role, days)


async def test_a_key_lets_its_user_in_and_only_its_hash_is_kept(services: Services, ann: Principal) -> None:
    key, secret = await apikeys.create(services, ann, nightly(Role.OPERATOR, 30, " nightly "))

    door = Doorkeeper(services.database)
    admitted = await door.admit_key(secret)
    await door.settle()
    assert admitted is not None
    assert (admitted.user_id, admitted.role, admitted.key_id) == (ann.user_id, Role.OPERATOR, key.id)
    assert (admitted.name, admitted.expires_at) == (ann.name, key.expires_at)
    assert key.expires_at is not None
    assert timedelta(days=29.9) < key.expires_at - utc_now() <= timedelta(days=30)
    assert (key.name, secret.startswith(f"{key.prefix}_")) == ("nightly", True)
    assert secret not in repr(key)
    (entry,) = await audited(services)
    assert (entry.actor_id, entry.action, entry.target) == (ann.user_id, "createApiKey", key.id)
    assert entry.details == {"name": "nightly", "role": "OPERATOR", "expiresInDays": 30}


@ONE_DATABASE
async def test_no_two_keys_are_the_same(services: Services, ann: Principal) -> None:
    made = [await apikeys.create(services, ann, nightly()) for _ in range(2)]
    assert len({secret[-43:] for _, secret in made}) == len({key.prefix for key, _ in made}) == 2


@ONE_DATABASE
@pytest.mark.parametrize(
    ("request_", "code", "path"),
    [
        (nightly(Role.ADMIN), "FORBIDDEN", ("role",)),
        (nightly(days=0), "INVALID_ARGUMENT", ("expiresInDays",)),
        (nightly(days=-1), "INVALID_ARGUMENT", ("expiresInDays",)),
        (nightly(days=3_651), "INVALID_ARGUMENT", ("expiresInDays",)),
        (nightly(name=" "), "INVALID_NAME", ("name",)),
        (nightly(name="x" * 201), "INVALID_NAME", ("name",)),
        (nightly(name="a\0"), "INVALID_NAME", ("name",)),
    ],
    ids=range(7),
)
async def test_a_key_that_can_not_be_is_refused(
    services: Services, ann: Principal, request_: KeyRequest, code: str, path: tuple[str, ...]
) -> None:
    fault = await refusal(apikeys.create(services, ann, request_))
    assert (fault.code, fault.path) == (code, path)
    assert await apikeys.total(services, ann) == 0


async def test_a_role_that_was_taken_away_meanwhile_is_not_given(services: Services, ann: Principal) -> None:
    await change(services, User, role=Role.VIEWER)
    assert (await refusal(apikeys.create(services, ann, nightly(Role.OPERATOR)))).code == "FORBIDDEN"
    await change(services, User, active=False)
    with pytest.raises(Unauthenticated):
        await apikeys.create(services, ann, nightly())


async def test_no_user_has_more_than_a_hundred_not_even_at_once(services: Services, ann: Principal) -> None:
    user = await add_user(services)
    for _ in range(2):
        await add_key(services, user)
    async with services.database.transaction() as session:
        for number in range(99):
            values: dict[str, Any] = {"name": "", "role": Role.VIEWER, "prefix": "", "secret_hash": ""}
            session.add(ApiKey(id=new_id("key"), user_id=ann.user_id, **values | {"name": str(number)}))
    outcomes = await asyncio.gather(
        *(apikeys.create(services, ann, nightly()) for _ in range(3)), return_exceptions=True
    )
    faults = [outcome for outcome in outcomes if isinstance(outcome, UserFault)]
    assert [fault.code for fault in faults] == ["LIMIT_REACHED"] * 2
    assert await apikeys.total(services, ann) == 100


async def test_everybody_sees_their_own_and_administrators_all(services: Services, ann: Principal) -> None:
    key, _ = await apikeys.create(services, ann, nightly())
    admin_user = await add_user(services, Role.ADMIN)
    admin = Principal(admin_user.id, Role.ADMIN, LATER)
    other, _ = await apikeys.create(services, admin, nightly())

    async def listed(principal: Principal) -> list[str]:
        return [each.id for each in (await apikeys.page(services, principal, 10, None)).items]

    assert await listed(ann) == [key.id]
    assert await listed(admin) == [other.id, key.id]
    assert await listed(replace(admin, role=Role.OPERATOR)) == [other.id]
    assert (await apikeys.total(services, ann), await apikeys.total(services, admin)) == (1, 2)


async def test_a_revoked_key_is_gone_and_that_is_heard_of(services: Services, ann: Principal) -> None:
    key, secret = await apikeys.create(services, ann, nightly())
    async with services.signals.listen(ACCESS_TOPIC) as listener:
        assert await apikeys.revoke(services, ann, key.id) == key.id
        assert await listener.wait(0)
    assert await Doorkeeper(services.database).admit_key(secret) is None
    assert (await refusal(apikeys.revoke(services, ann, key.id))).code == "NOT_FOUND"
    entry = (await audited(services))[-1]
    assert (entry.action, entry.target, entry.details) == (
        "revokeApiKey",
        key.id,
        {"name": "nightly", "userId": ann.user_id},
    )


async def test_nobody_but_an_administrator_revokes_the_key_of_another(
    services: Services, ann: Principal
) -> None:
    key, _ = await add_key(services, await add_user(services))
    for wrong in (key.id, new_id("key"), "x", "\0", new_id("user")):
        assert (await refusal(apikeys.revoke(services, ann, wrong))).code in ("NOT_FOUND", "INVALID_ID")
    assert await apikeys.revoke(services, replace(ann, role=Role.ADMIN), key.id) == key.id


@ONE_DATABASE
async def test_a_key_makes_and_revokes_none(services: Services, ann: Principal) -> None:
    key, _ = await apikeys.create(services, ann, nightly())
    script = replace(ann, key_id=key.id)
    for attempt in (apikeys.create(services, script, nightly()), apikeys.revoke(services, script, key.id)):
        fault = await refusal(attempt)
        assert (fault.code, "sign in with your password" in fault.message) == ("FORBIDDEN", True)
