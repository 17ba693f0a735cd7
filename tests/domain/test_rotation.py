"""Secrets are sealed anew with the current key, whatever else happens to their endpoints."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from headgate.domain import endpoints
from headgate.domain.endpoints import EndpointRequest
from headgate.domain.keyring import KeyRing
from headgate.domain.permissions import Principal
from headgate.domain.rotation import record_rotation, seal_anew
from headgate.domain.services import Services
from headgate.domain.vault import Vault
from headgate.storage.tables import AuditEntry, Endpoint, EndpointKind, Role, utc_now

OLD, NEW, LOST = (f"the {name} key, as long as it has to be" for name in ("old", "new", "lost"))
RING = KeyRing([NEW, OLD])


@pytest.fixture
def admin(operator: Principal) -> Principal:
    return Principal(operator.user_id, Role.ADMIN, utc_now() + timedelta(hours=1))


def sealing(services: Services, *keys: str) -> Services:
    return replace(services, vault=Vault(KeyRing(keys)))


def api(name: str, token: str | None = None) -> EndpointRequest:
    secrets = {"token": token} if token is not None else {}
    return EndpointRequest(name, EndpointKind.HTTP, {"url": "https://a.example.com"}, secrets)


async def opened(services: Services) -> dict[str, dict[str, str]]:
    """The secrets of each endpoint, by its name, as the new key alone opens them."""
    async with services.database.read() as session:
        found = list(await session.scalars(select(Endpoint)))
    return {each.name: endpoints.secrets_of(sealing(services, NEW), each) for each in found}


async def test_every_secret_is_sealed_anew_once(services: Services, admin: Principal) -> None:
    for number in range(5):
        await endpoints.create(sealing(services, OLD), admin, api(f"a{number}", f"s{number}"))
    await endpoints.create(sealing(services, OLD), admin, api("without"))
    await endpoints.create(sealing(services, NEW, OLD), admin, api("newer", "n"))
    first = await seal_anew(services.database, Vault(RING))
    again = await seal_anew(services.database, Vault(RING))
    assert ((first.count, first.unreadable), (again.count, again.unreadable)) == ((5, []), (0, []))
    sealed = {f"a{number}": {"token": f"s{number}"} for number in range(5)}
    assert await opened(services) == {**sealed, "without": {}, "newer": {"token": "n"}}


async def test_secrets_whose_key_is_lost_are_named_and_stay_as_they_are(
    services: Services, admin: Principal
) -> None:
    lost = await endpoints.create(sealing(services, LOST), admin, api("lost", "l"))
    await endpoints.create(sealing(services, OLD), admin, api("kept", "k"))
    done = await seal_anew(services.database, Vault(RING))
    assert (done.count, done.unreadable) == (1, ["lost"])
    async with services.database.read() as session:
        found = await session.get_one(Endpoint, lost.id)
    assert found.secrets == lost.secrets


async def test_a_change_meanwhile_is_not_undone(services: Services, admin: Principal) -> None:
    names = [f"a{number}" for number in range(8)]
    for name in names:
        await endpoints.create(sealing(services, OLD), admin, api(name, "before"))
    changes = (
        endpoints.update(sealing(services, NEW, OLD), admin, name, api(name, "after")) for name in names
    )
    await asyncio.gather(seal_anew(services.database, Vault(RING)), *changes)
    assert await opened(services) == {name: {"token": "after"} for name in names}


async def test_a_rotation_is_in_the_audit_log(services: Services) -> None:
    await record_rotation(services.database, "headgate rotate-key", RING)
    async with services.database.read() as session:
        [entry] = await session.scalars(select(AuditEntry))
    new, old = (key.id for key in RING.all)
    assert (entry.action, entry.target, entry.details) == ("rotateKey", new, {"oldKeys": [old]})
    assert (entry.actor, entry.actor_id) == ("headgate rotate-key", None)
