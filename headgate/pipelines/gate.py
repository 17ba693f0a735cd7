"""The gate: every batch of the scan passes here, typed; what loses its value is rejected or reported."""

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from headgate.pipelines.prepared import ROW_INDEX, Prepared, Watch
from headgate.pipelines.rejections import Rejection, RejectionLog
from headgate.pipelines.types import TEXT, Candidate, TypePlan
from headgate.storage.columns import Column, column_type, plain_text

SOURCE = "__headgate_source__:"
READ_SHARE = 0.35
"""How much of a job's time the first sweep takes, for its progress."""


class Gate:
    """Types the rows of a prepared source, in one lazy scan.

    Columns of `fixed` have the type of an existing dataset: a row with a value that it can't hold, or
    without one of the `keys`, is rejected. The other columns have the type that `plan` takes them to have;
    those whose values break it are collected in `misfits`: then the scan is repeated with another plan.
    """

    def __init__(
        self,
        prepared: Prepared,
        plan: TypePlan,
        fixed: Mapping[str, tuple[Column, Candidate]],
        log: RejectionLog,
        watch: Watch,
        keys: Collection[str] = (),
    ) -> None:
        self.misfits: set[str] = set()
        self.rows = 0
        self._prepared, self._plan, self._fixed, self._log, self._watch = prepared, plan, fixed, log, watch
        self._keys = frozenset(keys)
        self._lock = threading.Lock()

    def columns(self) -> list[Column]:
        """The columns that come out, in the order of the source."""
        return [self._column(name) for name in self._prepared.names]

    def _column(self, name: str) -> Column:
        if name in self._fixed:
            return self._fixed[name][0]
        chosen = self._plan.chosen[name]
        return Column(name, chosen.dtype, chosen.form)

    def frame(self) -> pl.LazyFrame:
        """ROW_INDEX and the typed columns of the good rows."""
        names = self._prepared.names
        typed = [self._candidate(name).exact(pl.col(name)).alias(name) for name in names]
        sources = [pl.col(name).alias(SOURCE + name) for name in names if self._source(name) != name]
        schema = {ROW_INDEX: pl.get_index_type()} | {column.name: column.dtype for column in self.columns()}
        return self._prepared.frame.select(ROW_INDEX, *typed, *sources).map_batches(
            self._pass, schema=schema, streamable=True, validate_output_schema=False
        )

    def _candidate(self, name: str) -> Candidate:
        return self._fixed[name][1] if name in self._fixed else self._plan.chosen[name]

    def _source(self, name: str) -> str:
        """Where a batch holds a column as it came: beside the typed one, unless that is the same."""
        return name if self._candidate(name) is TEXT else SOURCE + name

    def _pass(self, batch: pl.DataFrame) -> pl.DataFrame:
        typed = batch.select(ROW_INDEX, *self._prepared.names)
        broken = self._broken(batch)
        self.misfits.update(name for name in broken if name not in self._fixed and name not in self._keys)
        self._count(batch.height)
        faulty = [name for name in broken if name not in self.misfits]
        if not faulty or self.misfits:
            return typed
        bad = batch.select(pl.any_horizontal(self._fault(name) for name in faulty)).to_series()
        self._reject(batch.filter(bad), faulty)
        return typed.filter(~bad)

    def _broken(self, batch: pl.DataFrame) -> list[str]:
        """The columns in which a value got lost, or a key is missing."""
        return [
            name
            for name in self._prepared.names
            if batch[name].null_count()
            > (0 if name in self._keys else batch[self._source(name)].null_count())
        ]

    def _fault(self, name: str) -> pl.Expr:
        missing = pl.col(name).is_null()
        return missing if name in self._keys else missing & pl.col(self._source(name)).is_not_null()

    def _count(self, rows: int) -> None:
        with self._lock:
            self.rows += rows
            share = self.rows / max(self._prepared.accepted, 1)
        self._watch("writing", rows_written=self.rows, fraction=READ_SHARE + (0.95 - READ_SHARE) * share)

    def _reject(self, rows: pl.DataFrame, faulty: Sequence[str]) -> None:
        indexes = rows[ROW_INDEX].to_numpy().astype(np.int64)
        if self._prepared.rows is None:
            places = zip((indexes + 1).tolist(), [None] * len(indexes), strict=True)
        else:
            numbers, lines = self._prepared.rows.locate(indexes)
            places = zip(numbers.tolist(), lines.tolist(), strict=True)
        for (row, line), values in zip(places, rows.to_dicts(), strict=True):
            self._log.reject(list(self._faults(row, line, values, faulty)))

    def _faults(
        self, row: int, line: int | None, values: dict[str, object], faulty: Sequence[str]
    ) -> Iterator[Rejection]:
        record = {name: values[self._source(name)] for name in self._prepared.names}
        for name in faulty:
            given = record[name]
            if values[name] is not None:
                continue
            if given is not None:
                text = plain_text(given)
                kind = column_type(self._column(name).dtype).value
                message = (
                    f"The dataset's column is {kind}; this value is none, or would be changed to become one."
                )
                yield Rejection(row, line, name, text, "TYPE", message, record)
            elif name in self._keys:
                message = "The row has no value for a key column, so it can't be matched to existing rows."
                yield Rejection(row, line, name, None, "REQUIRED", message, record)
