"""Names that steps give to columns."""

from collections.abc import Iterable

from headgate.errors import JobFault
from headgate.pipelines.readers.naming import check_keys


def checked_name(name: str) -> str:
    """The name. Raises ValueError where it can be no column's."""
    try:
        check_keys([name])
    except JobFault as fault:
        raise ValueError(fault.message) from fault
    return name


def checked_names(names: Iterable[str]) -> None:
    """Raises ValueError where two names are the same, or differ in case alone."""
    seen: set[str] = set()
    for name in names:
        if name.casefold() in seen:
            raise ValueError(f"the column {name} is named twice")
        seen.add(name.casefold())


def refuse_alike(present: Iterable[str], names: Iterable[str]) -> None:
    """Raises JobFault (COLUMN_EXISTS) where a name differs in case alone from a column that is there."""
    known = {name.casefold(): name for name in present}
    for name in names:
        if (other := known.get(name.casefold(), name)) != name:
            message = f"There is a column {other}; {name} differs from it in case alone. Name it {other} to replace it."
            raise JobFault("COLUMN_EXISTS", message, "CONFIG", details={"column": other})


def require_free(taken: Iterable[str], names: Iterable[str]) -> None:
    """Raises JobFault (COLUMN_EXISTS) where a new column has the name of another one, be it in another case."""
    seen = {name.casefold() for name in taken}
    for name in names:
        if name.casefold() in seen:
            message = f"There is a column {name} already; upper and lower case are no difference."
            raise JobFault("COLUMN_EXISTS", message, "CONFIG", details={"column": name})
        seen.add(name.casefold())
