"""How a value is written, for people and for scripts."""

from datetime import datetime
from typing import Any

KIB = 1024
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
MINUTE_S = 60
HOUR_S = 3_600


class Bytes(int):
    """So many bytes."""


class Seconds(float):
    """So many seconds."""


def for_scripts(value: Any) -> str:
    """Write a value so that a program reads it: moments as ISO 8601, numbers as they are."""
    if isinstance(value, datetime):
        return value.isoformat()
    return _plain(value)


def for_people(value: Any) -> str:
    """Write a value so that it is taken in at a glance: moments in the time of this machine."""
    match value:
        case datetime():
            return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        case Bytes():
            return in_bytes(value)
        case Seconds():
            return in_seconds(value)
        case bool():
            return _plain(value)
        case int():
            return f"{value:,}"
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def in_bytes(count: float) -> str:
    """Write a size with three digits or so."""
    for unit in UNITS:
        if count < KIB or unit == UNITS[-1]:
            break
        count /= KIB
    return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"


def in_seconds(seconds: float) -> str:
    """Write how long something took."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < MINUTE_S:
        return f"{seconds:.1f} s"
    if seconds < HOUR_S:
        return f"{seconds // MINUTE_S:.0f} min {seconds % MINUTE_S:.0f} s"
    return f"{seconds // HOUR_S:.0f} h {seconds % HOUR_S // MINUTE_S:.0f} min"


def headline(name: str) -> str:
    """The title of a column: `createdAt` is "Created at"."""
    spaced = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
    return spaced[:1].upper() + spaced[1:]
