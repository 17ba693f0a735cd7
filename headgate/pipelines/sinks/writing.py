"""The dataset sink: good rows become Parquet files in the dataset's folder, then one commit makes them a version."""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import polars as pl

from headgate.pipelines.batches import watched
from headgate.pipelines.prepared import Watch
from headgate.storage import commits, datasets
from headgate.storage.columns import Column
from headgate.storage.datasets import Part, Snapshot, WriteMode
from headgate.storage.tablefolders import TableFolder

FILE_BYTES = 512 << 20
"""The size in memory of the rows of one file, about: several times its size on disk."""
PLACE = "__headgate_place__"
"""Where a row stands among those that come out of the steps."""
COMPRESSION: Literal["lz4"] = "lz4"


@dataclass(frozen=True, slots=True)
class Target:
    """A dataset to write to, by one attempt of a job; `step` names the sink in the spec.

    `partition_by` names the columns of which each file has one value; with None the dataset stays as it is partitioned.
    """

    folder: TableFolder
    mode: WriteMode
    keys: Sequence[str]
    job: str
    attempt: int
    scratch: Path
    partition_by: Sequence[str] | None = None
    step: str | None = None

    @property
    def desk(self) -> Path:
        """The folder of this machine in which files are written, before `store` brings them to the dataset's."""
        return self.folder.desk(self.scratch)

    @property
    def stem(self) -> str:
        """What begins the names of all files that this attempt writes there."""
        return _stem(self.job, self.attempt)


def _stem(job: str, attempt: int) -> str:
    return f"{job}-{attempt}"


def write_rows(frame: pl.LazyFrame, folder: Path, stem: str, order: int) -> list[Part]:
    """Stream rows into Parquet files named after the stem, in their order."""
    folder.mkdir(parents=True, exist_ok=True)
    layout = pl.PartitionBy(
        folder,
        approximate_bytes_per_file=FILE_BYTES,
        file_path_provider=lambda file: f"{stem}-{file.index_in_partition:06}.parquet",
    )
    frame.sink_parquet(layout, compression=COMPRESSION, mkdir=True, maintain_order=True)
    return [part_of(path, order) for path in sorted(folder.glob(f"{stem}-*.parquet"))]


def part_of(path: Path, order: int) -> Part:
    """A written file as a part of a dataset."""
    rows = int(pl.scan_parquet(path, glob=False).select(pl.len()).collect().item())
    return Part(path.name, rows, path.stat().st_size, order)


def committed_rows(before: Snapshot | None, jobs: Sequence[str]) -> Snapshot | None:
    """The rows of a version that these jobs brought, as far as they lie where they were written; None for none."""
    if before is None or not jobs:
        return None
    written = re.compile(rf"({'|'.join(map(re.escape, jobs))})-\d+-\d+\.parquet")
    parts = tuple(part for part in before.parts if written.fullmatch(part.name))
    return replace(before, parts=parts) if parts else None


def next_order(before: Snapshot | None) -> int:
    """A place behind all parts of the version before: milliseconds since the epoch, or one more where clocks differ."""
    last = max((part.order for part in before.parts), default=0) if before else 0
    return max(int(time.time() * 1000), last + 1)


def clear(target: Target) -> None:
    """Remove what the attempt has written, none of which was committed, so that it may write anew."""
    for path in target.desk.glob(f"{target.stem}-*.parquet"):
        path.unlink(missing_ok=True)


def discard(folder: TableFolder, job: str, attempt: int) -> None:
    """Remove every file that an attempt wrote, but for those that it committed before it failed."""
    committed = datasets.committed_by(folder, job)
    _discard(folder, _stem(job, attempt), committed.snapshot.parts if committed else ())


def discard_all(folder: TableFolder, job: str, kept: Snapshot) -> None:
    """Remove every file that any attempt of a job wrote and that isn't part of the version it committed."""
    _discard(folder, job, kept.parts)


def _discard(folder: TableFolder, stem: str, kept: Iterable[Part]) -> None:
    folder.remove({*folder.names(f"{stem}-")} - {part.name for part in kept})


def keep_last(staged: pl.LazyFrame, keys: Sequence[str]) -> pl.LazyFrame:
    """Of the rows with one key, the last; in the order in which they come."""
    placed = staged.with_row_index(PLACE)
    last = placed.group_by(keys).agg(pl.col(PLACE).max()).select(PLACE)
    return placed.join(last, on=PLACE, how="semi", maintain_order="left").drop(PLACE)


@dataclass(frozen=True, slots=True)
class Merge:
    """The parts to add to a dataset, and those whose place they take in an upsert."""

    added: list[Part]
    removed: list[Part]


def merge(target: Target, before: Snapshot | None, new: Sequence[Part], watch: Watch) -> Merge:
    """In an upsert, rewrite the parts that hold keys of the new rows without those; all others stay as they are."""
    if target.mode is not WriteMode.UPSERT or before is None or not any(part.rows for part in new):
        return Merge(list(new), [])
    scan = pl.scan_parquet([target.desk / part.name for part in new], glob=False)
    incoming = watched(scan.select(target.keys), watch)
    added, removed = list(new), []
    concerned = _concerned(target, new)
    for number, part in enumerate(before.parts):
        if not concerned(part):
            continue
        rows = watched(datasets.scan(target.folder, Snapshot(before.version, (part,), before.columns)), watch)
        kept = rows.join(incoming, on=list(target.keys), how="anti", maintain_order="left")
        if int(kept.select(pl.len()).collect(engine="streaming").item()) == part.rows:
            continue
        removed.append(part)
        added += [
            replace(rewritten, partition=part.partition)
            for rewritten in write_rows(kept, target.desk, f"{target.stem}-kept{number:06}", part.order)
            if rewritten.rows
        ]
    return Merge(added, removed)


def _concerned(target: Target, new: Sequence[Part]) -> Callable[[Part], bool]:
    """Tell parts that may hold keys of the new rows: where keys tell the partition, those of the same partitions."""
    told = [number for number, name in enumerate(target.partition_by or ()) if name in target.keys]
    touched = {tuple(part.partition[number] for number in told) for part in new}
    return lambda part: tuple(part.partition[number] for number in told) in touched


def store(target: Target, merged: Merge, watch: Watch) -> None:
    """Bring the written files to the dataset's folder, where they are no part of a version yet."""
    target.folder.take(target.desk, [part.name for part in merged.added], lambda: watch("writing"))


def commit(
    target: Target,
    columns: Sequence[Column],
    merged: Merge,
    before: Snapshot | None,
    note: Mapping[str, Any],
    *,
    alone: bool = False,
) -> Snapshot:
    """Make the written rows the dataset's next version, with `alone` of no other than the one before.

    Raises DatasetConflict.
    """
    return commits.commit(
        target.folder,
        job=target.job,
        mode=target.mode,
        base=before,
        columns=columns,
        parts=merged.added,
        removed=merged.removed,
        partition_by=target.partition_by or (),
        note=note,
        alone=alone,
    )
