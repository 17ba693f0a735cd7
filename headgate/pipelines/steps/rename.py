"""The step `rename`."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from headgate.pipelines.kinds import Settings
from headgate.pipelines.steps.columns import ColumnName, NewName
from headgate.pipelines.steps.naming import checked_names, require_free
from headgate.pipelines.steps.step import Step, StepTable, Transform


class RenamedColumn(Settings):
    """A column and its new name."""

    from_: ColumnName = Field(alias="from", description="The name that the column has.")
    to: NewName = Field(description="The name that it gets.")


class Rename(Step):
    """Gives columns other names. They keep their places, and two can swap their names."""

    kind: ClassVar[str] = "rename"
    example: ClassVar[dict[str, Any]] = {"columns": [{"from": "impr", "to": "impressions"}]}
    records: ClassVar[Sequence[Mapping[str, Any]]] = ({"impr": 1200, "clicks": 34},)

    columns: list[RenamedColumn] = Field(min_length=1, description="The columns, each with its new name.")

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        if len({column.from_ for column in self.columns}) < len(self.columns):
            raise ValueError("a column is renamed twice")
        checked_names(column.to for column in self.columns)
        return self

    def keeps_text(self, texts: frozenset[str]) -> frozenset[str]:
        """Text does, under its new name."""
        names = {column.from_: column.to for column in self.columns}
        return frozenset(names.get(name, name) for name in texts)

    def prepare(self, table: StepTable) -> Transform:
        """Rename columns. Raises JobFault (COLUMN_EXISTS) where a name is that of another column."""
        names = {column.from_: column.to for column in self.columns}
        table.require(names)
        require_free((name for name in table.schema if name not in names), names.values())
        return lambda rows: rows.rename(names)
