"""What is made of groups of a dataset's rows."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from headgate.domain.aggregates import DEFAULT_GROUPS, AggregateQuery
from headgate.graphql import step_enums as step_enums
from headgate.graphql.kinds import input_of, settings_of
from headgate.graphql.rows import RowFilter, RowOrder, SortDirection, storage_filter
from headgate.pipelines.aggregates import MAX_GROUPED, MAX_GROUPS, MAX_METRICS
from headgate.pipelines.steps.aggregate import MetricSettings

AGGREGATE = (
    "Sums, counts and the like of groups of its rows: one record for each group, in the order of the columns of "
    "`groupBy` where `orderBy` leaves it open. Null is no value of a metric, so that one of nothing but nulls is null, "
    "and a count of them 0; NaN is a value. Sums of whole numbers and of decimals are exact, and so are the least and "
    "the greatest value; means, medians and standard deviations (of a sample) are floating-point numbers. There is no "
    "next page: filter, or raise `first`. What takes longer than a minute is given up."
)

if TYPE_CHECKING:

    class MetricInput: ...

else:
    MetricInput = input_of(MetricSettings, "MetricInput")

Metrics = Annotated[
    list[MetricInput],
    strawberry.argument(
        description=f"What to make of each group: 1 to {MAX_METRICS} metrics, each under a name of its own."
    ),
]
GroupBy = Annotated[
    list[str] | None,
    strawberry.argument(
        description=(
            f"The columns whose values make a group, null among them: up to {MAX_GROUPED}. Without any, all rows are "
            "one group, even if there are none."
        )
    ),
]
GroupOrder = Annotated[
    list[RowOrder] | None,
    strawberry.argument(
        description="What to sort by: columns of `groupBy` and names of metrics, the most important first."
    ),
]
FirstGroups = Annotated[
    int | None,
    strawberry.argument(
        description=f"How many groups at most: 1 to {MAX_GROUPS:,}, and {DEFAULT_GROUPS} by default."
    ),
]


def aggregate_query(
    metrics: list[MetricInput],
    group_by: list[str] | None,
    filter: RowFilter | None,
    order_by: list[RowOrder] | None,
    first: int | None,
) -> AggregateQuery:
    """Make the domain's query of a caller's arguments."""
    return AggregateQuery(
        metrics=[settings_of(metric) for metric in metrics],
        group_by=group_by,
        filter=None if filter is None else storage_filter(filter),
        order_by=[(order.column, order.direction is SortDirection.DESC) for order in order_by or ()],
        first=DEFAULT_GROUPS if first is None else first,
    )
