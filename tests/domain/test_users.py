"""Who may enter."""

import asyncio
from datetime import timedelta

import pytest

from headgate.domain import users
from headgate.domain.permissions import Principal, require
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.tables import Role, utc_now

LATER = utc_now() + timedelta(hours=1)


async def test_the_administrator_is_made_once(services: Services) -> None:
    first, second = await asyncio.gather(*(users.ensure_administrator(services.database) for _ in range(2)))
    assert first == second == await users.get(services, first.id)
    assert first.role is Role.ADMIN


@pytest.mark.parametrize("needed", list(Role))
@pytest.mark.parametrize("given", list(Role))
def test_each_role_includes_those_before_it(given: Role, needed: Role) -> None:
    roles = list(Role)
    principal = Principal("user", given, LATER)
    if roles.index(given) >= roles.index(needed):
        require(principal, needed)
    else:
        with pytest.raises(UserFault, match="FORBIDDEN"):
            require(principal, needed)
