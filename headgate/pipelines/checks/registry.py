"""Every kind of check: those of this package, a file each, and those that other packages bring along."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.metadata import entry_points
from typing import Any

from headgate.pipelines import checks
from headgate.pipelines.checks.check import Check

ENTRY_POINTS = "headgate.checks"


@cache
def check_kinds() -> Mapping[str, type[Check]]:
    """The kinds of checks by name."""
    return {kind.kind: kind for kind in sorted({*_own(), *_plugged_in()}, key=lambda kind: kind.kind)}


def _own() -> Iterator[type[Check]]:
    for module in pkgutil.iter_modules(checks.__path__, f"{checks.__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, Check) and value.__module__ == module.name:
                yield from [value] if "kind" in vars(value) else []


def _plugged_in() -> Iterator[type[Check]]:
    for entry in entry_points(group=ENTRY_POINTS):
        yield entry.load()


def checks_from_json(given: Sequence[Mapping[str, Any]]) -> list[Check]:
    """Read checks that were accepted before: each is an object with one key, which names its kind."""
    return [check_kinds()[kind].model_validate(settings) for each in given for kind, settings in each.items()]
