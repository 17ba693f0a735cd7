"""Kinds: what a pipeline is built from. Each is one model, with a docstring and an example, in a file of its own."""

import importlib
import inspect
import logging
import pkgutil
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

NAME = re.compile(r"[a-z][A-Za-z0-9]*")
"""What the name of a kind is like."""
SETTING = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
"""What clients can name."""
logger = logging.getLogger(__name__)


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


def find_kinds(
    package: ModuleType, base: type[K], group: str, *, brought: type[K] | None = None
) -> dict[str, type[K]]:
    """The kinds by name: those of a package, a file each, and those that other packages bring as entry points.

    The latter are of the base `brought`, where that is another one. One that can't be used is left out, and the log
    says which and why.
    """
    found = {kind.kind: kind for kind in _own(package, base)}
    for entry in sorted(entry_points(group=group), key=lambda entry: (entry.name, entry.value)):
        try:
            kind = _brought(entry, brought or base)
            if kind.kind in found:
                raise ValueError(f"there is a kind {kind.kind} already")
            found[kind.kind] = kind
        except Exception as error:
            # Whatever it is that a package does when it is imported: the others are there all the same.
            why = " ".join(f"{type(error).__name__}: {error}".split())
            logger.warning("Left out of %s: %s = %s (%s)", group, entry.name, entry.value, why)
    return dict(sorted(found.items()))


def _brought(entry: EntryPoint, base: type[K]) -> type[K]:
    """Load a kind of another package. Raises ValueError where it is none, and whatever comes of its import."""
    kind = entry.load()
    if not isinstance(kind, type) or not issubclass(kind, base) or inspect.isabstract(kind):
        raise ValueError(f"this is no {base.__name__}, or one without methods that it needs")
    if not NAME.fullmatch(kind.kind):
        raise ValueError(f"{kind.kind!r} is no name of a kind, such as dropMissing")
    kind.from_example()
    if wrong := [name for name in _settings(kind.model_json_schema()) if not SETTING.fullmatch(name)]:
        raise ValueError(f"{wrong[0]!r} is no name of a setting, such as allowBlank")
    return kind


def _settings(schema: Mapping[str, Any]) -> Iterator[str]:
    """The names of settings, those of parts of settings too, by the JSON Schema of a kind."""
    for part in (schema, *schema.get("$defs", {}).values()):
        yield from part.get("properties", ())


def _own(package: ModuleType, base: type[K]) -> Iterator[type[K]]:
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, base) and value.__module__ == module.name:
                yield from [value] if "kind" in vars(value) and not inspect.isabstract(value) else []


def one_of(kinds: Mapping[str, type[K]], given: Mapping[str, Any]) -> K:
    """Read what was accepted before: an object with one key, which names its kind."""
    ((kind, settings),) = given.items()
    return kinds[kind].model_validate(settings)
