"""Objects of a bucket or of this machine's folders, by paths that may hold wildcards."""

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import AfterValidator, Field

from headgate.pipelines.endpoints.bucket import open_bucket
from headgate.pipelines.endpoints.outside import Outside
from headgate.storage.folders import Folders
from headgate.storage.places import Heed, StoredObject

MAX_PATH_CHARACTERS = 1_000
WILDCARD = re.compile(r"[*?]")
ANY_FOLDERS = "**"
HIDDEN = (".", "_")
"""What begins names that no wildcard stands for: those of marks, and of files that aren't whole yet."""


class Objects(AbstractContextManager["Objects"], Protocol):
    """A bucket, or folders: `Bucket` says what each method does."""

    def objects(self, prefix: str = "") -> Iterator[StoredObject]: ...
    def head(self, key: str) -> StoredObject | None: ...
    def download(self, found: StoredObject, target: Path, *, max_bytes: int, heed: Heed) -> None: ...
    def upload(self, path: Path, key: str, *, heed: Heed) -> StoredObject: ...
    def delete(self, key: str) -> None: ...


def open_objects(endpoint: str | None, outside: Outside) -> Objects:
    """The bucket of an endpoint, or where none is named the folders of this machine; a context manager.

    Raises JobFault: UNKNOWN_ENDPOINT, WRONG_ENDPOINT, INVALID_ENDPOINT.
    """
    if endpoint is None:
        return Folders(outside.folders)
    return open_bucket(outside.endpoint(endpoint, "S3"), outside)


def _usable(path: str) -> str:
    if not path.isprintable():
        raise ValueError("a path holds no control characters")
    if ".." in path.split("/") or "\\" in path:
        raise ValueError("a path holds no .. and no backslash")
    return path


ObjectPath = Annotated[str, Field(min_length=1, max_length=MAX_PATH_CHARACTERS), AfterValidator(_usable)]
"""The path of objects, as settings say it."""


class Pattern:
    """Which objects a path means.

    `*` and `?` stand for any characters of a name, and for one; `**`, between slashes, for any folders. A path that
    ends with a slash means all that lies below it. Every key begins with `prefix`, which is the one key where the path
    `is_name`.
    """

    def __init__(self, path: str) -> None:
        parts = path.split("/")
        if parts[-1] in ("", ANY_FOLDERS):
            parts[-1:] = [ANY_FOLDERS, "*"]
        self._parts = parts
        wildcard = WILDCARD.search(path)
        self.prefix = path if wildcard is None else path[: wildcard.start()]
        self.is_name = wildcard is None and not path.endswith("/")

    def matches(self, key: str) -> bool:
        """Whether an object is meant."""
        names = key.split("/")
        ends = {0}
        for part in self._parts:
            ends = _behind_folders(names, ends) if part == ANY_FOLDERS else _behind_name(names, ends, part)
        return len(names) in ends


def _behind_folders(names: Sequence[str], ends: set[int]) -> set[int]:
    """How many names of a path may have been taken when any folders follow."""
    reached: set[int] = set()
    for end in ends:
        while end not in reached:
            reached.add(end)
            if end < len(names) and not names[end].startswith(HIDDEN):
                end += 1
    return reached


def _behind_name(names: Sequence[str], ends: set[int], part: str) -> set[int]:
    return {end + 1 for end in ends if end < len(names) and _fits(names[end], part)}


def _fits(name: str, part: str) -> bool:
    """Whether a name is one that a part of a path means, in time that grows with both lengths alone."""
    if part.startswith(("*", "?")) and name.startswith(HIDDEN):
        return False
    at = in_part = 0
    star, behind_star = -1, 0
    while at < len(name):
        if in_part < len(part) and part[in_part] == "*":
            star, behind_star = in_part, at
            in_part += 1
        elif in_part < len(part) and part[in_part] in ("?", name[at]):
            at, in_part = at + 1, in_part + 1
        elif star >= 0:
            behind_star += 1
            at, in_part = behind_star, star + 1
        else:
            return False
    return not part[in_part:].strip("*")
