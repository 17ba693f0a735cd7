"""The step `replace`."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, Self

import polars as pl
from pydantic import Field, field_validator, model_validator

from headgate.pipelines.checks.pattern import checked_regex, whole
from headgate.pipelines.kinds import Settings
from headgate.pipelines.steps.columns import ColumnStep, require_flat, require_text
from headgate.pipelines.steps.constants import Constant, constant, spelled
from headgate.pipelines.steps.step import StepTable, Transform
from headgate.pipelines.types import is_text


class ReplacedPart(StrEnum):
    """What of a cell has to be as the replacements say."""

    CELL = "CELL"
    PART = "PART"


class Replacement(Settings):
    """A value and what stands in its place."""

    from_: Constant = Field(alias="from", description="The value to look for.")
    to: Constant | None = Field(
        default=None, description="What it becomes; null where it is left out, or nothing where it is a PART."
    )


class Replace(ColumnStep):
    """Replaces values: whole cells, or parts of texts, by a list of replacements or by a regular expression.

    Of several replacements that fit at one place of a text, the first of the list is taken, and what was put in is not
    looked at again. The regular expression is of the syntax of Rust's `regex`, which has no look-around. Null stays
    null: the step `fill` fills it in.
    """

    kind: ClassVar[str] = "replace"
    example: ClassVar[dict[str, Any]] = {
        "columns": ["country"],
        "replacements": [{"from": "UK", "to": "GB"}, {"from": "n/a"}],
    }
    records: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"country": "UK"},
        {"country": "n/a"},
        {"country": "FR"},
    )

    replacements: list[Replacement] | None = Field(
        default=None, min_length=1, max_length=10_000, description="The values, each with what it becomes."
    )
    pattern: str | None = Field(
        default=None,
        min_length=1,
        max_length=1_000,
        description="A regular expression to look for, in place of `replacements`.",
    )
    with_: str | None = Field(
        default=None,
        alias="with",
        max_length=1_000,
        description="What stands in the place of a match of `pattern`; ${1} is its first group, $$ a dollar sign.",
    )
    match: ReplacedPart | None = Field(
        default=None,
        description=(
            "Whether the CELL as a whole has to be as said, or each PART of it that is so is replaced. By default CELL "
            "for replacements, and PART for a pattern."
        ),
    )

    @field_validator("pattern")
    @classmethod
    def _check_pattern(cls, pattern: str | None) -> str | None:
        return None if pattern is None else checked_regex(pattern)

    @model_validator(mode="after")
    def _check_choice(self) -> Self:
        if (self.replacements is None) == (self.pattern is None):
            raise ValueError("give either replacements or a pattern")
        if (self.pattern is None) != (self.with_ is None):
            raise ValueError("pattern and with go together")
        given = [spelled(each.from_) for each in self.replacements or ()]
        if len(set(given)) < len(given):
            raise ValueError("a value is replaced twice")
        if self._in_parts and "" in given:
            raise ValueError("no text has a part that is empty")
        return self

    @property
    def _in_parts(self) -> bool:
        if self.match is None:
            return self.pattern is not None
        return self.match is ReplacedPart.PART

    def prepare(self, table: StepTable) -> Transform:
        """Replace values. Raises JobFault: NOT_TEXT for parts of what is no text, UNFIT_VALUE, NESTED_COLUMN."""
        if self.pattern is not None or self._in_parts:
            require_text(table, self.columns)
        require_flat(table, self.columns)
        columns = [column for column in self.columns if table.schema[column] != pl.Null]
        replaced = [self._replaced(column, table.schema[column]) for column in columns]
        return lambda rows: rows.with_columns(replaced)

    def _replaced(self, column: str, dtype: pl.DataType) -> pl.Expr:
        cell = pl.col(column).cast(pl.String) if is_text(dtype) and dtype != pl.String else pl.col(column)
        if self.pattern is not None:
            regex = self.pattern if self._in_parts else whole(self.pattern)
            return cell.str.replace_all(regex, self.with_ or "")
        pairs = self.replacements or []
        if self._in_parts:
            parts = [spelled(pair.from_) for pair in pairs]
            others = ["" if pair.to is None else spelled(pair.to) for pair in pairs]
            return cell.str.replace_many(parts, others, leftmost=True)
        old = pl.concat([constant(pair.from_, column, dtype) for pair in pairs])
        nothing = pl.Series([None], dtype=old.dtype)
        new = [nothing if pair.to is None else constant(pair.to, column, dtype) for pair in pairs]
        return cell.replace(old, pl.concat(new))
