"""Every kind of check: those of this package, a file each, and those that other packages bring along."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from headgate.pipelines import checks
from headgate.pipelines.checks.check import Check
from headgate.pipelines.kinds import find_kinds, one_of

ENTRY_POINTS = "headgate.checks"


@cache
def check_kinds() -> Mapping[str, type[Check]]:
    """The kinds of checks by name."""
    return find_kinds(checks, Check, ENTRY_POINTS)


def checks_from_json(given: Sequence[Mapping[str, Any]]) -> list[Check]:
    """Read checks that were accepted before: each is an object with one key, which names its kind."""
    return [one_of(check_kinds(), each) for each in given]
