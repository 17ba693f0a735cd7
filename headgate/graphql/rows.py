"""Which rows of a dataset to read, and in what order."""

from enum import StrEnum
from typing import Annotated

import strawberry
from strawberry.scalars import JSON
from strawberry.types.unset import UNSET

from headgate.graphql.enums import publish
from headgate.storage import filters
from headgate.storage.rows import MAX_ROWS, RowQuery

DEFAULT_ROWS = 100
COMPARISONS = ("eq", "ne", "gt", "gte", "lt", "lte")


class SortDirection(StrEnum):
    ASC = "ASC"
    DESC = "DESC"


publish(
    SortDirection,
    "Which way to sort.",
    ASC="From the smallest to the largest.",
    DESC="From the largest to the smallest.",
)


@strawberry.input(
    description="Which rows to read. Conditions in one object are joined by AND, and those on a value need `column`."
)
class RowFilter:
    column: str | None = strawberry.field(
        default=None, description="The column that the conditions are about."
    )
    eq: JSON | None = strawberry.field(
        default=UNSET, description="It equals this; null finds missing values."
    )
    ne: JSON | None = strawberry.field(
        default=UNSET, description="It differs from this; null finds values that are not missing."
    )
    gt: JSON | None = strawberry.field(default=UNSET, description="It is greater than this.")
    gte: JSON | None = strawberry.field(default=UNSET, description="It is this or greater.")
    lt: JSON | None = strawberry.field(default=UNSET, description="It is less than this.")
    lte: JSON | None = strawberry.field(default=UNSET, description="It is this or less.")
    in_: list[JSON] | None = strawberry.field(default=UNSET, name="in", description="It equals one of these.")
    contains: str | None = strawberry.field(default=UNSET, description="It is a text that contains this.")
    starts_with: str | None = strawberry.field(
        default=UNSET, description="It is a text that starts with this."
    )
    is_null: bool | None = strawberry.field(
        default=UNSET, description="It is missing, or, with false, is not."
    )
    and_: list["RowFilter"] | None = strawberry.field(
        default=UNSET, name="and", description="All of these hold."
    )
    or_: list["RowFilter"] | None = strawberry.field(
        default=UNSET, name="or", description="At least one of these holds."
    )
    not_: "RowFilter | None" = strawberry.field(default=UNSET, name="not", description="This does not hold.")


@strawberry.input(description="One column to sort by.")
class RowOrder:
    column: str = strawberry.field(description="The column.")
    direction: SortDirection | None = strawberry.field(default=SortDirection.ASC, description="Which way.")


Which = Annotated[RowFilter | None, strawberry.argument(description="Which rows; all of them by default.")]
Order = Annotated[
    list[RowOrder] | None,
    strawberry.argument(description="What to sort by, the most important column first."),
]
Columns = Annotated[
    list[str] | None, strawberry.argument(description="The columns to answer; all of them by default.")
]
FirstRows = Annotated[
    int | None,
    strawberry.argument(description=f"How many at most: 1 to {MAX_ROWS:,}, and {DEFAULT_ROWS} by default."),
]


def row_query(
    filter: RowFilter | None,
    order_by: list[RowOrder] | None,
    columns: list[str] | None,
    first: int | None,
    after: str | None,
) -> RowQuery:
    """Make the storage's query of a caller's arguments."""
    return RowQuery(
        filter=None if filter is None else storage_filter(filter),
        order_by=[(order.column, order.direction is SortDirection.DESC) for order in order_by or ()],
        columns=columns,
        first=DEFAULT_ROWS if first is None else first,
        after=after,
    )


def storage_filter(filter: RowFilter) -> filters.RowFilter:
    """Leave out what is absent, and null too, except where it is a value to compare with."""
    used = {
        name: value
        for name, value in vars(filter).items()
        if value is not UNSET and (value is not None or name in COMPARISONS)
    }
    for name in used.keys() & {"and_", "or_"}:
        used[name] = [storage_filter(part) for part in used[name]]
    if "not_" in used:
        used["not_"] = storage_filter(used["not_"])
    return filters.RowFilter(**used)
