"""Figures over the jobs of a pipeline."""

from datetime import datetime
from typing import Self

import strawberry

from headgate.domain import pipeline_statistics
from headgate.graphql.scalars import BigInt

TIMED = "of those that were started and have ended"


@strawberry.type(description="Figures over the jobs of a pipeline.")
class PipelineStatistics:
    jobs: int = strawberry.field(description="How many jobs there are.")
    succeeded: int = strawberry.field(description="How many are SUCCEEDED.")
    partial: int = strawberry.field(description="How many are PARTIAL.")
    failed: int = strawberry.field(description="How many are FAILED.")
    canceled: int = strawberry.field(description="How many are CANCELED.")
    success_rate: float | None = strawberry.field(
        description="The part, 0 to 1, that ended well, SUCCEEDED or PARTIAL, of those that ended by themselves; null "
        "where none has."
    )
    rows_read: BigInt = strawberry.field(description="Rows in their sources.")
    rows_accepted: BigInt = strawberry.field(description="Rows that they wrote.")
    rows_rejected: BigInt = strawberry.field(description="Their bad rows.")
    duration_p50_ms: float | None = strawberry.field(
        description=f"Half {TIMED} took no longer, in milliseconds; null where there is none."
    )
    duration_p95_ms: float | None = strawberry.field(
        description=f"95 in 100 {TIMED} took no longer, in milliseconds; null where there is none."
    )
    rows_per_second: float | None = strawberry.field(
        description=f"Rows read by all {TIMED}, by the seconds that these took; null where there is none."
    )
    last_succeeded_at: datetime | None = strawberry.field(
        description="When the last ended that ended well; null where none has."
    )

    @classmethod
    def from_figures(cls, figures: pipeline_statistics.PipelineStatistics) -> Self:
        """Show what the domain worked out."""
        return cls(
            jobs=figures.jobs,
            succeeded=figures.succeeded,
            partial=figures.partial,
            failed=figures.failed,
            canceled=figures.canceled,
            success_rate=figures.success_rate,
            rows_read=BigInt(figures.rows_read),
            rows_accepted=BigInt(figures.rows_accepted),
            rows_rejected=BigInt(figures.rows_rejected),
            duration_p50_ms=figures.duration_p50_ms,
            duration_p95_ms=figures.duration_p95_ms,
            rows_per_second=figures.rows_per_second,
            last_succeeded_at=figures.last_succeeded_at,
        )
