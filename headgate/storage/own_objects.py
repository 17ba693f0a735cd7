"""Objects of Headgate's own bucket as files of this machine, for processes that wait: the engine's.

Those that serve use headgate.storage.bucket_store.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import structlog

from headgate.errors import JobFault
from headgate.storage.bucketfolders import connected
from headgate.storage.buckets import Bucket
from headgate.storage.locations import BucketLocation
from headgate.storage.object_store import StoreUnavailable
from headgate.storage.places import Heed, Place, StoredObject

MARK = "kept"
"""The object of a kept folder that names the folder below it, in which its files are."""
MARK_BYTES = 64
OF_BUCKETS = frozenset(
    {
        "BUCKET_NOT_FOUND",
        "BUCKET_DENIED",
        "BUCKET_REFUSED",
        "BUCKET_UNREACHABLE",
        "OBJECT_CHANGED",
        "OBJECT_TOO_LARGE",
    }
)

logger = structlog.get_logger(__name__)


def unheeded(count: int) -> None:
    """Nobody follows."""


class OwnObjects:
    """The object at a location, or all of a folder there.

    Every method raises StoreUnavailable where the bucket can't be reached, and what `heed` raises.
    """

    def __init__(self, location: BucketLocation) -> None:
        self._key = location.key
        place = Place(location.bucket, location.region, location.endpoint_url)
        self._bucket = Bucket(place, connected(location))

    def download(self, target: Path, *, heed: Heed = unheeded) -> None:
        """Copy the object into a new file; raises FileNotFoundError."""
        with _told():
            self._download(self._found(self._key), target, heed)

    def download_head(self, target: Path, size: int, *, heed: Heed = unheeded) -> bool:
        """Copy so many bytes of the object into a new file, and tell whether that is all; raises FileNotFoundError."""
        with _told():
            found = self._found(self._key)
            if found.byte_size <= size:
                self._download(found, target, heed)
                return True
            target.write_bytes(self._bucket.head_of(found, size))
            return False

    def upload(self, path: Path) -> None:
        """Write a file as the object, whole or not at all; where there is no such file, no object stays either."""
        with _told():
            if path.exists():
                self._bucket.upload(path, self._key, heed=unheeded)
            else:
                self._bucket.delete(self._key)

    def keep_folder(self, folder: Path) -> bool:
        """Write a folder's files, which appear all at once; False where another process was faster, whose stay."""
        name = uuid4().hex
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        with _told():
            for path in files:
                key = f"{self._key}/{name}/{path.relative_to(folder).as_posix()}"
                self._bucket.upload(path, key, heed=unheeded)
            if self._bucket.put_new(f"{self._key}/{MARK}", name.encode()):
                return True
            for path in files:
                self._bucket.delete(f"{self._key}/{name}/{path.relative_to(folder).as_posix()}")
            return False

    def download_folder(self, target: Path, *, heed: Heed = unheeded) -> bool:
        """Copy a folder that was kept into a new one; False where none was."""
        with _told():
            if (mark := self._bucket.head(f"{self._key}/{MARK}")) is None:
                return False
            prefix = f"{self._key}/{self._bucket.head_of(mark, MARK_BYTES).decode()}/"
            for found in self._bucket.objects(prefix):
                path = target / found.key.removeprefix(prefix)
                path.parent.mkdir(parents=True, exist_ok=True)
                self._download(found, path, heed)
            return True

    def _found(self, key: str) -> StoredObject:
        if (found := self._bucket.head(key)) is None:
            raise FileNotFoundError(key)
        return found

    def _download(self, found: StoredObject, target: Path, heed: Heed) -> None:
        self._bucket.download(found, target, max_bytes=found.byte_size, heed=heed)


@contextmanager
def _told() -> Iterator[None]:
    """Say in our words that the store fails; the bucket's own words name what nobody outside needs to know."""
    try:
        yield
    except JobFault as fault:
        if fault.code not in OF_BUCKETS:
            raise
        logger.warning("store.failed", code=fault.code, reason=fault.message)
        raise StoreUnavailable from None
