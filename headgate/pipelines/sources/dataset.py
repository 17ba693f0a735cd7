"""The source `dataset`."""

from typing import Any, ClassVar

from pydantic import Field, field_validator

from headgate.pipelines.sources.source import SourceKind
from headgate.storage.filters import RowFilter


class DatasetSource(SourceKind):
    """Rows of a dataset of Headgate, in the version that is the newest when a job is accepted, or in a given one."""

    kind: ClassVar[str] = "dataset"
    example: ClassVar[dict[str, Any]] = {"name": "orders", "filter": {"column": "amount", "gte": 100}}
    datasets: ClassVar[tuple[str, ...]] = ("name",)

    name: str = Field(description="The dataset's name.")
    version: int | None = Field(
        default=None, ge=0, description="Which of its versions; the newest by default."
    )
    filter: dict[str, Any] | None = Field(
        default=None,
        description="Which of its rows, as RowFilter says it, such as {column: amount, gte: 100}; all by default.",
    )

    @field_validator("filter")
    @classmethod
    def _check_filter(cls, given: dict[str, Any] | None) -> dict[str, Any] | None:
        if given is not None:
            RowFilter.from_spec(given)
        return given
