"""The source `object`."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, ClassVar

from pydantic import Field

from headgate.errors import JobFault
from headgate.pipelines.dialect import NOTHING_GIVEN
from headgate.pipelines.endpoints.objects import ObjectPath, Objects, Pattern, open_objects
from headgate.pipelines.sources.dialect_settings import DialectSettings
from headgate.pipelines.sources.source import Fetched, FetchedFile, Fetching, OutsideSource
from headgate.storage.formats import FileFormat
from headgate.storage.places import StoredObject

MAX_FILES = 10_000
MAX_LISTED = 1_000_000
"""So many objects are looked through for those that a path means."""
MAX_NAME_CHARACTERS = 100
LATE = timedelta(days=1)
"""So long after it was begun, by the store's clock, an object may appear that is taken for a new one."""
UPTO, RECENT = "upTo", "recent"


class ObjectSource(OutsideSource):
    """Files in a bucket of S3, or in a folder of this machine that an operator allows; many are read as one.

    Files may be of several formats. Rows come in the order of the files' names, and columns are united by name: what a
    file lacks is null. Files without content are left out.
    """

    kind: ClassVar[str] = "object"
    example: ClassVar[dict[str, Any]] = {"endpoint": "store", "path": "exports/**/*.csv"}
    endpoints: ClassVar[Mapping[str, tuple[str, ...]]] = {"endpoint": ("S3",)}

    path: ObjectPath = Field(
        description=(
            "Which files: a name, or one in which * stands for any characters, ? for one, and ** between slashes for "
            "any folders; all that lies below it where it ends with a slash. Wildcards stand for no name that begins "
            "with a dot or an underscore. Without an endpoint it is below the first folder that an operator allows "
            "with HEADGATE_LOCAL_FOLDERS, or an absolute path in one of them."
        )
    )
    endpoint: str | None = Field(
        default=None, description="The endpoint with the bucket; a folder of this machine by default."
    )
    format: FileFormat | None = Field(
        default=None, description="What the files are; told from the content of each by default."
    )
    dialect: DialectSettings | None = Field(
        default=None, description="How those that are CSV or TSV are written; found by default."
    )
    incremental: bool = Field(
        default=False,
        description=(
            "Whether to read only what is new or changed since the last job of the pipeline that was committed; the "
            "oldest first, if these are too many for one job."
        ),
    )

    def fetch(self, to: Fetching) -> Fetched:
        """Fetch what the path means.

        Raises JobFault: NOTHING_FOUND where that is nothing and all is to be read, TOO_MANY_OBJECTS, OBJECT_TOO_LARGE,
        and what the store says.
        """
        with open_objects(self.endpoint, to.outside) as objects:
            found = self._found(objects, to)
            if self.incremental:
                return self._fetch_new(objects, found, to)
            if not found:
                raise JobFault("NOTHING_FOUND", f"No file is there for the path {self.path}.", "DATA")
            if len(found) > MAX_FILES:
                message = f"The path {self.path} means more than the {MAX_FILES:,} files that one job reads."
                raise JobFault("TOO_MANY_OBJECTS", message, "CONFIG")
            return Fetched(self._fetch(objects, found, to))

    def _found(self, objects: Objects, to: Fetching) -> list[StoredObject]:
        """What the path means, by name."""
        pattern = Pattern(self._key())
        if pattern.is_name:
            return [each for each in [objects.head(pattern.prefix)] if each and each.byte_size]
        listed = islice(objects.objects(pattern.prefix), MAX_LISTED + 1)
        found = [each for each in _heeded(listed, to) if each.byte_size and pattern.matches(each.key)]
        return sorted(found, key=lambda each: each.key)

    def _key(self) -> str:
        """The path as keys are spelled: those of a bucket don't begin with a slash."""
        return self.path if self.endpoint is None else self.path.lstrip("/")

    def _fetch_new(self, objects: Objects, found: Sequence[StoredObject], to: Fetching) -> Fetched:
        seen = Seen.from_json(to.state) if to.state else None
        new = [each for each in found if seen is None or not seen.has(each)]
        taken = list(_fitting(sorted(new, key=lambda each: (each.modified_at, each.key)), to.max_bytes))
        if not taken:
            return Fetched([], to.state)
        files = self._fetch(objects, sorted(taken, key=lambda each: each.key), to)
        return Fetched(files, Seen.after(seen, taken).to_json())

    def _fetch(self, objects: Objects, found: Sequence[StoredObject], to: Fetching) -> list[FetchedFile]:
        left = to.max_bytes
        total = sum(each.byte_size for each in found)
        given = self.dialect.given() if self.dialect else NOTHING_GIVEN
        files, read = [], 0

        def heed(count: int) -> None:
            nonlocal read
            read += count
            to.watch("fetching", bytes_read=read, bytes_total=total)

        if total > left:
            message = f"The path {self.path} means files with more than the {left:,} bytes that are taken."
            raise JobFault("OBJECT_TOO_LARGE", message, "DATA", details={"maxBytes": left})
        for number, each in enumerate(found, start=1):
            name = f"{number:05}-{_plain(each.key)}"
            objects.download(each, to.folder / name, max_bytes=left, heed=heed)
            files.append(FetchedFile(name, self.format, given))
            left -= each.byte_size
        return files


