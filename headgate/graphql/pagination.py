"""Relay connections over the domain's pages: by keyset, never by offset."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Generic, TypeVar

import strawberry

from headgate.domain.pages import DEFAULT_FIRST as DEFAULT_FIRST
from headgate.domain.pages import MAX_FIRST, Page
from headgate.graphql.fields import resolved
from headgate.graphql.scalars import BigInt

SPEC = "https://relay.dev/graphql/connections.htm"

First = Annotated[
    int | None,
    strawberry.argument(description=f"How many at most: 1 to {MAX_FIRST}, and {DEFAULT_FIRST} by default."),
]
After = Annotated[
    str | None,
    strawberry.argument(description="Answer what follows this cursor; from the beginning by default."),
]


Item = TypeVar("Item")
Entry = TypeVar("Entry")


@strawberry.type(description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follow after this page.")
    has_previous_page: bool = strawberry.field(description="Whether there are some before this page.")
    start_cursor: str | None = strawberry.field(description="The first edge's cursor; null on an empty page.")
    end_cursor: str | None = strawberry.field(
        description="The last edge's cursor, which goes into `after` to read on; null on an empty page."
    )


@strawberry.type(description="One entry of a page.")
class Edge(Generic[Entry]):
    node: Entry = strawberry.field(description="The entry itself.")
    cursor: str = strawberry.field(description="Goes into `after` to read on behind this entry.")


@strawberry.type(description=f"One page of a list, as {SPEC} has it.")
class Connection(Generic[Entry]):
    edges: list[Edge[Entry]] = strawberry.field(description="The entries of this page, in order.")
    page_info: PageInfo = strawberry.field(description="Where this page stands in the list.")
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @resolved("How many entries the whole list has; counted only when asked for.")
    async def total_count(self) -> BigInt:
        return BigInt(await self.count())


def first_or_default(first: int | None) -> int:
    """Read a page's size as a caller gave it."""
    return DEFAULT_FIRST if first is None else first


def connect(
    page: Page[Item],
    make: Callable[[Item], Entry],
    *,
    after: str | None,
    count: Callable[[], Awaitable[int]],
) -> Connection[Entry]:
    """Make the connection of a page that was read behind `after`; `count` is called only where it is asked for."""
    edges = [Edge(node=make(item), cursor=page.cursor(item)) for item in page.items]
    info = PageInfo(
        has_next_page=page.has_next,
        has_previous_page=after is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return Connection(edges=edges, page_info=info, count=count)
