"""Deliveries: a job's good rows go to its sinks outside, one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from headgate.errors import JobFault
from headgate.pipelines.arrangement import Arranged
from headgate.pipelines.endpoints.outside import Outside
from headgate.pipelines.faults import RULE, FaultyRows
from headgate.pipelines.orders import Permit
from headgate.pipelines.prepared import ROW_INDEX, Watch
from headgate.pipelines.rejections import RejectionLog
from headgate.pipelines.rules import Rule, Severity
from headgate.pipelines.sinks.sink import Delivered, Delivery, OutsideSink, SinkRows

NUMBERS_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What the sinks outside have done: one line of `said` for each, and how many rows were `refused` or `merged`."""

    said: Sequence[dict[str, Any]] = ()
    refused: int = 0
    merged: int = 0


@dataclass(frozen=True, slots=True)
class Courier:
    """Takes the rows of a job to sinks outside, each with its number in the spec.

    Where a sink is the only place that rows go to, those that it refuses are rejected; else that is a warning.
    """

    job: str
    sinks: Sequence[tuple[int, OutsideSink]]
    is_only: bool
    outside: Outside
    scratch: Path
    watch: Watch

    def deliver(self, rows: SinkRows, arranged: Arranged, log: RejectionLog, permit: Permit) -> Deliveries:
        """Write the rows to all sinks; what they refuse goes to the log. Raises JobFault, and Stopped from `permit`."""
        delivered = []
        for number, sink in self.sinks:
            self.watch("delivering")
            permit()
            done = self._write(rows, number, sink)
            if done.refused.index:
                self._log(done, sink, rows, arranged, log)
            delivered.append((sink, done))
        return Deliveries(
            [{"kind": sink.kind, **done.said} for sink, done in delivered],
            sum(len(set(done.refused.index)) for _, done in delivered) if self.is_only else 0,
            delivered[0][1].merged if self.is_only and delivered else 0,
        )

    def _write(self, rows: SinkRows, number: int, sink: OutsideSink) -> Delivered:
        scratch = self.scratch / f"sink-{number}"
        scratch.mkdir()
        delivery = Delivery(self.job, f"{self.job}:{number}", scratch, self.outside, self.watch)
        try:
            return sink.write(rows, delivery)
        except JobFault as fault:
            step = f"sinks.{number}.{sink.kind}"
            raise JobFault(
                fault.code, fault.message, fault.category, fault.retryable, fault.details, step
            ) from fault

    def _log(
        self, done: Delivered, sink: OutsideSink, rows: SinkRows, arranged: Arranged, log: RejectionLog
    ) -> None:
        """Make lines of the ledger of refused rows, so many at a time."""
        names = {column.name: column.name for column in rows.columns}
        told = pl.DataFrame(
            {ROW_INDEX: done.refused.index, "message": done.refused.message},
            schema={ROW_INDEX: rows.numbered().collect_schema()[ROW_INDEX], "message": pl.String},
        ).unique(ROW_INDEX, keep="first", maintain_order=True)
        for chunk in told.iter_slices(NUMBERS_AT_ONCE):
            refused = (
                rows.numbered().join(chunk.lazy(), on=ROW_INDEX, how="inner").collect(engine="streaming")
            )
            messages = dict(zip(refused[ROW_INDEX], refused["message"], strict=True))
            faulty = FaultyRows([self._rule(sink, messages)], names, arranged.prepared.rows, log.take)
            faulty.add(refused.drop("message").with_columns(pl.lit(True).alias(f"{RULE}0")))
            faulty.finish()

    def _rule(self, sink: OutsideSink, messages: dict[int, str]) -> Rule:
        return Rule(
            "REFUSED",
            None,
            pl.lit(True),
            "The sink refused the row.",
            check=sink.kind,
            severity=Severity.ERROR if self.is_only else Severity.WARNING,
            messages=lambda indexes: pl.Series([messages[index] for index in indexes], dtype=pl.String),
        )
