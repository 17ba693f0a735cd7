"""Suggested checks: what a sample of a file shows, as checks that each row of the sample passes."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from headgate.pipelines import hints
from headgate.pipelines.checks.check import Check, Table
from headgate.pipelines.checks.registry import check_kinds
from headgate.pipelines.damage import scannable
from headgate.pipelines.formats import read
from headgate.pipelines.hints import Hint, Sampled
from headgate.pipelines.inspector import CUT, head_of
from headgate.pipelines.prepared import ROW_INDEX, Prepared, Source
from headgate.pipelines.profiles.table import MAX_COLUMNS
from headgate.pipelines.rejections import RejectionLog
from headgate.pipelines.rules import Finding
from headgate.pipelines.types import TypePlan
from headgate.storage.columns import column_type

SAMPLE_ROWS = 10_000
LOOKED_AT_ROWS = 200_000
"""The sample is taken evenly out of so many first rows: the very first alone may be of one day, or one state."""
MIN_ROWS = 10
"""Fewer rows suggest nothing."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A check, and in words why."""

    check: Check
    reason: str

    def to_json(self) -> dict[str, Any]:
        """Kind, severity, settings as a spec has them, and reason."""
        return {
            "kind": self.check.kind,
            "severity": self.check.severity.value,
            "settings": self.check.to_json(),
            "reason": self.reason,
        }


def suggest(source: Source, scratch: Path) -> list[Suggestion]:
    """What a sample of a file suggests for its first MAX_COLUMNS columns. Raises JobFault where it can't be read."""
    head = head_of(source.path, scratch) if source.format in CUT else source.path
    log = RejectionLog(scratch)
    prepared = read(Source(head, source.format, source.dialect), scratch, log, _ignore)
    with scannable(source.format, prepared):
        rows = _sampled_rows(prepared)
    return list(_suggestions(prepared, rows)) if rows.height >= MIN_ROWS else []


def _sampled_rows(prepared: Prepared) -> pl.DataFrame:
    every = math.ceil(min(prepared.accepted, LOOKED_AT_ROWS) / SAMPLE_ROWS)
    first = prepared.frame.select(ROW_INDEX, *prepared.names[:MAX_COLUMNS]).head(LOOKED_AT_ROWS)
    chosen = first.filter(pl.col(ROW_INDEX) % max(every, 1) == 0)
    return chosen.collect(engine="streaming")


def _suggestions(prepared: Prepared, rows: pl.DataFrame) -> Iterator[Suggestion]:
    table = Table(rows.lazy(), rows.drop(ROW_INDEX), rows.height, _ignore)
    for sampled in _columns(prepared, table.sample):
        for hint in hints.of_column(sampled):
            check = _check(sampled.name, hint)
            if passes(check, table):
                yield Suggestion(check, hint.reason)


def _columns(prepared: Prepared, sample: pl.DataFrame) -> Iterator[Sampled]:
    plan = TypePlan.guess(sample.schema, prepared.texts, sample)
    for position, name in enumerate(sample.columns):
        chosen = plan.chosen[name]
        typed = sample.select(chosen.exact(pl.col(name))).to_series()
        yield Sampled(name, position, typed, column_type(chosen.dtype))


def _check(name: str, hint: Hint) -> Check:
    settings: Mapping[str, Any] = {"columns": [name], **hint.settings}
    return check_kinds()[hint.kind].model_validate(settings)


def passes(check: Check, table: Table) -> bool:
    """Whether each row passes a check: what a hint took from the values, the check may see in another way."""
    for rule in check.rules(table):
        if isinstance(rule, Finding) or table.frame.select(rule.fails.any()).collect().item():
            return False
    return True


def _ignore(stage: str, **figures: Any) -> None:
    """Nobody waits for the progress of suggestions."""
