"""Names for the columns of a source."""

from collections.abc import Sequence


def column_names(cells: Sequence[str]) -> list[str]:
    """A name for each column: its own, `column_3` where that is empty, `name_2` where it came before."""
    names: list[str] = []
    taken: set[str] = set()
    for number, cell in enumerate(cells, start=1):
        base = cell if cell.strip() else f"column_{number}"
        name, repeat = base, 1
        while name.casefold() in taken:
            repeat += 1
            name = f"{base}_{repeat}"
        taken.add(name.casefold())
        names.append(name)
    return names
