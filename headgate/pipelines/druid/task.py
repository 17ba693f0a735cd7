"""What a task of Druid is told, whichever language it is told in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class DruidDialect(StrEnum):
    """The language in which Druid is told what to load."""

    NATIVE = "NATIVE"
    SQL = "SQL"


class DruidMode(StrEnum):
    """How rows go into a table that already has some."""

    APPEND = "APPEND"
    REPLACE = "REPLACE"


class TimestampFormat(StrEnum):
    """How the timestamp is written in what is read."""

    MILLIS = "millis"
    AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Reading:
    """What is read, and how: JSON as Druid has it. In SQL every column is declared, so nothing of it is guessed."""

    source: Mapping[str, Any]
    format: Mapping[str, Any]
    timestamp: TimestampFormat = TimestampFormat.MILLIS


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, in UTC, that begins and ends with segments; `end` lies outside."""

    begin: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Writing:
    """Where rows go: behind those that the table has, or with a span in the place of all that it has in there."""

    datasource: str
    mode: DruidMode = DruidMode.APPEND
    span: Span | None = None
