"""Apache Druid: what it has to be told to load a dataset."""

from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from headgate.graphql.enums import DruidDialect
from headgate.graphql.kinds import input_of, settings_of
from headgate.pipelines.druid.table import DruidTable, SegmentGranularity
from headgate.pipelines.steps.aggregate import MetricSettings

SPEC = (
    "What Apache Druid has to be told so that its table of the same name holds this version: a native batch spec, or "
    "an SQL statement with its context. Nothing is sent to Druid. Put the place where Druid finds the dataset's files "
    "for DATASET_FOLDER."
)
MEANINGS = {
    name: DruidTable.model_fields[name].description
    for name in ("timestamp_column", "segment_granularity", "metrics", "dimensions")
}

if TYPE_CHECKING:

    class MetricInput: ...

else:
    MetricInput = input_of(MetricSettings, "MetricInput")


@strawberry.input(description="How rows become those of a table of Apache Druid.")
class DruidSpecInput:
    timestamp_column: str = strawberry.field(description=MEANINGS["timestamp_column"])
    segment_granularity: str | None = strawberry.field(
        default="DAY", description=f"{MEANINGS['segment_granularity']} {', '.join(SegmentGranularity)}."
    )
    metrics: list[MetricInput] | None = strawberry.field(default=None, description=MEANINGS["metrics"])
    dimensions: list[str] | None = strawberry.field(default=None, description=MEANINGS["dimensions"])
    dialect: DruidDialect | None = strawberry.field(
        default=DruidDialect.NATIVE, description="The language in which Druid is told."
    )


SpecInput = Annotated[DruidSpecInput, strawberry.argument(description="What the table is to be like.")]


def read_table(given: DruidSpecInput) -> tuple[dict[str, Any], DruidDialect]:
    """The settings of a table, and the language."""
    settings = settings_of(given)
    return settings, DruidDialect(settings.pop("dialect", DruidDialect.NATIVE))
