"""The sink `object`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, ClassVar

import polars as pl
from pydantic import AfterValidator, Field

from headgate.errors import JobFault
from headgate.pipelines.batches import watched
from headgate.pipelines.endpoints.objects import WILDCARD, ObjectPath, Objects, open_objects
from headgate.pipelines.prepared import Watch
from headgate.pipelines.sinks.sink import Delivered, Delivery, OutsideSink, SinkRows
from headgate.pipelines.sinks.spelling import cells, record_batches, write_ndjson
from headgate.storage.columns import Column

JOB = "{job}"
MAX_FILES = 10_000
MAX_TOLD = 1_000
"""So many objects are named in the result."""


class ObjectFormat(StrEnum):
    """What objects are written as."""

    PARQUET = "PARQUET"
    CSV = "CSV"
    NDJSON = "NDJSON"
    ARROW = "ARROW"


ENDINGS = {
    ObjectFormat.PARQUET: ".parquet",
    ObjectFormat.CSV: ".csv",
    ObjectFormat.NDJSON: ".ndjson",
    ObjectFormat.ARROW: ".arrow",
}


def _writable(path: str) -> str:
    if WILDCARD.search(path):
        raise ValueError("a path to write to holds no wildcards")
    if re.search(r"[{}]", path.replace(JOB, "")):
        raise ValueError(f"{JOB} is all that may stand in braces")
    return path


class ObjectSink(OutsideSink):
    """Objects in a bucket of S3, or files in a folder of this machine that an operator allows.

    An object appears whole, in the place of any with its name. Written again for the same job, the objects are the
    same.
    """

    kind: ClassVar[str] = "object"
    example: ClassVar[dict[str, Any]] = {"endpoint": "store", "path": "exports/{job}/orders.parquet"}
    records: ClassVar[list[dict[str, Any]]] = [
        {"order_id": 1, "amount": 12.5},
        {"order_id": 2, "amount": 7.0},
    ]
    endpoints: ClassVar[Mapping[str, tuple[str, ...]]] = {"endpoint": ("S3",)}

    path: Annotated[ObjectPath, AfterValidator(_writable)] = Field(
        description=(
            "The name of the object; {job} in it stands for the job's id, without which each job replaces what the one "
            "before has written. Where it ends with a slash, the object lies below it, named after the job. Without an "
            "endpoint it is below the first folder that an operator allows with HEADGATE_LOCAL_FOLDERS, or an absolute "
            "path in one of them."
        )
    )
    endpoint: str | None = Field(
        default=None, description="The endpoint with the bucket; a folder of this machine by default."
    )
    format: ObjectFormat = Field(default=ObjectFormat.PARQUET, description="What to write.")
    escape_formulas: bool = Field(
        default=True,
        description=(
            "Whether texts in CSV that a spreadsheet would take for formulas get an apostrophe in front: those that "
            "begin with = + - @, a tab or a carriage return."
        ),
    )
    max_rows_per_file: int | None = Field(
        default=None,
        ge=1,
        description=(
            "Write several objects with so many rows at most, which are numbered: orders-00001.parquet. One by default."
        ),
    )

    def write(self, rows: SinkRows, delivery: Delivery) -> Delivered:
        """Write the rows.

        Raises JobFault: TOO_MANY_OBJECTS, and what the store says; objects that were written by then stay.
        """
        name = self._name(delivery)
        with open_objects(self.endpoint, delivery.outside) as objects:
            told = [self._write(objects, key, part, rows, delivery) for key, part in self._parts(name, rows)]
            if self.max_rows_per_file is not None:
                _discard_behind(objects, name, len(told))
        return Delivered(said={"objects": told[:MAX_TOLD], "count": len(told)})

    def _name(self, delivery: Delivery) -> str:
        path = self.path if self.endpoint is None else self.path.lstrip("/")
        if path.endswith("/") or not path:
            path += delivery.key.replace(":", "-") + ENDINGS[self.format]
        return path.replace(JOB, delivery.job)

    def _parts(self, name: str, rows: SinkRows) -> Iterator[tuple[str, tuple[int, int]]]:
        """The names of the objects, and where the rows of each begin and how many they are."""
        if self.max_rows_per_file is None:
            yield name, (0, rows.count)
            return
        starts = range(0, max(rows.count, 1), self.max_rows_per_file)
        if len(starts) > MAX_FILES:
            message = (
                f"The rows make {len(starts):,} objects, more than {MAX_FILES:,}. Set more in maxRowsPerFile."
            )
            raise JobFault("TOO_MANY_OBJECTS", message, "CONFIG")
        for number, start in enumerate(starts, start=1):
            yield _numbered(name, number), (start, min(self.max_rows_per_file, rows.count - start))

    def _write(
        self, objects: Objects, key: str, part: tuple[int, int], rows: SinkRows, delivery: Delivery
    ) -> dict[str, Any]:
        file = delivery.scratch / "object"
        try:
            self._save(rows.scan().slice(*part), rows.columns, file, delivery.watch)
            stored = objects.upload(file, key, heed=lambda count: delivery.watch("delivering"))
        finally:
            file.unlink(missing_ok=True)
        return {"path": key, "rows": part[1], "bytes": stored.byte_size}

    def _save(self, part: pl.LazyFrame, columns: Sequence[Column], file: Path, watch: Watch) -> None:
        match self.format:
            case ObjectFormat.PARQUET:
                watched(part, watch).sink_parquet(file)
            case ObjectFormat.ARROW:
                # Not every reader knows the newest way to lay out texts.
                watched(part, watch).sink_ipc(file, compat_level=pl.CompatLevel.oldest())
            case ObjectFormat.CSV:
                texts = cells(columns, escape_formulas=self.escape_formulas)
                watched(part, watch).select(texts).sink_csv(file)
            case ObjectFormat.NDJSON:
                write_ndjson(record_batches(part, columns, watch), file)


def _numbered(name: str, number: int) -> str:
    ending = PurePosixPath(name).suffix
    return f"{name.removesuffix(ending)}-{number:05}{ending}"


def _discard_behind(objects: Objects, name: str, last: int) -> None:
    """Remove what an earlier writing left that made more objects."""
    for number in range(last + 1, MAX_FILES + 1):
        key = _numbered(name, number)
        if objects.head(key) is None:
            return
        objects.delete(key)
