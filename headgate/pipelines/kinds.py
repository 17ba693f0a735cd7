"""Kinds: what a pipeline is built from. Each is one model, with a docstring and an example, in a file of its own."""

import importlib
import inspect
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from types import ModuleType
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


class Settings(BaseModel):
    """A part of a spec; its names are in camelCase there. What it doesn't know is refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, allow_inf_nan=False
    )

    def to_json(self) -> dict[str, Any]:
        """The settings that were given, as a spec says them."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)


class Kind(Settings):
    """The settings of one kind.

    `kind` is the name that specs use for it, and `example` are settings that work on the rows of `records`. The
    settings named in `datasets` hold names of datasets, and those in `endpoints` names of endpoints, each of one of the
    kinds that stand with it. `needs` names what else has to be there for the example to work.
    """

    kind: ClassVar[str]
    example: ClassVar[dict[str, Any]]
    records: ClassVar[Sequence[Mapping[str, Any]]] = ()
    datasets: ClassVar[tuple[str, ...]] = ()
    endpoints: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    needs: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def from_example(cls) -> Self:
        """This kind, set as its example says."""
        return cls.model_validate(cls.example)


K = TypeVar("K", bound=Kind)


def find_kinds(package: ModuleType, base: type[K], group: str) -> dict[str, type[K]]:
    """The kinds by name: those of a package, a file each, and those that other packages bring as entry points."""
    found = {*_own(package, base), *(entry.load() for entry in entry_points(group=group))}
    return {kind.kind: kind for kind in sorted(found, key=lambda kind: kind.kind)}


def _own(package: ModuleType, base: type[K]) -> Iterator[type[K]]:
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, base) and value.__module__ == module.name:
                yield from [value] if "kind" in vars(value) and not inspect.isabstract(value) else []


def one_of(kinds: Mapping[str, type[K]], given: Mapping[str, Any]) -> K:
    """Read what was accepted before: an object with one key, which names its kind."""
    ((kind, settings),) = given.items()
    return kinds[kind].model_validate(settings)
