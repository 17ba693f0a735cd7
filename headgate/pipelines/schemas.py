"""Pandera schemas by name: those that packages register, and one that ships as an example.

A package registers a DataFrameSchema or a DataFrameModel of `pandera.polars` under the entry point group
"headgate.schemas"; the name of the entry point is that of the schema.
"""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from pandera.polars import DataFrameModel, DataFrameSchema

ENTRY_POINTS = "headgate.schemas"
SHIPPED = EntryPoint("contacts", "headgate.pipelines.contacts:Contacts", ENTRY_POINTS)


@cache
def schemas() -> Mapping[str, EntryPoint]:
    """Where each schema is, by its name; one that is registered goes before one that ships under the same name."""
    return {entry.name: entry for entry in (SHIPPED, *entry_points(group=ENTRY_POINTS))}


def load_schema(name: str) -> DataFrameSchema:
    """The schema of this name. Raises ValueError where there is none, or what is registered is none."""
    if name not in schemas():
        raise ValueError(f"there is no schema {name}; there are {', '.join(sorted(schemas()))}")
    try:
        found = schemas()[name].load()
    except (ImportError, AttributeError) as error:
        raise ValueError(f"the schema {name} can't be loaded ({type(error).__name__})") from error
    if isinstance(found, type) and issubclass(found, DataFrameModel):
        found = found.to_schema()
    if not isinstance(found, DataFrameSchema):
        raise ValueError(f"what is registered as {name} is no schema of pandera.polars")
    return found
