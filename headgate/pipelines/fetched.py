"""Files fetched from URLs: once for a job, so that its attempts, and those who take up its rows, read the same."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from headgate.pipelines import formats
from headgate.pipelines.fetching import fetch
from headgate.pipelines.outgoing import Network
from headgate.pipelines.prepared import Source, Watch

CONTENT, NAME = "content", "name"


class KeptFolder(Protocol):
    """The folder in which something fetched is kept: it appears once, as a whole."""

    def find(self) -> Path | None:
        """Name the folder on this machine; None where it is not there yet."""
        ...

    def keep(self, fetched: Path) -> Path:
        """Let a folder appear at its place, unless another attempt was faster; names the one that is there."""
        ...


@dataclass(frozen=True, slots=True)
class LocalKept:
    """A kept folder of this machine."""

    path: Path

    def find(self) -> Path | None:
        """Name the folder; None where it is not there yet."""
        return self.path if self.path.exists() else None

    def keep(self, fetched: Path) -> Path:
        """Rename a folder to this one, unless another attempt was faster."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            fetched.rename(self.path)
        except OSError:
            if not self.path.exists():
                raise
        return self.path


@dataclass(frozen=True, slots=True)
class Fetch:
    """A URL whose content is kept in `folder`, at most so many bytes; `networks` are those that are allowed."""

    url: str
    folder: KeptFolder
    networks: Sequence[Network]
    max_bytes: int
    timeout_s: float


def fetched_source(wanted: Fetch, scratch: Path, watch: Watch) -> Source:
    """The content of a URL as a source; fetched only where it is not there yet.

    Raises JobFault: what `fetch` raises, and what `formats.identify` says of its format.
    """
    return kept_source(wanted.folder.find() or wanted.folder.keep(_fetched(wanted, scratch, watch)))


def kept_source(folder: Path) -> Source:
    """What was fetched into a folder, as a source. Raises what `formats.identify` says of its format."""
    content = folder / CONTENT
    return Source(content, formats.identify(content, (folder / NAME).read_text("utf-8")))


def _fetched(wanted: Fetch, scratch: Path, watch: Watch) -> Path:
    folder = scratch / "fetched"
    folder.mkdir()
    name = fetch(
        wanted.url,
        folder / CONTENT,
        networks=wanted.networks,
        max_bytes=wanted.max_bytes,
        timeout_s=wanted.timeout_s,
        watch=watch,
    )
    written_safely(folder / NAME, name.encode())
    return folder


def written_safely(path: Path, content: bytes) -> None:
    """Write a file that is whole even where the machine stops right after."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
