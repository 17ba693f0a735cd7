"""What templates say of columns, in the words of a spec."""

from typing import Any


def column(name: str, type: str, *aliases: str, nullable: bool = True) -> dict[str, Any]:
    """A column of a contract; the input may also call it by one of the aliases, in any case."""
    said: dict[str, Any] = {"name": name, "type": type}
    if aliases:
        said["aliases"] = list(aliases)
    return said if nullable else {**said, "nullable": False}


def key(name: str, type: str, *aliases: str) -> dict[str, Any]:
    """A column that tells rows apart; each row has a value in it."""
    return column(name, type, *aliases, nullable=False)


def lenient(*columns: dict[str, Any]) -> dict[str, Any]:
    """A contract whose columns may be missing, but for keys, and which takes others along."""
    return {"columns": list(columns), "unknownColumns": "EVOLVE", "missingColumns": "EVOLVE"}


def upsert(dataset: str, *keys: str) -> list[dict[str, Any]]:
    """Into a dataset, in which later rows take the place of earlier ones with the same keys."""
    return [{"dataset": {"name": dataset, "mode": "UPSERT", "keys": list(keys)}}]
