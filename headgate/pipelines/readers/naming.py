"""Names for the columns of a source."""

from collections.abc import Iterable, Sequence

from headgate.errors import JobFault

MAX_COLUMNS = 16_384
"""As many as a sheet of Excel has. What comes behind grows with columns, and not with rows alone."""
RESERVED = "__headgate_"
"""What begins the names of the engine's own columns."""


def _is_reserved(name: str) -> bool:
    """Whether a name can be no column's: Polars takes `*` and `^…$` for patterns of names, wherever they are named."""
    is_pattern = name == "*" or (name.startswith("^") and name.endswith("$"))
    return is_pattern or "\0" in name or name.startswith(RESERVED)


def column_names(cells: Sequence[str]) -> list[str]:
    """A name for each column: its own, `column_3` where that is empty or reserved, `name_2` where it came before.

    Raises JobFault (TOO_MANY_COLUMNS).
    """
    check_count(len(cells))
    names: list[str] = []
    taken: set[str] = set()
    for number, cell in enumerate(cells, start=1):
        base = cell if cell.strip() and not _is_reserved(cell) else f"column_{number}"
        name, repeat = base, 1
        while name.casefold() in taken:
            repeat += 1
            name = f"{base}_{repeat}"
        taken.add(name.casefold())
        names.append(name)
    return names


def check_count(columns: int) -> None:
    """Raise JobFault (TOO_MANY_COLUMNS) where a source has more than any reader takes."""
    if columns > MAX_COLUMNS:
        message = f"The data has {columns:,} columns; {MAX_COLUMNS:,} are taken. Send what belongs together as rows."
        raise JobFault("TOO_MANY_COLUMNS", message, "DATA", details={"maxColumns": MAX_COLUMNS})


def check_keys(keys: Iterable[str]) -> None:
    """Raises JobFault where one of the records' keys names no column, or two of them name the same one."""
    seen: dict[str, str] = {}
    for key in keys:
        if not key or _is_reserved(key):
            why = f"it is empty, a pattern, holds a NUL, or begins with {RESERVED}"
            message = f"The key {key!r} can't name a column: {why}."
            raise JobFault("INVALID_COLUMN_NAME", message, "DATA")
        other = seen.setdefault(key.casefold(), key)
        if other != key:
            message = f"The keys {other} and {key} differ in case alone, so they can't both name a column."
            raise JobFault("INVALID_COLUMN_NAME", message, "DATA")
