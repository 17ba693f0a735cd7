"""What the values of datasets and files are like."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

import strawberry
from strawberry.scalars import JSON

from headgate.graphql.columns import Column
from headgate.graphql.scalars import BigInt
from headgate.pipelines.profiles.correlation import MAX_CORRELATED
from headgate.pipelines.profiles.distribution import MAX_BINS
from headgate.pipelines.profiles.table import MAX_COLUMNS
from headgate.pipelines.profiles.tallies import TOP_VALUES
from headgate.pipelines.suggested import SAMPLE_ROWS

MILLISECONDS = "that of a date or time in milliseconds since 1970 began, in UTC where it has a zone"
STATISTICS = (
    "What the values of each column are like: a report of missing values, their range, distribution and most "
    "frequent ones. All rows that can be read count. Millions of them take seconds; after a minute it is given up."
)
CORRELATIONS = (
    "How columns of numbers go together: each pair of them once, in the order of the columns. All rows that can be "
    "read count."
)
SUGGESTIONS = (
    "Checks that a sample of it suggests, each with its reason; every row of the sample passes them. The sample has up "
    f"to {SAMPLE_ROWS:,} rows, taken evenly from the beginning of the file, and its first {MAX_COLUMNS} columns."
)

StatisticsColumns = Annotated[
    list[str] | None,
    strawberry.argument(description=f"The columns to describe, up to {MAX_COLUMNS}; all of them by default."),
]
CorrelatedColumns = Annotated[
    list[str] | None,
    strawberry.argument(
        description=f"Columns of numbers, up to {MAX_CORRELATED}; by default all columns of numbers."
    ),
]


@strawberry.type(description="The value below which a share of a column's values lies.")
class Quantile:
    q: float = strawberry.field(description="The share, from 0 to 1: 0.5 is the median.")
    value: float = strawberry.field(description=f"The value; {MILLISECONDS}.")


@strawberry.type(description="One bar of a histogram.")
class Bin:
    from_: float = strawberry.field(
        name="from", description=f"Where it begins, itself included; {MILLISECONDS}."
    )
    to: float = strawberry.field(description="Where it ends, itself left out but for the last bin.")
    count: BigInt = strawberry.field(description="How many values lie in it.")


@strawberry.type(description="A value and how often it is there.")
class ValueCount:
    value: JSON | None = strawberry.field(
        description="The value, as rows show it; a text of more than 200 characters is cut."
    )
    count: BigInt = strawberry.field(description="How many rows have it.")


@strawberry.type(
    description=(
        "What the values of a column are like. NaN and Infinity count as values, but go into no figure that is "
        "calculated. Lists, structs and binary values are only counted."
    )
)
class ColumnStatistics:
    column: Column = strawberry.field(description="The column.")
    count: BigInt = strawberry.field(description="How many rows there are, missing values included.")
    nulls: BigInt = strawberry.field(description="How many values are missing.")
    distinct: BigInt | None = strawberry.field(
        description=(
            "How many different values there are. Exact up to about a million, fewer where they are long texts; "
            "beyond that an estimate, within 1 in 100."
        )
    )
    min: JSON | None = strawberry.field(
        description="The least value; null where there is none, or no order among them."
    )
    max: JSON | None = strawberry.field(
        description="The greatest value; null where there is none, or no order among them."
    )
    mean: float | None = strawberry.field(description="The mean of numbers.")
    standard_deviation: float | None = strawberry.field(
        description="The standard deviation of numbers, as of a sample: divided by one less than their count."
    )
    quantiles: list[Quantile] = strawberry.field(
        description=(
            "5, 25, 50, 75 and 95 in 100 of numbers, dates and times; empty for other types. Exact where `distinct` "
            "is, else of an even sample of about a million rows."
        )
    )
    histogram: list[Bin] = strawberry.field(
        description=(
            f"All numbers, dates or times in up to {MAX_BINS} bins of equal width; empty for other types. "
            "Bins of whole numbers and of dates hold equally many of those that are possible."
        )
    )
    top_values: list[ValueCount] = strawberry.field(
        description=(
            f"The {TOP_VALUES} most frequent values, the most frequent first. All counts are exact; where `distinct` "
            "is an estimate, the values are found in an even sample of rows, which can miss one that is rare."
        )
    )

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """Show what the engine found."""
        return cls(
            column=Column.from_json(found["column"]),
            count=found["count"],
            nulls=found["nulls"],
            distinct=found["distinct"],
            min=found["min"],
            max=found["max"],
            mean=found["mean"],
            standard_deviation=found["standardDeviation"],
            quantiles=[Quantile(**each) for each in found["quantiles"]],
            histogram=[
                Bin(from_=each["from"], to=each["to"], count=each["count"]) for each in found["histogram"]
            ],
            top_values=[ValueCount(**each) for each in found["topValues"]],
        )


@strawberry.type(description="How two columns of numbers go together.")
class Correlation:
    x: str = strawberry.field(description="One column.")
    y: str = strawberry.field(description="The other one, which stands behind it.")
    pearson: float | None = strawberry.field(
        description=(
            "Pearson's coefficient, from -1 to 1, over the rows that have both; null where one of the columns has "
            "fewer than two different values in those."
        )
    )