def _heeded(listed: Iterator[StoredObject], to: Fetching) -> Iterator[StoredObject]:
    """The same, stopped where it is to stop. Raises JobFault TOO_MANY_OBJECTS."""
    for number, each in enumerate(listed):
        if number == MAX_LISTED:
            message = f"More than {MAX_LISTED:,} objects lie where the path leads. Give a longer one."
            raise JobFault("TOO_MANY_OBJECTS", message, "CONFIG")
        if number % 1_000 == 0:
            to.watch("fetching")
        yield each


def _fitting(found: Sequence[StoredObject], max_bytes: int) -> Iterator[StoredObject]:
    """The first objects, as many as one job takes; one that is too large by itself comes alone, to be refused."""
    left = max_bytes
    for number, each in enumerate(found[:MAX_FILES]):
        left -= each.byte_size
        if left < 0 and number:
            return
        yield each


def _plain(key: str) -> str:
    """The name of an object for a file beside others: of a long one the end, which tells the format."""
    name = key.rpartition("/")[2].replace("\\", "_")
    return "".join(filter(str.isprintable, name)).encode()[-MAX_NAME_CHARACTERS:].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read before: objects changed up to a moment, of those less than a day older these alone.

    An object may appear after younger ones: a store says of one when its upload began.
    """

    up_to: datetime
    recent: frozenset[str]

    @classmethod
    def from_json(cls, state: Mapping[str, Any]) -> "Seen":
        """Read what a job before has kept."""
        return cls(datetime.fromisoformat(state[UPTO]), frozenset(state[RECENT]))

    def to_json(self) -> dict[str, Any]:
        """Say it for the next job."""
        return {UPTO: self.up_to.isoformat(), RECENT: sorted(self.recent)}

    @classmethod
    def after(cls, before: "Seen | None", taken: Sequence[StoredObject]) -> "Seen":
        """What was read once these are."""
        up_to = max([*(each.modified_at for each in taken), *([before.up_to] if before else [])])
        recent = {_mark(each) for each in taken if each.modified_at > up_to - LATE}
        return cls(up_to, frozenset(recent | (before._still_recent(up_to) if before else set())))

    def _still_recent(self, up_to: datetime) -> set[str]:
        return {mark for mark in self.recent if _moment(mark) > up_to - LATE}

    def has(self, each: StoredObject) -> bool:
        """Whether an object was read."""
        return each.modified_at <= self.up_to - LATE or _mark(each) in self.recent


def _mark(each: StoredObject) -> str:
    """What is kept of an object that was read: when it changed, and what tells it from any other."""
    told = hashlib.sha256(f"{each.key}\0{each.etag}".encode()).hexdigest()[:24]
    return f"{each.modified_at.isoformat()} {told}"


def _moment(mark: str) -> datetime:
    return datetime.fromisoformat(mark.partition(" ")[0])
