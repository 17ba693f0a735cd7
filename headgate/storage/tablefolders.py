"""Where the table of a dataset lies: in a folder of this machine, or in Headgate's own bucket.

Files get there in two ways: Delta Lake writes its log itself, and its Parquet files are written on this machine first,
at the folder's desk, from where they are taken in.
"""

from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from headgate.storage.bucketfolders import BucketFolder
from headgate.storage.locations import LocalLocation, Location


class TableFolder(Protocol):
    """The folder of a table, which may be absent; two that are equal are the same one. Names are those of its files."""

    @property
    def uri(self) -> str:
        """The folder as Polars and Delta Lake name it."""
        ...

    def __hash__(self) -> int: ...

    def delta_options(self) -> dict[str, str] | None:
        """The `storage_options` for Delta Lake."""
        ...

    def scan_options(self) -> dict[str, Any]:
        """What Polars has to be told to scan files of the folder, as named arguments."""
        ...

    def names(self, prefix: str) -> Collection[str]:
        """The files right in the folder whose names begin with this, or in the one below it that begins the prefix."""
        ...

    def has_all(self, names: Collection[str]) -> bool:
        """Whether these files are there."""
        ...

    def read(self, name: str) -> bytes:
        """Read a small file. Raises FileNotFoundError."""
        ...

    def desk(self, scratch: Path) -> Path:
        """The folder of this machine in which files are written; `scratch` goes with all in it when the task ends."""
        ...

    def take(self, desk: Path, names: Iterable[str], heed: Callable[[], None]) -> None:
        """Move files from the desk to the folder. `heed` is called between them, and may raise what ends it."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; one that is not there is no error."""
        ...

    def require_safe_commits(self) -> None:
        """Raise JobFault (STORE_UNFIT) where of two commits with one number both could take place."""
        ...


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """A folder of this machine, which is its own desk."""

    path: Path

    @property
    def uri(self) -> str:
        """The folder's path."""
        return str(self.path)

    def delta_options(self) -> None:
        """Nothing is to be said."""

    def scan_options(self) -> dict[str, Any]:
        """Nothing is to be said."""
        return {}

    def names(self, prefix: str) -> Collection[str]:
        """The files right in the folder whose names begin with this, or in the one below it that begins the prefix."""
        below, slash, _ = prefix.rpartition("/")
        with suppress(FileNotFoundError):
            names = [below + slash + path.name for path in (self.path / below).iterdir()]
            return [name for name in names if name.startswith(prefix)]
        return []

    def has_all(self, names: Collection[str]) -> bool:
        """Whether these files are there."""
        return all((self.path / name).exists() for name in names)

    def read(self, name: str) -> bytes:
        """Read a small file. Raises FileNotFoundError."""
        return (self.path / name).read_bytes()

    def desk(self, scratch: Path) -> Path:
        """The folder itself: files are written where they stay."""
        return self.path

    def take(self, desk: Path, names: Iterable[str], heed: Callable[[], None]) -> None:
        """They are there."""

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; one that is not there is no error."""
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def require_safe_commits(self) -> None:
        """No file is made twice."""


def table_folder(location: Location) -> TableFolder:
    """The folder of a table that is at this location."""
    return LocalFolder(location.path) if isinstance(location, LocalLocation) else BucketFolder(location)
