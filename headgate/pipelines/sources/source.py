"""What all sources have in common, and what those that lie outside fetch."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.pipelines.dialect import NOTHING_GIVEN, GivenDialect
from headgate.pipelines.endpoints.outside import Outside
from headgate.pipelines.kinds import Kind
from headgate.pipelines.prepared import Watch
from headgate.storage.formats import FileFormat


class SourceKind(Kind):
    """Where rows come from."""


@dataclass(frozen=True, slots=True)
class Fetching:
    """Where to put what is fetched, and what is known of what was fetched before.

    `folder` is there and empty; at most `max_bytes` go into it. `state` is what an incremental source answered when a
    job of the same pipeline last committed; None where none has.
    """

    folder: Path
    outside: Outside
    max_bytes: int
    watch: Watch
    state: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A file in the folder; its format is told from its content where it isn't given.

    `given` is what is known of how delimited text is written; the rest of that is told too.
    """

    name: str
    format: FileFormat | None = None
    given: GivenDialect = NOTHING_GIVEN


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was fetched: files, whose rows are read one file after the other, and the state to go on from next time."""

    files: Sequence[FetchedFile]
    state: Mapping[str, Any] | None = None


class OutsideSource(SourceKind):
    """A source that lies outside: what it has is fetched whole, once for a job, and then read like any file.

    So all attempts at the job, and whoever corrects its rows, read the same.
    """

    @abstractmethod
    def fetch(self, to: Fetching) -> Fetched:
        """Fetch all that there is. Raises JobFault; what lies in the folder by then is thrown away."""
