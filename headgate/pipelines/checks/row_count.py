"""The check `rowCount`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from headgate.pipelines.checks.check import Check, Table
from headgate.pipelines.rules import Finding


class RowCount(Check):
    """The input has so many rows; those that can't be read count too."""

    of_whole_input: ClassVar[bool] = True
    looks_further: ClassVar[bool] = True
    kind: ClassVar[str] = "rowCount"
    example: ClassVar[dict[str, Any]] = {"min": 1}
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"email": "ann.lee@example.org"},
    ]

    min: int | None = Field(default=None, ge=0, description="The fewest rows.")
    max: int | None = Field(default=None, ge=0, description="The most rows.")

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min, {self.min}, is above max, {self.max}")
        return self

    def rules(self, table: Table) -> Iterable[Finding]:
        """There are neither too few rows nor too many."""
        count = table.records
        if self.min is not None and count < self.min:
            yield self._finding(count, f"at least {self.min}")
        if self.max is not None and count > self.max:
            yield self._finding(count, f"at most {self.max}")

    def _finding(self, count: int, wanted: str) -> Finding:
        message = f"The input has {count} rows, and must have {wanted}."
        return self.finding("ROW_COUNT", None, message, str(count))
