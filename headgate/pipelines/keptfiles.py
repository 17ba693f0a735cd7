"""What a source outside has, kept in a folder: fetched once for a job, so that all who read it read the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from headgate.errors import JobFault
from headgate.pipelines import formats
from headgate.pipelines.dialect import GivenDialect
from headgate.pipelines.endpoints.outside import Outside
from headgate.pipelines.fetched import KeptFolder, written_safely
from headgate.pipelines.prepared import Source, Watch
from headgate.pipelines.readers.many import Files
from headgate.pipelines.sources.source import Fetched, FetchedFile, Fetching, OutsideSource
from headgate.storage.formats import DELIMITED, FileFormat

MANIFEST, CONTENT = "fetched.json", "files"


@dataclass(frozen=True, slots=True)
class OutsideFetch:
    """A source outside whose content is kept in `folder`, at most so many bytes; `state` is what it goes on from."""

    source: OutsideSource
    folder: KeptFolder
    outside: Outside
    max_bytes: int
    state: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Kept:
    """What a folder holds: files, none of them empty, and the state to go on from next time."""

    files: Sequence[Source]
    state: Mapping[str, Any] | None

    def input(self) -> Files:
        """The files as one input."""
        return Files(self.files)

    @property
    def is_text(self) -> bool:
        """Whether values came as text, whose types were still to be found."""
        return any(file.format in DELIMITED for file in self.files)


def fetched_files(wanted: OutsideFetch, scratch: Path, watch: Watch) -> Kept:
    """What the source has; fetched only where it is not there yet. Raises JobFault, as the source does."""
    return kept_files(wanted.folder.find() or wanted.folder.keep(_fetch(wanted, scratch, watch)))


def is_kept(folder: Path) -> bool:
    """Whether a folder holds what a source outside had, and not what a URL answered."""
    return (folder / MANIFEST).exists()


def kept_files(folder: Path) -> Kept:
    """What was fetched into a folder. Raises what `formats.identify` says of a file's format."""
    said = orjson.loads((folder / MANIFEST).read_bytes())
    files = [_source(folder / CONTENT / each["name"], each) for each in said["files"]]
    return Kept([file for file in files if file is not None], said["state"])


def _source(path: Path, said: Mapping[str, Any]) -> Source | None:
    if not path.stat().st_size:
        return None
    given = GivenDialect.from_json(said["given"])
    format = FileFormat(said["format"]) if said["format"] else formats.identify(path, path.name, None, given)
    return Source(path, format, given=given)


def _fetch(wanted: OutsideFetch, scratch: Path, watch: Watch) -> Path:
    folder = scratch / "outside"
    (folder / CONTENT).mkdir(parents=True)
    watch("fetching")
    fetching = Fetching(folder / CONTENT, wanted.outside, wanted.max_bytes, watch, wanted.state)
    try:
        fetched = wanted.source.fetch(fetching)
    except JobFault as fault:
        step = f"source.{wanted.source.kind}"
        raise JobFault(
            fault.code, fault.message, fault.category, fault.retryable, fault.details, step
        ) from fault
    written_safely(folder / MANIFEST, orjson.dumps(_manifest(fetched)))
    return folder


def _manifest(fetched: Fetched) -> dict[str, Any]:
    return {"files": [_file(each) for each in fetched.files], "state": fetched.state}


def _file(file: FetchedFile) -> dict[str, Any]:
    return {"name": file.name, "format": file.format, "given": file.given.to_json()}
