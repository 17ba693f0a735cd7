"""What is wrong with settings, in words for somebody who doesn't know of Pydantic."""

from collections.abc import Iterable

from pydantic import ValidationError
from pydantic_core import ErrorDetails


def mistakes_in(error: ValidationError) -> list[ErrorDetails]:
    """Each fault that was found, with the place where it is."""
    return error.errors(include_url=False, include_context=False, include_input=False)


def told(faults: Iterable[ErrorDetails]) -> str:
    """Say all of these faults."""
    return "; ".join(_told(fault) for fault in faults)


def _told(fault: ErrorDetails) -> str:
    where = ".".join(map(str, fault["loc"]))
    return f"{where}: {_message(fault)}" if where else _message(fault)


def _message(fault: ErrorDetails) -> str:
    match fault["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "there is no such setting"
    message = fault["msg"].removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
    return message if message[:2].isupper() else message[:1].lower() + message[1:]
