"""API keys, as clients see them."""

from collections.abc import Callable
from typing import Any

from headgate.domain.services import Services
from headgate.graphql.context import Context
from headgate.graphql.schema import HeadgateSchema
from headgate.storage.tables import Role
from tests.domain.people import ONE_DATABASE, add_key, add_user
from tests.graphql.conftest import CountStatements

NODE = "query ($id: ID!) { node(id: $id) { id ... on ApiKey { name prefix user { id } } } }"
KEYS = "{ apiKeys { totalCount edges { node { user { email } } } } }"


@ONE_DATABASE
async def test_a_key_is_found_by_whom_it_belongs_to_and_by_administrators(
    services: Services, schema: HeadgateSchema, make_context: Callable[..., Context]
) -> None:
    owner, other = await add_user(services), await add_user(services)
    key, _ = await add_key(services, owner)

    async def found(user_id: str, role: Role) -> Any:
        result = await schema.execute(NODE, {"id": key.id}, make_context(role, user_id))
        assert result.errors is None
        assert result.data is not None
        return result.data["node"]

    shown = {"id": key.id, "name": "nightly", "prefix": key.prefix, "user": {"id": owner.id}}
    assert await found(owner.id, Role.VIEWER) == await found(other.id, Role.ADMIN) == shown
    assert await found(other.id, Role.OPERATOR) is None


@ONE_DATABASE
async def test_a_list_of_keys_costs_as_many_queries_however_long_it_is(
    services: Services,
    schema: HeadgateSchema,
    make_context: Callable[..., Context],
    count_statements: CountStatements,
) -> None:
    for _ in range(3):
        await add_key(services, await add_user(services))
    with count_statements() as statements:
        result = await schema.execute(KEYS, context_value=make_context())
    assert result.data is not None
    assert result.data["apiKeys"]["totalCount"] == 3
    assert len(statements) == 3
