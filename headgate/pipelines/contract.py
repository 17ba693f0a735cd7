"""The contract: what the columns of the input must be, and what happens where they differ.

The four policies are those of dlt's schema contracts (https://dlthub.com/docs/general-usage/schema-contracts).
"""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from headgate.errors import JobFault
from headgate.pipelines.kinds import Settings
from headgate.pipelines.parsing import tells
from headgate.pipelines.readers.naming import check_keys
from headgate.storage.columns import ColumnType

FORMATTED = {
    ColumnType.DATE: "%d.%m.%Y",
    ColumnType.DATETIME: "%d.%m.%Y %H:%M:%S",
    ColumnType.TIME: "%H:%M:%S",
}
"""The types of which a text may be in a format of its own, each with one."""


class SchemaPolicy(StrEnum):
    """What happens where the input is not what the contract says."""

    EVOLVE = "EVOLVE"
    FREEZE = "FREEZE"
    DISCARD_ROW = "DISCARD_ROW"
    DISCARD_VALUE = "DISCARD_VALUE"


class ContractColumn(Settings):
    """What one column must be."""

    name: str = Field(min_length=1, pattern="^[^\\x00]*$", description="The column's name.")
    type: ColumnType = Field(description="The type of its values.")
    nullable: bool = Field(default=True, description="Whether a row may have no value here.")
    format: str | None = Field(
        default=None,
        max_length=100,
        description="How a text writes a DATE, DATETIME or TIME, in the codes of strftime; ISO 8601 by default.",
    )
    aliases: list[str] = Field(default_factory=list, description="Other names that the input may use for it.")

    @model_validator(mode="after")
    def _check_format(self) -> Self:
        if self.format is not None and self.type not in FORMATTED:
            raise ValueError(f"format is for {', '.join(sorted(FORMATTED))}, and {self.name} is {self.type}")
        if self.format is not None and not tells(self.format, self.type):
            example = FORMATTED[self.type]
            message = f"{self.format!r} is no format that tells a {self.type} in full, as {example} does"
            raise ValueError(message)
        return self


class Contract(Settings):
    """What the columns must be, and what happens where the input differs."""

    columns: list[ContractColumn] = Field(min_length=1, description="The columns, each once.")
    unknown_columns: SchemaPolicy = Field(
        default=SchemaPolicy.EVOLVE,
        description=(
            "A column that the contract doesn't name is taken along (EVOLVE), fails the job (FREEZE), rejects each "
            "row that has a value there (DISCARD_ROW), or is left out (DISCARD_VALUE)."
        ),
    )
    missing_columns: SchemaPolicy = Field(
        default=SchemaPolicy.FREEZE,
        description=(
            "A column that the input lacks is null in every row (EVOLVE and DISCARD_VALUE), fails the job (FREEZE), "
            "or rejects every row (DISCARD_ROW)."
        ),
    )
    type_mismatch: SchemaPolicy = Field(
        default=SchemaPolicy.DISCARD_ROW,
        description=(
            "A value that is none of its column's type gives the column another type that takes it (EVOLVE), fails the "
            "job (FREEZE), rejects its row (DISCARD_ROW), or becomes null with a warning (DISCARD_VALUE); where the "
            "column is not nullable, that rejects its row too."
        ),
    )

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        try:
            check_keys(column.name for column in self.columns)
        except JobFault as fault:
            raise ValueError(fault.message) from fault
        seen: set[str] = set()
        for column in self.columns:
            for name in dict.fromkeys((column.name, *column.aliases)):
                if name.casefold() in seen:
                    raise ValueError(f"the name {name} is given twice")
                seen.add(name.casefold())
        return self

    def names_for(self, given: list[str]) -> dict[str, str]:
        """What the contract calls the input's columns: by name, else by alias, else by either in another case."""
        found: dict[str, str] = {}
        for column in self.columns:
            if (name := _found(column, given)) is not None and name not in found:
                found[name] = column.name
        return found


def _found(column: ContractColumn, given: list[str]) -> str | None:
    wanted = (column.name, *column.aliases)
    folded = {name.strip().casefold() for name in wanted}
    exact = (name for name in wanted if name in given)
    alike = (name for name in given if name.strip().casefold() in folded)
    return next(exact, None) or next(alike, None)
