"""Rules: what checks and contracts are compiled to, and what rows are held against in the one scan."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import polars as pl


class Severity(StrEnum):
    """How bad a fault is: an ERROR keeps its row out, a WARNING does not."""

    ERROR = "ERROR"
    WARNING = "WARNING"


Suggest = Callable[[pl.Series], pl.Series]
"""Proposes, for each original text of a faulty cell, what may have been meant; null where nothing comes to mind."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule over each row. `fails` is a boolean expression over the columns of the table; null is no failure.

    `code` and `column` say what is broken where, `column` None the row as a whole; `check` is the name of the check,
    None where no check made the rule. `messages`, where given, tells for the ROW_INDEX of each faulty row what
    `message` says for all.
    """

    code: str
    column: str | None
    fails: pl.Expr
    message: str
    check: str | None = None
    severity: Severity = Severity.ERROR
    suggest: Suggest | None = None
    messages: Callable[[pl.Series], pl.Series] | None = None
    columns: Sequence[str] = ()
    """For a rule over several columns: those whose values are shown."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault of the input as a whole, such as too few rows: no row can be rejected for it.

    With severity ERROR nothing of the input is ingested.
    """

    code: str
    column: str | None
    message: str
    check: str | None = None
    severity: Severity = Severity.ERROR
    value: str | None = None
