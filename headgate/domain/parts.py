"""Parts of specs that people give: read, or refused with all that is wrong."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from headgate.errors import UserFault
from headgate.pipelines.kinds import Kind, Settings
from headgate.pipelines.mistakes import mistakes_in, told

MAX_PARTS = 200
"""So many checks, or steps, a spec has at most."""

K = TypeVar("K", bound=Kind)
S = TypeVar("S", bound=Settings)
T = TypeVar("T")
Path = tuple[str, ...]


class Mistakes:
    """Gathers faults, so that all are told at once."""

    def __init__(self) -> None:
        self._found: list[UserFault] = []

    def note(self, code: str, message: str, path: Path) -> None:
        """Add one."""
        self._found.append(UserFault(code, message, path))

    def of(self, read: Callable[[], T]) -> T | None:
        """What is read; None where that raises UserFault, which is added."""
        try:
            return read()
        except UserFault as fault:
            self._found += fault.all
            return None

    def __len__(self) -> int:
        return len(self._found)

    def check(self) -> None:
        """Raise UserFault with all that were found, if any were."""
        if self._found:
            first, *others = self._found
            raise UserFault(first.code, first.message, first.path, first.retryable, others)


def parse_kinds(kinds: Mapping[str, type[K]], noun: str, given: object, path: Path) -> list[K]:
    """Read a list of one kind of thing, such as a "check"; `path` leads to it.

    Raises UserFault (INVALID_SPEC), one for each mistake, with a path such as ("checks", "0", "range", "min").
    """
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise UserFault("INVALID_SPEC", f"This is a list of {noun}s.", path)
    if len(given) > MAX_PARTS:
        message = f"There are {len(given)} {noun}s; at most {MAX_PARTS} are allowed."
        raise UserFault("INVALID_SPEC", message, path)
    mistakes = Mistakes()
    read = [
        mistakes.of(lambda each=each, at=str(number): parse_kind(kinds, noun, each, (*path, at)))  # type: ignore[misc]
        for number, each in enumerate(given)
    ]
    mistakes.check()
    return [each for each in read if each is not None]


def parse_kind(kinds: Mapping[str, type[K]], noun: str, given: object, path: Path) -> K:
    """Read one thing, an object with one key, which names its kind. Raises UserFault as `parse_kinds` does."""
    if not isinstance(given, Mapping) or len(given) != 1:
        raise UserFault("INVALID_SPEC", f"A {noun} is an object with one key, which names its kind.", path)
    ((kind, settings),) = given.items()
    if kind not in kinds:
        message = f"There is no {noun} {kind}; there are {', '.join(kinds)}."
        raise UserFault("INVALID_SPEC", message, (*path, str(kind)))
    return parse_settings(kinds[kind], settings, (*path, kind), f"The {noun} {kind}")


def parse_settings(model: type[S], given: object, path: Path, what: str) -> S:
    """Read a part of a spec, called `what` in messages, to which `path` leads.

    Raises UserFault (INVALID_SPEC), one for each mistake.
    """
    try:
        return model.model_validate(given)
    except ValidationError as error:
        first, *others = [_fault(each, path, what) for each in mistakes_in(error)]
        raise UserFault(first.code, first.message, first.path, others=others) from error


def _fault(mistake: ErrorDetails, path: Path, what: str) -> UserFault:
    where = map(str, mistake["loc"])
    return UserFault("INVALID_SPEC", f"{what} can't be set so: {told([mistake])}.", (*path, *where))
