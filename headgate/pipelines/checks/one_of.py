"""The check `oneOf`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, ClassVar

import polars as pl
from pydantic import Field, PlainValidator, WithJsonSchema

from headgate.pipelines.checks.check import ColumnCheck, Table
from headgate.pipelines.checks.operands import number_of, text_of
from headgate.pipelines.rules import Rule
from headgate.pipelines.suggestions import closest, suggesting
from headgate.pipelines.types import is_text

MAX_SHOWN = 10


def _scalar(value: object) -> object:
    if not isinstance(value, str | int | float | bool):
        raise ValueError("give a text, a number, true or false")
    return value


Scalar = Annotated[
    str | int | float | bool,
    PlainValidator(_scalar),
    WithJsonSchema({"type": ["string", "number", "boolean"]}),
]


class OneOf(ColumnCheck):
    """Each value is one of those listed. Numbers are compared as numbers: 1.0 is 1, in a text column too."""

    kind: ClassVar[str] = "oneOf"
    example: ClassVar[dict[str, Any]] = {"columns": ["status"], "values": ["active", "paused", "ended"]}
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"status": "active"},
        {"status": "deleted"},
    ]

    values: list[Scalar] = Field(
        min_length=1, max_length=10_000, description="The values that may stand there."
    )
    ignore_case: bool = Field(default=False, description="Whether text may be in another case.")

    def column_rules(self, table: Table, column: str) -> Iterable[Rule]:
        """A value is listed."""
        shown = [_text(value) for value in self.values[:MAX_SHOWN]]
        more = f" and {len(self.values) - MAX_SHOWN} others" if len(self.values) > MAX_SHOWN else ""
        yield self.rule(
            "ENUM",
            column,
            ~self._is_listed(column, table.schema[column]),
            f"The value must be one of: {', '.join(shown)}{more}.",
            suggest=suggesting(closest([_text(value) for value in self.values])),
        )

    def _is_listed(self, column: str, dtype: pl.DataType) -> pl.Expr:
        text, texts = text_of(column, dtype), [_text(value) for value in self.values]
        if self.ignore_case:
            text, texts = text.str.to_lowercase(), [value.lower() for value in texts]
        listed = text.is_in(pl.Series(texts, dtype=pl.String).implode())
        numbers = [float(value) for value in self.values if _is_number(value)]
        if not numbers or not (is_text(dtype) or dtype.is_float() or dtype.is_decimal()):
            return listed
        by_number = number_of(column, dtype).is_in(pl.Series(numbers, dtype=pl.Float64).implode())
        return listed | by_number.fill_null(False)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(value: object) -> str:
    """A value as cells spell it: as JSON does, but for 1.0, which is 1."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
