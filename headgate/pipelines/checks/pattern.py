"""The check `pattern`."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import polars as pl
from pydantic import Field, field_validator

from headgate.pipelines.checks.check import ColumnCheck, Table
from headgate.pipelines.checks.operands import text_of
from headgate.pipelines.rules import Rule
from headgate.pipelines.suggestions import suggesting, trimmed_to


class Pattern(ColumnCheck):
    """Each value as a whole matches a regular expression, in the syntax of Rust's `regex`, which has no look-around.

    Matching takes time in proportion to the length of a value, whatever the expression.
    """

    kind: ClassVar[str] = "pattern"
    example: ClassVar[dict[str, Any]] = {"columns": ["sku"], "regex": "[A-Z]{3}-[0-9]{4}"}
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"sku": "ABC-1234"},
        {"sku": "abc1234"},
    ]

    regex: str = Field(
        min_length=1,
        max_length=1_000,
        description="The regular expression that a value has to match from its first character to its last.",
    )

    @field_validator("regex")
    @classmethod
    def _check_regex(cls, regex: str) -> str:
        return checked_regex(regex)

    def column_rules(self, table: Table, column: str) -> Iterable[Rule]:
        """A value matches."""
        regex = whole(self.regex)
        fails = ~text_of(column, table.schema[column]).str.contains(regex)
        suggest = suggesting(trimmed_to(lambda text: matches(regex, text)))
        yield self.rule(
            "PATTERN", column, fails, f"The value does not match the pattern {self.regex}.", suggest=suggest
        )


def whole(regex: str) -> str:
    """The regular expression that a text matches from its first character to its last."""
    return f"^(?:{regex})$"


def checked_regex(regex: str) -> str:
    """The regular expression. Raises ValueError where it is none."""
    # By itself too: `a)|(b` would only do within the parentheses that are put around it.
    for given in (regex, whole(regex)):
        try:
            matches(given, "")
        except pl.exceptions.PolarsError as error:
            raise ValueError(f"not a regular expression: {_reason(error)}") from error
    return regex


def matches(regex: str, text: str) -> bool:
    """Whether a text holds a match, by the engine that looks at the rows. Raises PolarsError for no expression."""
    return bool(pl.Series([text]).str.contains(regex)[0])


def _reason(error: Exception) -> str:
    """What the parser says, without the lines in which it points into the expression, and where Polars was."""
    said = str(error).split("\n\nThis error occurred")[0]
    return said.strip().splitlines()[-1].removeprefix("regex error: ").removeprefix("error: ")
