"""The step `explode`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import polars as pl
from pydantic import Field

from headgate.errors import JobFault
from headgate.pipelines.rules import Rule
from headgate.pipelines.steps.columns import ColumnStep
from headgate.pipelines.steps.jsonlists import are_lists, found_lists, lengths
from headgate.pipelines.steps.step import Effect, StepTable, Transform
from headgate.pipelines.types import is_text
from headgate.storage.columns import column_type


class Explode(ColumnStep):
    """Makes a row for each item of a list: of a column of lists, or of texts that hold several values.

    A text is a JSON array, or values with a separator between them. Of several columns the first items go together,
    then the second ones, and so on; where they have not equally many, the row is rejected. The other columns are
    repeated. An empty list, an empty text or null gives one row with null.
    """

    kind: ClassVar[str] = "explode"
    example: ClassVar[dict[str, Any]] = {"columns": ["tags"], "separator": ","}
    records: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"name": "Ada", "tags": "new,vip"},
        {"name": "Bob", "tags": None},
    )

    separator: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="What stands between the values of a text; where it is left out, a text is a JSON array.",
    )

    @property
    def effect(self) -> Effect:
        """One row becomes several."""
        return Effect.EXPANDS

    def rules(self, table: StepTable) -> Iterator[Rule]:
        """Texts hold JSON arrays, unless there is a separator, and all columns have equally many items."""
        self._check(table)
        for column in self.columns:
            if is_text(table.schema[column]) and self.separator is None:
                yield self.rule("TYPE", column, ~are_lists(column), "The value is no JSON array.")
        counts = [self._length(table, column).fill_null(0) for column in self.columns]
        if len(counts) > 1:
            fails = pl.any_horizontal(count != counts[0] for count in counts[1:])
            message = f"The columns {', '.join(self.columns)} have not equally many items."
            yield Rule("LENGTH", None, fails, message, check=self.kind, columns=self.columns)

    def prepare(self, table: StepTable) -> Transform:
        """Make rows of items. Raises JobFault (NOT_LIST) for what holds no list."""
        self._check(table)
        lists = {
            column: self._list(table, column) for column in self.columns if table.schema[column] != pl.Null
        }
        # Polars leaves out the row of an empty list.
        filled = [pl.when(items.list.len() > 0).then(items).alias(column) for column, items in lists.items()]
        return lambda rows: rows.with_columns(filled).explode(list(lists)) if lists else rows

    def _check(self, table: StepTable) -> None:
        table.require(self.columns)
        for column in self.columns:
            dtype = table.schema[column]
            if not (is_text(dtype) or dtype in (pl.List, pl.Array, pl.Null)):
                message = f"The column {column} holds {column_type(dtype)} values, and lists are wanted."
                raise JobFault("NOT_LIST", message, "CONFIG", details={"column": column})

    def _list(self, table: StepTable, column: str) -> pl.Expr:
        dtype = table.schema[column]
        if not is_text(dtype):
            return pl.col(column).arr.to_list() if isinstance(dtype, pl.Array) else pl.col(column)
        return found_lists(table, column) if self.separator is None else _split(column, self.separator)

    def _length(self, table: StepTable, column: str) -> pl.Expr:
        dtype = table.schema[column]
        if dtype == pl.Null:
            return pl.lit(None, pl.UInt32)
        if is_text(dtype) and self.separator is None:
            return lengths(column)
        return self._list(table, column).list.len()


def _split(column: str, separator: str) -> pl.Expr:
    text = pl.col(column).cast(pl.String)
    return pl.when(text != "").then(text).str.split(separator)
