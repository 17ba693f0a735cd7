"""Whatever has an id is found by it."""

from collections.abc import Callable

import pytest

from headgate.domain.services import Services
from headgate.graphql.context import Context
from headgate.graphql.schema import HeadgateSchema
from headgate.storage.ids import new_id
from headgate.storage.tables import Role, User
from tests.graphql.conftest import AddJob, Ask

NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


async def test_nodes_come_in_the_order_of_their_ids(ask: Ask, add_job: AddJob, administrator: User) -> None:
    job = await add_job()
    ids = [job.dataset_id, new_id("job"), job.id, "x", job.file_id, administrator.id, job.id]
    nodes = (await ask(NODES, ids=ids))["nodes"]
    assert [node and node["id"] for node in nodes] == [
        job.dataset_id, None, job.id, None, job.file_id, administrator.id, job.id,
    ]  # fmt: skip
    assert [node and node["__typename"] for node in nodes][4:6] == ["File", "User"]


@pytest.mark.parametrize(
    ("role", "is_seen"), [(Role.VIEWER, False), (Role.OPERATOR, False), (Role.ADMIN, True)]
)
async def test_only_an_admin_sees_other_users(
    schema: HeadgateSchema,
    services: Services,
    make_context: Callable[..., Context],
    role: Role,
    is_seen: bool,
) -> None:
    other = User(id=new_id("user"), email="other@localhost", role=Role.VIEWER)
    async with services.database.transaction() as session:
        session.add(other)
    query = f'{{ node(id: "{other.id}") {{ id }} }}'
    result = await schema.execute(query, context_value=make_context(role))
    assert result.data == {"node": {"id": other.id} if is_seen else None}


async def test_oneself_is_seen_by_anyone(
    schema: HeadgateSchema, make_context: Callable[..., Context], administrator: User
) -> None:
    query = (
        f'{{ node(id: "{administrator.id}") {{ ... on User {{ email }} }} viewer {{ user {{ email }} }} }}'
    )
    result = await schema.execute(query, context_value=make_context(Role.VIEWER))
    email = {"email": administrator.email}
    assert result.data == {"node": email, "viewer": {"user": email}}


async def test_there_is_a_limit_to_ids(schema: HeadgateSchema, make_context: Callable[..., Context]) -> None:
    result = await schema.execute(NODES, {"ids": ["x"] * 201}, make_context())
    assert result.errors is not None
    assert "at most 200" in result.errors[0].message
