"""Files of this machine, in those folders alone that an operator allows."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from headgate.errors import JobFault
from headgate.storage.places import PIECE_BYTES, Heed, StoredObject

NOT_ALLOWED = (
    "The path lies in none of the folders that may be used. An operator can allow some with "
    "HEADGATE_LOCAL_FOLDERS."
)
UNFINISHED = ".headgate-unfinished"


class Folders:
    """The files below some folders, by their paths: absolute ones, or below the first folder.

    Links count as what they lead to. Every method raises JobFault: PATH_NOT_ALLOWED, PATH_UNUSABLE.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def objects(self, prefix: str = "") -> Iterator[StoredObject]:
        """The files whose paths begin with this, in the order of their paths; linked folders are not gone into."""
        folder = self._allowed(prefix.rpartition("/")[0] or ("/" if prefix.startswith("/") else "."))
        head = prefix.rpartition("/")[0] + "/" if "/" in prefix else ""
        with _told():
            found = [stored for stored in self._below(folder, head) if stored.key.startswith(prefix)]
        yield from sorted(found, key=lambda stored: stored.key)

    def _below(self, folder: Path, head: str) -> Iterator[StoredObject]:
        for root, _, names in os.walk(folder):
            for name in names:
                path = Path(root, name)
                key = head + path.relative_to(folder).as_posix()
                if path.is_file():
                    yield _stored(key, self._allowed(key))

    def head(self, key: str) -> StoredObject | None:
        """What is known of a file; None where there is none."""
        path = self._allowed(key)
        with _told():
            return _stored(key, path) if path.is_file() else None

    def download(self, found: StoredObject, target: Path, *, max_bytes: int, heed: Heed) -> None:
        """Copy a file as it was when it was found. It must not be larger than `max_bytes`.

        Raises JobFault also: OBJECT_TOO_LARGE, and OBJECT_CHANGED where it is another one by now.
        """
        path = self._allowed(found.key)
        if found.byte_size > max_bytes:
            message = f"The file {found.key} has more than the {max_bytes:,} bytes that are taken."
            raise JobFault("OBJECT_TOO_LARGE", message, "DATA", details={"maxBytes": max_bytes})
        with _told():
            copied = _copy(path, target, heed, most=found.byte_size)
            if copied != found.byte_size or _stored(found.key, path) != found:
                target.unlink()
                message = f"The file {found.key} was changed while it was read."
                raise JobFault("OBJECT_CHANGED", message, "DEPENDENCY", retryable=True)

    def upload(self, path: Path, key: str, *, heed: Heed) -> StoredObject:
        """Write a file, whole or not at all, in the place of any that is there."""
        target = self._allowed(key)
        with _told():
            target.parent.mkdir(parents=True, exist_ok=True)
            unfinished = target.with_name(f".{target.name}{UNFINISHED}")
            unfinished.unlink(missing_ok=True)
            try:
                _copy(path, unfinished, heed)
                unfinished.replace(target)
            finally:
                unfinished.unlink(missing_ok=True)
            return _stored(key, target)

    def delete(self, key: str) -> None:
        """Remove a file, where it is there."""
        with _told():
            self._allowed(key).unlink(missing_ok=True)

    def _allowed(self, key: str) -> Path:
        """Where a path leads to, links followed."""
        folders = [folder.resolve() for folder in self._folders]
        if not folders or "\0" in key:
            raise JobFault("PATH_NOT_ALLOWED", NOT_ALLOWED, "CONFIG")
        with _told():
            path = (folders[0] / key).resolve()
        if not any(path.is_relative_to(folder) for folder in folders):
            raise JobFault("PATH_NOT_ALLOWED", NOT_ALLOWED, "CONFIG")
        return path


def _stored(key: str, path: Path) -> StoredObject:
    found = path.stat()
    changed = datetime.fromtimestamp(found.st_mtime, UTC)
    return StoredObject(key, found.st_size, changed, f"{found.st_ino}-{found.st_mtime_ns}-{found.st_size}")


def _copy(source: Path, target: Path, heed: Heed, most: int | None = None) -> int:
    """Copy a file, or one byte more than `most`, and make the copy durable; answers its size."""
    with source.open("rb") as read, target.open("xb") as file:
        while piece := read.read(PIECE_BYTES):
            file.write(piece)
            heed(len(piece))
            if most is not None and file.tell() > most:
                break
        file.flush()
        os.fsync(file.fileno())
        return file.tell()


@contextmanager
def _told() -> Iterator[None]:
    """Say in our words what the system says, which would tell a path of this machine."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or "it can't be followed"
        message = f"A file below the folders that may be used can't be read or written: {why}."
        raise JobFault("PATH_UNUSABLE", message, "CONFIG") from error
