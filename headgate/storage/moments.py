"""What a database works out of moments, in the SQL of each; a moment is a column of UtcDateTime."""

from typing import Any

from sqlalchemy import BigInteger, String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class UtcDay(FunctionElement[str]):
    """The day of a moment in UTC, such as 2026-01-31: `UtcDay(moment)`."""

    name = "utc_day"
    type = String()
    inherit_cache = True


class MicrosecondsBetween(FunctionElement[int]):
    """The microseconds from one moment to another, to the last one: `MicrosecondsBetween(begin, end)`."""

    name = "microseconds_between"
    type = BigInteger()
    inherit_cache = True


@compiles(UtcDay, "sqlite")
def _day_on_sqlite(element: UtcDay, compiler: SQLCompiler, **options: Any) -> str:
    return f"substr({_arguments(element, compiler, options)[0]}, 1, 10)"


@compiles(UtcDay, "postgresql")
def _day_on_postgresql(element: UtcDay, compiler: SQLCompiler, **options: Any) -> str:
    return f"to_char({_arguments(element, compiler, options)[0]} AT TIME ZONE 'UTC', 'YYYY-MM-DD')"


@compiles(MicrosecondsBetween, "sqlite")
def _between_on_sqlite(element: MicrosecondsBetween, compiler: SQLCompiler, **options: Any) -> str:
    begin, end = map(_microseconds, _arguments(element, compiler, options))
    return f"({end} - {begin})"


@compiles(MicrosecondsBetween, "postgresql")
def _between_on_postgresql(element: MicrosecondsBetween, compiler: SQLCompiler, **options: Any) -> str:
    begin, end = _arguments(element, compiler, options)
    return f"CAST(extract(epoch FROM {end} - {begin}) * 1000000 AS BIGINT)"


def _arguments(element: FunctionElement[Any], compiler: SQLCompiler, options: dict[str, Any]) -> list[str]:
    return [compiler.process(argument, **options) for argument in element.clauses]


def _microseconds(moment: str) -> str:
    """Say a moment of SQLite as a number: its own functions for that round to milliseconds."""
    return f"(strftime('%s', substr({moment}, 1, 19)) * 1000000 + substr({moment}, 21))"
