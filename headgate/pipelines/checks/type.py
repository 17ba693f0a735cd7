"""The check `type`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import polars as pl
from pydantic import Field, field_validator, model_validator

from headgate.pipelines import suggestions
from headgate.pipelines.checks.check import ColumnCheck, Table
from headgate.pipelines.checks.operands import checked_form, moment_of, number_of
from headgate.pipelines.parsing import PARSERS
from headgate.pipelines.rules import Rule, Suggest
from headgate.pipelines.suggestions import MEANT
from headgate.pipelines.types import conforming, is_text
from headgate.storage.columns import ColumnType, column_type

DECIMAL = r"^[+-]?[0-9]{1,38}(\.[0-9]{1,38})?$"
WITH_FORMAT = (ColumnType.DATE, ColumnType.DATETIME)


class Type(ColumnCheck):
    """Each value is of a type, or is text that spells such a value.

    Spelled are integers within 64 bits, finite numbers, true and false in any case, dates as 2024-12-31, times as
    23:59 or 23:59:59, and moments as ISO 8601 writes them, unless `format` says otherwise. No text is a LIST, a STRUCT,
    a DURATION or a BINARY.
    """

    kind: ClassVar[str] = "type"
    example: ClassVar[dict[str, Any]] = {"columns": ["clicks"], "type": "INTEGER"}
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"clicks": "12"},
        {"clicks": "a dozen"},
    ]

    type: ColumnType = Field(description="The type that the values are to have.")
    format: str | None = Field(
        default=None,
        max_length=100,
        description="How text spells a DATE or a DATETIME, as strftime says it, such as %d.%m.%Y.",
    )

    @field_validator("format")
    @classmethod
    def _check_format(cls, form: str | None) -> str | None:
        return None if form is None else checked_form(form)

    @model_validator(mode="after")
    def _check_type(self) -> Self:
        if self.type is ColumnType.NULL:
            raise ValueError("NULL is the type of no value")
        if self.format is not None and self.type not in WITH_FORMAT:
            raise ValueError(f"a format is for {' and '.join(WITH_FORMAT)}, not for {self.type}")
        return self

    def column_rules(self, table: Table, column: str) -> Iterable[Rule]:
        """A value has the type, or text spells one."""
        dtype = table.schema[column]
        if column_type(dtype) is self.type:
            return
        fails = pl.col(column).is_not_null() & ~self._fits(column, dtype)
        form = "" if self.format is None else f" of the format {self.format}"
        message = f"The value is no {self.type}{form}."
        yield self.rule("TYPE", column, fails, message, suggest=self._suggest())

    def _fits(self, column: str, dtype: pl.DataType) -> pl.Expr:
        cell = pl.col(column)
        if self.type not in PARSERS and self.type is not ColumnType.DECIMAL:
            return pl.lit(False)
        if not is_text(dtype):
            if self.type is ColumnType.DECIMAL:
                return number_of(column, dtype).is_not_null()
            return conforming(dtype, PARSERS[self.type][0]).exact(cell).is_not_null()
        text = cell.cast(pl.String)
        if self.type is ColumnType.DECIMAL:
            return text.str.contains(DECIMAL) & (text.str.count_matches("[0-9]") <= 38)
        if self.type is ColumnType.DATETIME:
            return self._is_moment(column, dtype)
        return PARSERS[self.type][1](text, self.format).is_not_null()

    def _is_moment(self, column: str, dtype: pl.DataType) -> pl.Expr:
        """A day alone is no moment, unless the format says so."""
        is_longer = (
            pl.col(column).cast(pl.String).str.len_bytes() > 10 if self.format is None else pl.lit(True)
        )
        return is_longer & moment_of(column, dtype, self.format).is_not_null()

    def _suggest(self) -> Suggest | None:
        propose = suggestions.value_of(self.type, self.format)
        if propose is None:
            return None
        return suggestions.only_where(self._fits(MEANT, pl.String()), suggestions.suggesting(propose))
