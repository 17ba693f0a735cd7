"""The source `records`."""

from typing import Any, ClassVar

from pydantic import Field

from headgate.pipelines.sources.source import SourceKind


class RecordsSource(SourceKind):
    """Records that stand in the spec itself: a list of objects, one per row."""

    kind: ClassVar[str] = "records"
    example: ClassVar[dict[str, Any]] = {"records": [{"id": 1, "city": "Oslo"}, {"id": 2, "city": "Lima"}]}

    rows: list[Any] = Field(
        alias="records", min_length=1, max_length=10_000, description="The records, up to 10,000."
    )
