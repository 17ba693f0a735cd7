"""What Druid reports of a task that has ended."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Counted:
    """What became of the rows that a task read: all but the processed ones are not there, or not whole."""

    processed: int = 0
    processed_with_error: int = 0
    thrown_away: int = 0
    unparseable: int = 0

    def to_json(self) -> dict[str, int]:
        """Say it as Druid does."""
        return {_spelled(name): value for name, value in asdict(self).items()}


def _spelled(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))


NAMES = {_spelled(field.name): field.name for field in fields(Counted)}


def counted(report: Mapping[str, Any]) -> Counted | None:
    """The counts of a report; None where it has none."""
    return _of_ingestion(report) or _of_query(report)


def _of_ingestion(report: Mapping[str, Any]) -> Counted | None:
    """Those of native batch ingestion; a task with subtasks has them in totals."""
    stats = _at(report, "ingestionStatsAndErrors", "payload", "rowStats")
    found = _at(stats, "buildSegments") or _at(stats, "totals", "buildSegments")
    if not isinstance(found, Mapping) or "processed" not in found:
        return None
    return Counted(**{NAMES[name]: int(value) for name, value in found.items() if name in NAMES})


def _of_query(report: Mapping[str, Any]) -> Counted | None:
    """Those of a multi-stage query: what each worker of the first stage read of its first input."""
    payload = _at(report, "multiStageQuery", "payload")
    first = _at(payload, "counters", "0")
    if not isinstance(first, Mapping) or not first:
        return None
    rows = sum(sum(_numbers(_at(worker, "input0", "rows"))) for worker in first.values())
    warnings = _at(payload, "status", "warnings")
    return Counted(processed=rows, unparseable=len(warnings) if isinstance(warnings, list) else 0)


def _numbers(values: Any) -> Iterator[int]:
    yield from (value for value in values if isinstance(value, int)) if isinstance(values, list) else ()


def fault_in(report: Mapping[str, Any]) -> str:
    """What a report says went wrong; empty where it doesn't."""
    said = _at(report, "ingestionStatsAndErrors", "payload", "errorMsg")
    said = said or _at(report, "multiStageQuery", "payload", "status", "errorReport", "error", "errorMessage")
    return said if isinstance(said, str) else ""


def _at(value: Any, *names: str) -> Any:
    for name in names:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
