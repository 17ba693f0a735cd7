"""Everything that has an id, found by it."""

import asyncio
from typing import Annotated, Any, ClassVar, Self

import strawberry

from headgate.errors import UserFault
from headgate.graphql.context import Info
from headgate.graphql.enums import Role
from headgate.graphql.fields import query

MAX_IDS = 200


@strawberry.interface(description="Anything with an id.")
class Node:
    """Each subclass names the prefix of its ids: `class File(Node, prefix="file")`."""

    id: strawberry.ID = strawberry.field(
        description="A prefix that names the type, then a UUIDv7: stable, unique, sortable by time of creation."
    )
    prefix: ClassVar[str]
    kinds: ClassVar[dict[str, type["Node"]]] = {}

    def __init_subclass__(cls, *, prefix: str) -> None:
        super().__init_subclass__()
        cls.prefix = prefix
        Node.kinds[prefix] = cls

    @classmethod
    def from_row(cls, row: Any) -> Self:
        """Make it of its row in the database."""
        raise NotImplementedError

    @classmethod
    async def load(cls, info: Info, id: str | None) -> Self | None:
        """Find one by its id; the loads of one operation are batched. None stays None."""
        row = await info.context.loaders.row(cls.prefix, id) if id else None
        return cls.from_row(row) if row else None

    @classmethod
    async def see(cls, info: Info, id: str) -> Self | None:
        """Find one by an id that a caller gave, if they may see it."""
        return await cls.load(info, id)


async def find(info: Info, id: str) -> Node | None:
    """Find whatever the id names, if the caller may see it."""
    kind = Node.kinds.get(id.rpartition("_")[0])
    return await kind.see(info, id) if kind else None


@strawberry.type
class NodeQuery:
    @query(
        Role.VIEWER,
        "Whatever has this id; null where there is none, or it is not yours to see.",
    )
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The id.")]
    ) -> Node | None:
        return await find(info, id)

    @query(
        Role.VIEWER,
        "Whatever has these ids, in their order, with null for those not found.",
    )
    async def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description=f"At most {MAX_IDS} ids.")],
    ) -> list[Node | None]:
        if len(ids) > MAX_IDS:
            raise UserFault("INVALID_ARGUMENT", f"ids takes at most {MAX_IDS} ids, not {len(ids)}.", ("ids",))
        return list(await asyncio.gather(*(find(info, id) for id in ids)))
