"""Holds rows against checks as the engine does, without its reading and writing."""

from typing import Any

import polars as pl

from headgate.pipelines.checks.check import Check, Table
from headgate.pipelines.checks.registry import check_kinds
from headgate.pipelines.prepared import ROW_INDEX
from headgate.pipelines.rules import Finding, Rule

Fault = tuple[int, str | None, str]
"""The 0-based row, the column and the code."""


def _unheard(stage: str, **figures: Any) -> None:
    pass


def table_of(rows: pl.DataFrame | dict[str, list[Any]], /, **settings: Any) -> Table:
    """A table of these rows, scanned in blocks of a few."""
    frame = pl.DataFrame(rows) if isinstance(rows, dict) else rows
    indexed = frame.with_row_index(ROW_INDEX)
    given: dict[str, Any] = {"records": frame.height, "watch": _unheard} | settings
    return Table(indexed.lazy(), frame, **given)


def check(kind: str, /, **settings: Any) -> Check:
    """A check, set as a spec would."""
    return check_kinds()[kind].model_validate(settings)


def rules_of(check: Check, table: Table) -> list[Rule]:
    return [rule for rule in check.rules(table) if isinstance(rule, Rule)]


def findings_of(check: Check, table: Table) -> list[Finding]:
    return [finding for finding in check.rules(table) if isinstance(finding, Finding)]


def faults(check: Check, table: Table) -> list[Fault]:
    """Each row that breaks a rule, with the column and the code, in the order of the rows."""
    found: list[Fault] = []
    for rule in rules_of(check, table):
        failing = table.frame.filter(rule.fails).select(ROW_INDEX).collect(engine="streaming")
        found += [(row, rule.column, rule.code) for row in failing.to_series().to_list()]
    return sorted(found, key=lambda fault: (fault[0], fault[1] or "", fault[2]))


def failing(kind: str, values: list[Any] | pl.Series, /, **settings: Any) -> dict[Any, str]:
    """The values of one column that a check finds faulty, with the code; the first code of each."""
    series = pl.Series("x", values) if isinstance(values, list) else values.alias("x")
    table = table_of(series.to_frame())
    cells = series.to_list()
    return {cells[row]: code for row, _, code in faults(check(kind, columns=["x"], **settings), table)}


def suggestions(kind: str, texts: list[str], /, **settings: Any) -> dict[str, str | None]:
    """What a check proposes for the texts of a column that it finds faulty."""
    return suggestions_of(check(kind, columns=["x"], **settings), table_of({"x": texts}), "x")


def suggestions_of(check: Check, table: Table, column: str) -> dict[str, str | None]:
    """What a check proposes for the faulty texts of a column."""
    proposed: dict[str, str | None] = {}
    for rule in rules_of(check, table):
        bad = table.frame.filter(rule.fails).collect().get_column(column)
        if rule.suggest is not None:
            proposed |= dict(zip(bad, rule.suggest(bad), strict=True))
    return proposed
