"""The check `unique`."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, ClassVar

import numpy as np
import polars as pl
from pydantic import Field

from headgate.pipelines.checks import keys
from headgate.pipelines.checks.check import Check, Present, Table, missing_column
from headgate.pipelines.checks.keys import Indexes, Repeats
from headgate.pipelines.rules import Finding, Rule
from headgate.storage.datasets import Snapshot, WriteMode
from headgate.storage.tablefolders import TableFolder


class Unique(Check):
    """No two rows have the same values in these columns: each that repeats an earlier row fails.

    Values are the same where they are spelled the same; with `inDataset` where the dataset makes them the same. A row
    with null in one of the columns passes.
    """

    kind: ClassVar[str] = "unique"
    looks_further: ClassVar[bool] = True
    example: ClassVar[dict[str, Any]] = {"columns": ["campaign_id", "date"]}
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"campaign_id": "c-1", "date": "2024-03-01"},
        {"campaign_id": "c-1", "date": "2024-03-02"},
        {"campaign_id": "c-1", "date": "2024-03-01"},
    ]

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
        staying = list(self._staying(table, columns))
        rows = keys.keys_of(table, columns, staying[0].types if staying else None)
        repeats = keys.repeats(rows, columns, table.records)
        present = [each.repeated_by(rows, table) for each in staying]
        yield unique_rule(self, "UNIQUE", table, columns, repeats, present)

    @property
    def sees_dataset(self) -> bool:
        """Whether rows of the dataset count."""
        return self.in_dataset

    def _staying(self, table: Table, columns: Sequence[str]) -> Iterable["_Staying"]:
        """What of the dataset a row may repeat: those of its own input, and where asked for, all others."""
        present = table.present
        if present is None or present.mode is WriteMode.REPLACE:
            return
        upserted = _upserted(present, table.schema)
        for snapshot, replaced in ((present.earlier, []), (present.snapshot, upserted)):
            if snapshot is None or (snapshot is present.snapshot and not self.in_dataset):
                continue
            staying = _Staying.of(present.folder, snapshot, columns, replaced)
            if staying is not None and staying.names.keys() <= table.schema.keys():
                yield staying


def _upserted(present: Present, schema: pl.Schema) -> list[str]:
    """The keys of an upsert as the input spells them: no two columns of a dataset differ in case alone."""
    spelled = {name.lower(): name for name in schema}
    return [spelled.get(key.lower(), key) for key in present.keys if present.mode is WriteMode.UPSERT]


@dataclass(frozen=True, slots=True)
class _Staying:
    """The rows of a dataset that are still there after the input has gone in: those without a key that is `upserted`.

    `columns` tell rows apart; `names` and `types` are the dataset's by those of the input.
    """

    folder: TableFolder
    snapshot: Snapshot
    columns: Sequence[str]
    upserted: Sequence[str]
    names: Mapping[str, str]
    types: Mapping[str, pl.DataType]

    @classmethod
    def of(
        cls, folder: TableFolder, snapshot: Snapshot, columns: Sequence[str], upserted: Sequence[str]
    ) -> "_Staying | None":
        """None where no row can be repeated: there are no such columns, or an upsert takes away all that have a key."""
        stored = {column.name.lower(): column for column in snapshot.columns}
        known = {name: stored[name.lower()] for name in (*columns, *upserted) if name.lower() in stored}
        if len(known) < len({*columns, *upserted}) or (upserted and {*upserted} <= {*columns}):
            return None
        names = {name: column.name for name, column in known.items()}
        return cls(folder, snapshot, columns, upserted, names, {name: known[name].dtype for name in known})

    def repeated_by(self, rows: pl.LazyFrame, table: Table) -> Indexes:
        """The rows of the input that have the values of one that stays."""
        stored = keys.stored_keys(self.folder, self.snapshot, self.names, self.columns)
        if self.upserted:
            incoming = keys.keys_of(table, self.upserted, self.types).select(self.upserted)
            stored = stored.join(incoming, on=list(self.upserted), how="anti")
        return keys.found_in(rows, stored, self.columns, self.snapshot.row_count)


def unique_rule(
    check: Check,
    code: str,
    table: Table,
    columns: Sequence[str],
    repeats: Repeats,
    present: Sequence[Indexes] = (),
) -> Rule:
    """The rule that is broken by rows that repeat earlier ones, and by those whose values the dataset has."""
    found = reduce(np.union1d, present, repeats.rows)
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
