"""Checks that people give: read from specs, and refused with all that is wrong."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from headgate.errors import UserFault
from headgate.pipelines.checks.check import Check
from headgate.pipelines.checks.registry import check_kinds
from headgate.pipelines.kinds import Settings
from headgate.pipelines.mistakes import mistakes_in, told

MAX_CHECKS = 200


def parse_checks(given: Sequence[Mapping[str, Any]], path: tuple[str, ...] = ("checks",)) -> list[Check]:
    """Read checks, each an object with one key, which names its kind; `path` leads to the list.

    Raises UserFault (INVALID_SPEC) for the first that is wrong: its message says all that is, and its path leads to
    the first fault, such as ("checks", "0", "range", "min").
    """
    if len(given) > MAX_CHECKS:
        raise UserFault(
            "INVALID_SPEC", f"There are {len(given)} checks; at most {MAX_CHECKS} are allowed.", path
        )
    return [_parse(check, (*path, str(number))) for number, check in enumerate(given)]


def _parse(given: object, path: tuple[str, ...]) -> Check:
    if not isinstance(given, Mapping) or len(given) != 1:
        raise UserFault("INVALID_SPEC", "A check is an object with one key, which names its kind.", path)
    ((kind, settings),) = given.items()
    kinds = check_kinds()
    if kind not in kinds:
        raise UserFault(
            "INVALID_SPEC", f"There is no check {kind}; there are {', '.join(kinds)}.", (*path, str(kind))
        )
    return parse_settings(kinds[kind], settings, (*path, kind), f"The check {kind}")


S = TypeVar("S", bound=Settings)


def parse_settings(model: type[S], given: Any, path: tuple[str, ...], what: str) -> S:
    """Read a part of a spec, called `what` in messages, to which `path` leads.

    Raises UserFault (INVALID_SPEC): its message says all that is wrong, and its path leads to the first fault.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        faults = mistakes_in(error)
        message = f"{what} can't be set so: {told(faults)}."
        raise UserFault("INVALID_SPEC", message, (*path, *map(str, faults[0]["loc"]))) from error
