"""Every kind of step: those of this package, a file each, and those that other packages bring along."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from headgate.pipelines import steps
from headgate.pipelines.kinds import find_kinds, one_of
from headgate.pipelines.steps.step import Step

ENTRY_POINTS = "headgate.steps"


@cache
def step_kinds() -> Mapping[str, type[Step]]:
    """The kinds of steps by name."""
    return find_kinds(steps, Step, ENTRY_POINTS)


def steps_from_json(given: Sequence[Mapping[str, Any]]) -> list[Step]:
    """Read steps that were accepted before: each is an object with one key, which names its kind."""
    return [one_of(step_kinds(), each) for each in given]
