"""What all steps have in common, and what they know about the table that they change."""

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property

import polars as pl

from headgate.errors import JobFault
from headgate.pipelines.endpoints.outside import Outside
from headgate.pipelines.kinds import Kind
from headgate.pipelines.prepared import Watch
from headgate.pipelines.rules import Rule, Suggest
from headgate.storage.tablefolders import TableFolder

HIDDEN = "__headgate_"
"""What begins the names of columns that belong to the engine; every step takes them along."""

MAX_SHOWN = 50
"""So many columns are named where one is not there."""

Transform = Callable[[pl.LazyFrame], pl.LazyFrame]
"""Changes rows that come as a lazy frame with ROW_INDEX, the columns and hidden ones; scans nothing by itself."""


class Effect(StrEnum):
    """What becomes of the number of rows."""

    KEEPS = "KEEPS"
    FILTERS = "FILTERS"
    MERGES = "MERGES"
    EXPANDS = "EXPANDS"


@dataclass(frozen=True)
class StepTable:
    """The rows that come to a step. `frame` holds ROW_INDEX, the columns and hidden ones; it can be scanned.

    `sample` are some of the rows, without hidden columns and ROW_INDEX. `datasets` are the folders of the datasets that
    steps name; `outside` are the endpoints. `now` is when the steps were put together, in UTC.
    """

    frame: pl.LazyFrame
    sample: pl.DataFrame
    watch: Watch
    datasets: Mapping[str, TableFolder] = field(default_factory=dict)
    outside: Outside = field(default_factory=Outside)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @cached_property
    def schema(self) -> pl.Schema:
        """The types of the columns, hidden ones left out."""
        return visible(self.frame.collect_schema())

    def require(self, columns: Iterable[str]) -> None:
        """Raise JobFault (UNKNOWN_COLUMN) where one of these columns is not there."""
        for column in columns:
            if column not in self.schema:
                message = f"There is no column {column}; there are {_listed(self.schema.names()) or 'none'}."
                raise JobFault("UNKNOWN_COLUMN", message, "CONFIG", details={"column": column})

    def scan(self, rows: pl.LazyFrame) -> pl.DataFrame:
        """Carry out what is made of `frame`, in a pass of its own that streams; the outcome has to be small."""
        self.watch("preparing")
        return rows.collect(engine="streaming")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_SHOWN:,} others" if len(names) > MAX_SHOWN else ""
    return f"{', '.join(names[:MAX_SHOWN])}{more}"


def visible(schema: pl.Schema) -> pl.Schema:
    """The columns of a schema that don't belong to the engine."""
    return pl.Schema({name: dtype for name, dtype in schema.items() if not name.startswith(HIDDEN)})


class Step(Kind):
    """Changes rows. After a step that doesn't keep rows apart, errors tell of the rows that came out of it."""

    @property
    def effect(self) -> Effect:
        """What becomes of the number of rows; a row that is left out counts as filtered, or as merged into others."""
        return Effect.KEEPS

    @property
    def sees_all(self) -> bool:
        """Whether what becomes of one row depends on others: then rows can't be corrected one by one."""
        return self.effect in (Effect.MERGES, Effect.EXPANDS)

    def reads(self, table: StepTable) -> Iterable[str]:
        """The columns whose text, as it stands in a file, is to be taken for the numbers, dates or booleans it spells.

        A row in which such a text spells none is rejected before it comes to the step.
        """
        return ()

    def rules(self, table: StepTable) -> Iterable[Rule]:
        """What a row has to meet to come to the step; one that breaks a rule of severity ERROR is rejected before.

        The columns that `reads` names have their types by now. Raises JobFault where the step can't take the table.
        """
        return ()

    def keeps_text(self, texts: frozenset[str]) -> frozenset[str]:
        """Of the columns that hold text as it stands in a file, those that still do, under the names they have by then.

        What they hold gets a type in the end; text that a step has made is text, whatever it looks like.
        """
        return texts

    @abstractmethod
    def prepare(self, table: StepTable) -> Transform:
        """How rows are changed; whatever has to see all rows first scans the table here.

        The columns that `reads` names have their types by now, and the rows that break `rules` are gone. Raises
        JobFault where that is not possible.
        """

    def rule(
        self, code: str, column: str, fails: pl.Expr, message: str, suggest: Suggest | None = None
    ) -> Rule:
        """A rule of this step about one column; errors call it by the step's kind."""
        return Rule(code, column, fails, message, check=self.kind, suggest=suggest)
