"""Why a command ended: one line on stderr and one number, which scripts may rely on."""

import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, NoReturn, TypeVar

import typer

from headgate.errors import HeadgateError

Answer = TypeVar("Answer")


class Exit(IntEnum):
    """The status with which a command ends; `INTERRUPTED` and `CLOSED_PIPE` are what shells make of these signals."""

    DONE = 0
    FAILED = 1
    """The job failed or was canceled; `doctor` found what doesn't work."""
    USAGE = 2
    """The command, a setting or what it names is not as it should be."""
    INVALID = 3
    """The data has rows that are not valid."""
    UNAUTHENTICATED = 4
    """The token is missing, not valid, or doesn't allow this."""
    UNREACHABLE = 5
    """The server, or a part that it needs, can't be reached."""
    TIMED_OUT = 6
    """It went on for longer than the command was to wait."""
    INTERRUPTED = 130
    CLOSED_PIPE = 141


def fail(message: str, code: Exit) -> NoReturn:
    """End the command with one line."""
    print(f"headgate: {message}", file=sys.stderr)
    raise typer.Exit(code)


@contextmanager
def failing_in_one_line() -> Iterator[None]:
    """Turn what is no bug into one line and an exit code."""
    try:
        yield
    except HeadgateError as error:
        fail(error.message, Exit.UNREACHABLE if error.retryable else Exit.USAGE)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        fail(str(error), Exit.UNREACHABLE if isinstance(error, ConnectionError) else Exit.USAGE)


def carry_out(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run what a command does in an event loop of its own; what is no bug ends the command with one line."""
    import asyncio

    with failing_in_one_line():
        return asyncio.run(work)
