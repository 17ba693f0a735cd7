"""What a task reads of the store, and what it writes into it, as files of this machine."""

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from headgate.pipelines.fetched import KeptFolder, LocalKept
from headgate.pipelines.fetching import Progress
from headgate.pipelines.prepared import Watch
from headgate.storage.locations import BucketLocation, LocalLocation, location_from_json
from headgate.storage.own_objects import OwnObjects


class Nearby:
    """Objects of the store: where that is a folder of this machine they are its files, else copies of them.

    Copies lie in `scratch`, which goes with the task. Every method raises StoreUnavailable.
    """

    def __init__(self, scratch: Path, watch: Watch) -> None:
        self._scratch = scratch
        self._progress = Progress(watch)
        self._numbers = count(1)
        self._written: dict[Path, OwnObjects] = {}

    def file(self, said: Mapping[str, Any]) -> Path:
        """Name the file of an object that is read. Raises FileNotFoundError where a bucket has none."""
        location = location_from_json(said)
        if isinstance(location, LocalLocation):
            return location.path
        copy = self._copy()
        OwnObjects(location).download(copy, heed=self._heed)
        return copy

    def head(self, said: Mapping[str, Any], size: int) -> tuple[Path, bool]:
        """Name a file with so many of an object's first bytes, or all of it, and tell whether it is all.

        Raises FileNotFoundError where a bucket has none.
        """
        location = location_from_json(said)
        if isinstance(location, LocalLocation):
            return location.path, True
        copy = self._copy()
        return copy, OwnObjects(location).download_head(copy, size, heed=self._heed)

    def written(self, said: Mapping[str, Any]) -> Path:
        """Name the file that is written to become an object, which it is once it is kept."""
        location = location_from_json(said)
        if isinstance(location, LocalLocation):
            return location.path
        path = self._copy()
        self._written[path] = OwnObjects(location)
        return path

    def keep(self, path: Path) -> None:
        """Let the store have a file as it is now written; where it isn't there, the store has no such object either."""
        if path in self._written:
            self._written[path].upload(path)

    def kept(self, said: Mapping[str, Any]) -> KeptFolder:
        """Find the folder in which something fetched is kept, or will be."""
        location = location_from_json(said)
        if isinstance(location, LocalLocation):
            return LocalKept(location.path)
        return _BucketKept(location, self)

    def folder_of(self, objects: OwnObjects) -> Path | None:
        """Copy a kept folder; None where there is none."""
        copy = self._copy()
        return copy if objects.download_folder(copy, heed=self._heed) else None

    def _copy(self) -> Path:
        folder = self._scratch / "nearby"
        folder.mkdir(exist_ok=True)
        return folder / f"{next(self._numbers)}.object"

    def _heed(self, byte_size: int) -> None:
        self._progress.bytes_read += byte_size
        self._progress.tell()


class _BucketKept:
    """A kept folder of a bucket."""

    def __init__(self, location: BucketLocation, nearby: Nearby) -> None:
        self._objects = OwnObjects(location)
        self._nearby = nearby

    def find(self) -> Path | None:
        """Copy the folder to this machine; None where it is not there yet."""
        return self._nearby.folder_of(self._objects)

    def keep(self, fetched: Path) -> Path:
        """Let a folder appear in the bucket, unless another attempt was faster; names the one that is there."""
        if self._objects.keep_folder(fetched):
            return fetched
        return self.find() or fetched
