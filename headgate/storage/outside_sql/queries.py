"""What is asked of a database, and how the values of its answer are spelled as text."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import polars as pl

from headgate.errors import JobFault

QUERY_FAILED = "QUERY_FAILED"
PIECE_BYTES = 32 << 20
"""The answer comes in pieces of about so much text."""


class Spelling(StrEnum):
    """What the texts of a column spell, in the form that PostgreSQL and SQLite's users have for it."""

    INTEGER = "INTEGER"
    FLOAT = "FLOAT"
    NUMERIC = "NUMERIC"
    BOOLEAN = "BOOLEAN"
    DATE = "DATE"
    TIME = "TIME"
    LOCAL = "LOCAL"
    """A date and a time without a zone."""
    MOMENT = "MOMENT"
    """The same in UTC, with its offset behind."""
    HEX = "HEX"
    TEXT = "TEXT"


@dataclass(frozen=True, slots=True)
class AnswerColumn:
    """A column of an answer; of a list, `spelling` is that of its items, and the text a JSON array of texts."""

    name: str
    spelling: Spelling
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """Ask for rows alone whose `column` is greater than `after`, in its order; for all where that is None."""

    column: str
    after: str | int | float | None = None


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT, without a semicolon; `cursor` says where to go on."""

    text: str
    cursor: Cursor | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The columns of what was taken, and the cursor's value in the last row; None where there is none."""

    columns: Sequence[AnswerColumn]
    last: Any = None


Take = Callable[[pl.DataFrame, Sequence[AnswerColumn]], None]
"""Takes a piece of an answer: all values as text, and what they seem to spell so far."""


def check_names(query: Query, names: Sequence[str]) -> None:
    """Say whether an answer with such columns can be taken. Raises JobFault: QUERY_FAILED, UNKNOWN_COLUMN."""
    if not names:
        raise JobFault(QUERY_FAILED, "The query answers no columns.", "CONFIG")
    if twice := [name for name in names if names.count(name) > 1]:
        message = f"The query answers two columns {twice[0]}: give one another name with AS."
        raise JobFault(QUERY_FAILED, message, "CONFIG", details={"column": twice[0]})
    if query.cursor is not None and query.cursor.column not in names:
        message = f"The query answers no column {query.cursor.column}; it answers {', '.join(names)}."
        raise JobFault("UNKNOWN_COLUMN", message, "CONFIG", details={"column": query.cursor.column})
