"""Columns and rows of data, of files and datasets alike."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Self

import strawberry
from strawberry.scalars import JSON

from headgate.graphql.enums import ColumnType
from headgate.graphql.fields import resolved
from headgate.graphql.scalars import BigInt


@strawberry.type(description="A column of a file or a dataset.")
class Column:
    name: str = strawberry.field(description="Its name, as in the source.")
    type: ColumnType = strawberry.field(description="The type of its values.")
    native_type: str = strawberry.field(description="The type in the engine's own words, such as Int64.")
    nullable: bool = strawberry.field(description="Whether a value may be missing.")
    description: str | None = strawberry.field(
        default=None, description="What it means, where somebody said so."
    )

    @classmethod
    def from_json(cls, column: Mapping[str, Any]) -> Self:
        """Read a column as the tables and the engine write it."""
        return cls(
            name=column["name"],
            type=ColumnType(column["type"]),
            native_type=column["nativeType"],
            nullable=column["nullable"],
            description=column.get("description"),
        )

    @classmethod
    def list_from(cls, columns: Sequence[Mapping[str, Any]]) -> list[Self]:
        """Read columns in their order."""
        return [cls.from_json(column) for column in columns]


@strawberry.type(description="One page of rows.")
class RowPage:
    columns: list[Column] = strawberry.field(description="The columns of the records, in their order.")
    records: JSON = strawberry.field(
        description="A list of objects, one per row, with the columns' names as keys."
    )
    has_next_page: bool = strawberry.field(description="Whether more rows follow.")
    end_cursor: str | None = strawberry.field(
        description="Goes into `after` to read the next page; null where there is no such page to ask for."
    )
    count: strawberry.Private[Callable[[], Awaitable[int | None]]]

    @resolved("How many rows there are in all, counted only when asked for; null where that is not known.")
    async def total_count(self) -> BigInt | None:
        count = await self.count()
        return None if count is None else BigInt(count)
