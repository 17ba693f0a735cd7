"""Commands that ask a server: which one, with which token, and what ends them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from headgate.cli.exits import Exit, fail
from headgate.cli.output import Row, print_rows

if TYPE_CHECKING:
    from headgate.client import Headgate

Thing = TypeVar("Thing")

Url = Annotated[
    str | None,
    typer.Option(
        "--url", envvar="HEADGATE_URL", help="The server; http://127.0.0.1:8000 by default.", metavar="URL"
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        "--token", envvar="HEADGATE_TOKEN", help="Who asks; `headgate token` prints one.", metavar="TOKEN"
    ),
]


@contextmanager
def asking(url: str | None, token: str | None) -> Iterator["Headgate"]:
    """Ask a server for as long as the block lasts; what goes wrong ends the command with one line and its own code."""
    from headgate import client

    try:
        with client.Headgate(url or None, token or None) as headgate:
            yield headgate
    except (client.Unauthenticated, client.Forbidden) as error:
        fail(error.message, Exit.UNAUTHENTICATED)
    except client.Refused as error:
        fail(in_words(error), Exit.UNREACHABLE if error.retryable else Exit.USAGE)
    except client.TimedOut as error:
        fail(str(error), Exit.TIMED_OUT)
    except client.HeadgateError as error:
        fail(str(error), Exit.UNREACHABLE)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), Exit.USAGE)
    except ValueError as error:
        fail(str(error), Exit.USAGE)


def in_words(refused: Any) -> str:
    """Say why the server has refused, with the place of each fault in what was sent."""
    return "\n  ".join(
        f"{fault.message}" + (f" (at {'.'.join(fault.path)})" if fault.path else "")
        for fault in (refused, *refused.others)
    )


def document(value: Any) -> Any:
    """What the client answers, as JSON has it: with the names of the API."""
    from headgate.client.shapes import camel

    if is_dataclass(value):
        return {camel(each.name): document(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, datetime):
        return value.isoformat()
    return [document(each) for each in value] if isinstance(value, tuple | list) else value


def print_list(things: Sequence[Thing], row_of: Callable[[Thing], Row], as_json: bool) -> None:
    """Print what the client answers: rows for people and scripts, or as JSON with all that is known."""
    print_rows([document(each) if as_json else row_of(each) for each in things], as_json)
