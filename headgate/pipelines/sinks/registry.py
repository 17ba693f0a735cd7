"""Every kind of sink: those of this package, a file each, and those that other packages bring along."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from headgate.pipelines import sinks
from headgate.pipelines.kinds import find_kinds, one_of
from headgate.pipelines.sinks.sink import OutsideSink, Sink

ENTRY_POINTS = "headgate.sinks"


@cache
def sink_kinds() -> Mapping[str, type[Sink]]:
    """The kinds of sinks by name."""
    return find_kinds(sinks, Sink, ENTRY_POINTS, brought=OutsideSink)


def sinks_from_json(given: Sequence[Mapping[str, Any]]) -> list[Sink]:
    """Read sinks that were accepted before: each is an object with one key, which names its kind."""
    return [one_of(sink_kinds(), each) for each in given]
