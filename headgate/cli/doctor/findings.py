"""What a look at one part has found."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is: with a PROBLEM something doesn't work."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one part, and what to do about it; no text holds a secret."""

    check: str
    level: Level
    message: str
    advice: str | None = None


def fine(check: str, message: str) -> Finding:
    """Say that a part is as it should be."""
    return Finding(check, Level.OK, message)


def warning(check: str, message: str, advice: str) -> Finding:
    """Say what will do harm one day, or is hardly meant."""
    return Finding(check, Level.WARNING, message, advice)


def problem(check: str, message: str, advice: str) -> Finding:
    """Say what does not work."""
    return Finding(check, Level.PROBLEM, message, advice)
