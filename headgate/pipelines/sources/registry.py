"""Every kind of source: those of this package, a file each, and those that other packages bring along."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from headgate.pipelines import sources
from headgate.pipelines.kinds import find_kinds, one_of
from headgate.pipelines.sources.source import OutsideSource, SourceKind

ENTRY_POINTS = "headgate.sources"


@cache
def source_kinds() -> Mapping[str, type[SourceKind]]:
    """The kinds of sources by name."""
    return find_kinds(sources, SourceKind, ENTRY_POINTS, brought=OutsideSource)


def source_from_json(given: Mapping[str, Any]) -> SourceKind:
    """Read a source that was accepted before: an object with one key, which names its kind."""
    return one_of(source_kinds(), given)
