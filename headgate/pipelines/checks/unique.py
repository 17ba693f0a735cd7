"""The check `unique`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import polars as pl
from pydantic import Field

from headgate.pipelines.checks import keys
from headgate.pipelines.checks.check import Check, Present, Table, missing_column
from headgate.pipelines.checks.keys import Indexes, Repeats
from headgate.pipelines.rules import Finding, Rule
from headgate.storage.datasets import Snapshot, WriteMode


class Unique(Check):
    """No two rows have the same values in these columns: each that repeats an earlier row fails.

    Values are the same where they are spelled the same; with `inDataset` where the dataset makes them the same. A row
    with null in one of the columns passes.
    """

    kind: ClassVar[str] = "unique"
    example: ClassVar[dict[str, Any]] = {"columns": ["campaign_id", "date"]}

    columns: list[str] = Field(min_length=1, description="The columns that tell rows apart together.")
    in_dataset: bool = Field(
        default=False,
        description=(
            "Whether a row fails too where its values are in the dataset that it goes into, in a row that stays there: "
            "with APPEND all stay, with UPSERT those whose keys are not in the input, with REPLACE none."
        ),
    )

    def rules(self, table: Table) -> Iterable[Rule | Finding]:
        """No row repeats an earlier one, or one of the dataset."""
        columns = list(dict.fromkeys(self.columns))
        if missing := [column for column in columns if column not in table.schema]:
            yield from (missing_column(self, column) for column in missing)
            return
        staying = self._staying(table.present, columns)
        rows = keys.keys_of(table, columns, staying.types if staying else None)
        repeats = keys.repeats(rows, columns, table.records)
        present = staying.repeated_by(rows, table) if staying else None
        yield unique_rule(self, "UNIQUE", table, columns, repeats, present)

    def _staying(self, present: Present | None, columns: Sequence[str]) -> "_Staying | None":
        """What of the dataset a row may repeat; None for nothing."""
        if not self.in_dataset or present is None or present.snapshot is None:
            return None
        staying = _Staying(present, present.snapshot, columns)
        return staying if staying.is_possible() else None


@dataclass(frozen=True, slots=True)
class _Staying:
    """The rows of a dataset that are still there after the input has gone in."""

    present: Present
    snapshot: Snapshot
    columns: Sequence[str]

    @property
    def types(self) -> dict[str, pl.DataType]:
        return {column.name: column.dtype for column in self.snapshot.columns}

    def is_possible(self) -> bool:
        """Whether a row of the input can repeat one: an upsert takes away those with its own keys."""
        if not {*self.columns} <= self.types.keys() or self.present.mode is WriteMode.REPLACE:
            return False
        return self.present.mode is WriteMode.APPEND or not {*self.present.keys} <= {*self.columns}

    def repeated_by(self, rows: pl.LazyFrame, table: Table) -> Indexes:
        """The rows of the input that have the values of one that stays."""
        upserted = self.present.keys if self.present.mode is WriteMode.UPSERT else ()
        stored = keys.stored_keys(self.present.path, self.snapshot, self.columns, *upserted)
        if upserted:
            incoming = keys.keys_of(table, upserted, self.types).select(upserted)
            stored = stored.join(incoming, on=list(upserted), how="anti")
        return keys.found_in(rows, stored, self.columns, self.snapshot.row_count)


def unique_rule(
    check: Check,
    code: str,
    table: Table,
    columns: Sequence[str],
    repeats: Repeats,
    present: Indexes | None = None,
) -> Rule:
    """The rule that is broken by rows that repeat earlier ones, and by those whose values the dataset has."""
    found = repeats.rows if present is None else np.union1d(repeats.rows, present)
    which = "The value" if len(columns) == 1 else f"The combination of {', '.join(columns)}"
    return check.rule(
        code,
        columns[0] if len(columns) == 1 else None,
        keys.among(found),
        f"{which} is not unique.",
        messages=_naming_first(table, repeats, which),
        columns=columns,
    )


def _naming_first(table: Table, repeats: Repeats, which: str) -> Callable[[pl.Series], pl.Series]:
    """Say for each row which row it repeats."""

    def messages(rows: pl.Series) -> pl.Series:
        at = keys.positions(repeats.rows, rows.to_numpy())
        numbers = iter(table.row_numbers(repeats.first[at[at >= 0]].astype(np.int64)).tolist())
        return pl.Series(
            [
                f"{which} is the same as in row {next(numbers)}."
                if repeated
                else f"{which} is in the dataset already."
                for repeated in at >= 0
            ],
            dtype=pl.String,
        )

    return messages
