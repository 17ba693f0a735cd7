"""The sink `druid`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import polars as pl
from pydantic import Field

from headgate.errors import JobFault
from headgate.pipelines.batches import watched
from headgate.pipelines.checks.operands import moment_of
from headgate.pipelines.druid.native import native_spec
from headgate.pipelines.druid.overlord import STATEMENTS, TASKS, Overlord
from headgate.pipelines.druid.reports import Counted
from headgate.pipelines.druid.sql import sql_statement
from headgate.pipelines.druid.table import DruidTable, DruidType, Layout, SegmentGranularity
from headgate.pipelines.druid.task import DruidDialect, DruidMode, Reading, Span, Writing
from headgate.pipelines.endpoints.bucket import open_bucket
from headgate.pipelines.endpoints.client import open_client
from headgate.pipelines.endpoints.s3 import S3Endpoint
from headgate.pipelines.endpoints.turns import Turns
from headgate.pipelines.rowmap import ROW_INDEX
from headgate.pipelines.sinks.sink import Delivered, Delivery, OutsideSink, Refused, SinkRows
from headgate.pipelines.sinks.spelling import spelled
from headgate.storage.columns import Column, ColumnType

INLINE_BYTES = 4 << 20
"""Druid keeps the whole text of a task in its database."""
NO_TIME = "The row has no date or moment in the column {}, without which Druid takes no row."
QUERY = "query-"
"""What Druid begins the names of those tasks with that are queries."""
SPANS = {
    SegmentGranularity.HOUR: "1h",
    SegmentGranularity.DAY: "1d",
    SegmentGranularity.WEEK: "1w",
    SegmentGranularity.MONTH: "1mo",
    SegmentGranularity.QUARTER: "1q",
    SegmentGranularity.YEAR: "1y",
}
FIRST, LAST = "first", "last"


class DruidSink(DruidTable, OutsideSink):
    """Rows are loaded into a table of Apache Druid, by a task that is followed to its end.

    The task's spec is made of the settings and of the rows' types, and one row that Druid can't read fails it. Rows
    are handed over in a bucket that Druid can read too, or within the task where they are few. What Druid reports in
    the end is held against what was sent. Tried again, a job goes on with the task that it has begun.
    """

    kind: ClassVar[str] = "druid"
    example: ClassVar[dict[str, Any]] = {
        "endpoint": "druid",
        "datasource": "campaigns",
        "timestampColumn": "date",
        "metrics": [
            {"function": "SUM", "column": "spend", "as": "spend"},
            {"function": "SUM", "column": "clicks", "as": "clicks"},
        ],
        "mode": "REPLACE",
    }
    records: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"date": "2026-01-01", "campaign": "Spring", "spend": 12.5, "clicks": 40},
        {"date": "2026-01-02", "campaign": "Spring", "spend": 8.0, "clicks": 31},
    )
    endpoints: ClassVar[Mapping[str, tuple[str, ...]]] = {"endpoint": ("DRUID",), "storage": ("S3",)}

    endpoint: str = Field(description="The endpoint of Druid's router, or of its overlord.")
    datasource: str = Field(
        min_length=1,
        max_length=200,
        pattern=r"^[^\s/.\\\x00-\x1f][^/\\\x00-\x1f]*$",
        description="The table of Druid.",
    )
    dialect: DruidDialect = Field(
        default=DruidDialect.NATIVE,
        description="How Druid is told: by a native batch spec, or by an SQL statement.",
    )
    mode: DruidMode = Field(
        default=DruidMode.APPEND,
        description=(
            "APPEND adds to what the table has; REPLACE puts the rows in the place of all that it has in the stretches "
            "of segmentGranularity from the first row's to the last row's."
        ),
    )
    storage: str | None = Field(
        default=None,
        description=(
            "An endpoint with a bucket that Druid can read with keys of its own: rows are put there, and removed when "
            f"they are loaded. Without, they are part of the task, and may make up to {INLINE_BYTES >> 20} MiB."
        ),
    )

    def write(self, rows: SinkRows, delivery: Delivery) -> Delivered:
        """Load the rows.

        Raises JobFault: UNKNOWN_COLUMN, WRONG_TYPE, NOT_NUMERIC, DRUID_TOO_LARGE, DRUID_TASK_FAILED, DRUID_TASK_LOST,
        DRUID_NO_REPORT, DRUID_ROWS_MISMATCH, and what a client and a store raise.
        """
        layout = self.laid_out(rows.columns)
        refused = _without_time(rows, layout, delivery)
        loaded = rows.count - len(refused.index)
        said: dict[str, Any] = {
            "datasource": self.datasource,
            "rows": loaded,
            "leftOut": list(layout.left_out),
        }
        if not loaded:
            # To replace by nothing would only remove what is there.
            return Delivered(refused=refused, said={**said, "task": None})
        endpoint = delivery.outside.endpoint(self.endpoint, "DRUID")
        turns = Turns(delivery.outside.timeout_s, lambda: delivery.watch("delivering"))
        with open_client(endpoint, delivery.outside, delivery.watch, stage="delivering") as client:
            task, counts = _Loading(self, layout, rows, delivery, Overlord(client, turns)).load()
        _check(task, loaded, counts)
        return Delivered(refused=refused, said={**said, "task": task, "report": counts.to_json()})


def _without_time(rows: SinkRows, layout: Layout, delivery: Delivery) -> Refused:
    """The rows that have no timestamp."""
    lost = (
        watched(rows.numbered(), delivery.watch).filter(_time(layout.timestamp).is_null()).select(ROW_INDEX)
    )
    index = lost.collect(engine="streaming")[ROW_INDEX].sort().to_list()
    return Refused(index, [NO_TIME.format(layout.timestamp.name)] * len(index))


def _time(column: Column) -> pl.Expr:
    """A timestamp as milliseconds since 1970; null where there is none."""
    if column.type is ColumnType.INTEGER:
        return pl.col(column.name).cast(pl.Int64)
    return moment_of(column.name, column.dtype).dt.epoch("ms")


def _check(task: str, loaded: int, counts: Counted) -> None:
    """Hold what Druid says against what was sent. Raises JobFault (DRUID_ROWS_MISMATCH)."""
    if counts == Counted(processed=loaded):
        return
    told = ", ".join(f"{name} {number:,}" for name, number in counts.to_json().items())
    message = f"Of {loaded:,} rows that were sent, Druid's task {task} reports: {told}."
    details = {"task": task, "sent": loaded, "reported": counts.to_json()}
    raise JobFault("DRUID_ROWS_MISMATCH", message, "DEPENDENCY", details=details)


@dataclass(frozen=True, slots=True)
class _Loading:
    """One delivery: rows are handed over, and a task loads them."""

    sink: DruidSink
    layout: Layout
    rows: SinkRows
    delivery: Delivery
    overlord: Overlord

    def load(self) -> tuple[str, Counted]:
        """Let a task load the rows, or find the one that does; answers its name and what it did."""
        task = self._start(self._handed_over())
        self.overlord.follow(task)
        counts = self.overlord.counts(task)
        self._clear()
        return task, counts

    def _start(self, reading: Reading) -> str:
        name = f"headgate-{self.delivery.key.replace(':', '-')}"
        writing = Writing(self.sink.datasource, self.sink.mode, self._span())
        if self.sink.dialect is DruidDialect.NATIVE:
            spec = native_spec(self.layout, reading, writing)
            return self.overlord.start(TASKS, name, lambda task: {"id": task, **spec})
        return self.overlord.start(
            STATEMENTS,
            QUERY + name,
            lambda task: sql_statement(self.layout, reading, writing, task.removeprefix(QUERY)),
        )

    def _span(self) -> Span | None:
        """The stretch of time that a REPLACE is about; None for all of it, or where nothing is replaced."""
        every = SPANS.get(self.layout.granularity)
        if self.sink.mode is not DruidMode.REPLACE or every is None:
            return None
        moment = pl.from_epoch(_time(self.layout.timestamp), "ms").dt.truncate(every)
        begin, end = (
            self._loadable()
            .select(moment.min().alias(FIRST), moment.max().alias(LAST))
            .collect(engine="streaming")
            .row(0)
        )
        return Span(begin, _behind(end, every))

    def _loadable(self) -> pl.LazyFrame:
        rows = watched(self.rows.scan(), self.delivery.watch)
        return rows.filter(_time(self.layout.timestamp).is_not_null())

    def _plain(self) -> pl.LazyFrame:
        """The rows as Druid is to read them: the timestamp in milliseconds, numbers, and texts."""
        time = _time(self.layout.timestamp).alias(self.layout.timestamp.name)
        others = [column for column in self.layout.values if column.name != self.layout.timestamp.name]
        return self._loadable().select(time, *map(_plain, others))

    def _handed_over(self) -> Reading:
        """Put the rows where Druid reads them."""
        file = self.delivery.scratch / "druid"
        try:
            return self._within_task(file) if self.sink.storage is None else self._in_bucket(file)
        finally:
            file.unlink(missing_ok=True)

    def _within_task(self, file: Path) -> Reading:
        self._plain().sink_ndjson(file)
        if file.stat().st_size > INLINE_BYTES:
            message = (
                f"The rows make more than the {INLINE_BYTES >> 20} MiB that can be part of a task. Name an endpoint of "
                "the kind S3 in storage, with a bucket that Druid can read."
            )
            raise JobFault("DRUID_TOO_LARGE", message, "CONFIG")
        return Reading({"type": "inline", "data": file.read_text("utf-8")}, {"type": "json"})

    def _in_bucket(self, file: Path) -> Reading:
        endpoint = self.delivery.outside.endpoint(self.sink.storage or "", "S3")
        settings = S3Endpoint.of(endpoint)
        self._plain().sink_parquet(file)
        with open_bucket(endpoint, self.delivery.outside) as bucket:
            bucket.upload(file, self._key, heed=lambda count: self.delivery.watch("delivering"))
        place = {"bucket": settings.bucket, "path": settings.prefix + self._key}
        return Reading({"type": "s3", "objects": [place]}, {"type": "parquet"})

    def _clear(self) -> None:
        """Remove the rows from where Druid has read them."""
        if self.sink.storage is not None:
            endpoint = self.delivery.outside.endpoint(self.sink.storage, "S3")
            with open_bucket(endpoint, self.delivery.outside) as bucket:
                bucket.delete(self._key)

    @property
    def _key(self) -> str:
        return f"headgate/druid/{self.delivery.key.replace(':', '-')}.parquet"


def _plain(column: Column) -> pl.Expr:
    match DruidType.of(column):
        case DruidType.LONG:
            return pl.col(column.name).cast(pl.Int64)
        case DruidType.DOUBLE:
            return pl.col(column.name).cast(pl.Float64)
    return spelled(column).alias(column.name)


def _behind(moment: datetime, every: str) -> datetime:
    """Where the stretch ends that begins at a moment."""
    end: datetime = pl.select(pl.lit(moment).dt.offset_by(every)).item()
    return end
