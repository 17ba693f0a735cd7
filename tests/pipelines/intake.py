"""Feeds files to the engine in a folder of their own, and reads back what came out."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from headgate.pipelines import formats
from headgate.pipelines.counts import Counts
from headgate.pipelines.dialect import Dialect
from headgate.pipelines.prepared import ROW_INDEX, Prepared, Source
from headgate.pipelines.rejections import RejectionLog, save_ledger
from headgate.pipelines.runner import Ingest, Ingested, ingest
from headgate.pipelines.sinks.writing import Target
from headgate.storage import datasets
from headgate.storage.columns import WHOLE, Column, ColumnType, json_records
from headgate.storage.datasets import Snapshot, WriteMode
from headgate.storage.formats import FileFormat
from headgate.storage.open_errors import OpenErrors
from headgate.storage.tablefolders import LocalFolder, TableFolder, table_folder
from tests.buckets import Store


def unheard(stage: str, **figures: Any) -> None:
    """Progress that nobody listens to."""


@dataclass(frozen=True)
class Reading:
    """What a reader made of a file."""

    prepared: Prepared
    rejected: int
    errors: list[dict[str, Any]]

    @property
    def frame(self) -> pl.DataFrame:
        return self.prepared.frame.drop(ROW_INDEX).collect()

    @property
    def rows(self) -> list[tuple[Any, ...]]:
        return self.frame.rows()

    def places(self) -> list[tuple[int, int]]:
        """Record number and line of every accepted row."""
        if not self.prepared.accepted:
            return []
        assert self.prepared.rows is not None
        indexes = pl.arange(self.prepared.accepted, eager=True).to_numpy()
        numbers, lines = self.prepared.rows.locate(indexes)
        return list(zip(numbers.tolist(), lines.tolist(), strict=True))


@dataclass(frozen=True)
class Outcome:
    """What a job did to its dataset; `rows` are those of the whole version."""

    counts: Counts
    version: Snapshot
    rows: list[dict[str, Any]]
    errors: list[dict[str, Any]]

    @property
    def types(self) -> dict[str, str]:
        return {column.name: column.type.value for column in self.version.columns}


def target_of(job: Ingest) -> Target:
    """The dataset that a job writes to, where it writes to one."""
    assert job.target is not None
    return job.target


def committed(done: Ingested) -> tuple[Counts, Snapshot]:
    """What a job that wrote to a dataset has done."""
    assert done.version is not None
    return done.counts, done.version


class Intake:
    """A folder with files, datasets, ledgers and scratch space; each job has a number."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count(1)

    def file(self, content: bytes | str, name: str = "data") -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def scratch(self) -> Path:
        folder = self.folder / f"scratch-{next(self._numbers)}"
        folder.mkdir()
        return folder

    def read(self, path: Path, format: FileFormat, dialect: Dialect | None = None, **options: Any) -> Reading:
        """Only read a file, without typing and writing; `options` are those of its source."""
        scratch = self.scratch()
        log = RejectionLog(scratch)
        prepared = formats.read(Source(path, format, dialect, **options), scratch, log, unheard)
        ledger = scratch / "ledger.parquet"
        save_ledger(ledger, log)
        return Reading(prepared, log.rows, errors_in(ledger))

    def dataset(self, name: str = "dataset") -> LocalFolder:
        return LocalFolder(self.folder / name)

    def table(self, name: str) -> TableFolder:
        """Where jobs find a dataset."""
        return self.dataset(name)

    def job(
        self,
        path: Path,
        format: FileFormat,
        mode: WriteMode = WriteMode.APPEND,
        keys: Sequence[str] = (),
        *,
        dialect: Dialect | None = None,
        dataset: str = "dataset",
        job: str | None = None,
        attempt: int = 1,
        replay: Path | None = None,
    ) -> Ingest:
        scratch = self.scratch()
        job = job or f"job_{scratch.name}"
        return Ingest(
            Source(path, format, dialect),
            Target(self.table(dataset), mode, keys, job, attempt, scratch),
            self.ledger(job),
            scratch,
            None if replay is None else OpenErrors(replay),
        )

    def ledger(self, job: str) -> Path:
        return self.folder / "errors" / f"{job}.parquet"

    def run(self, job: Ingest) -> Outcome:
        counts, version = committed(ingest(job, unheard))
        return Outcome(counts, version, rows_of(target_of(job).folder, version), errors_in(job.ledger))

    def ingest(self, path: Path, format: FileFormat, *settings: Any, **options: Any) -> Outcome:
        """Run one job to its end; the arguments are those of `job`."""
        return self.run(self.job(path, format, *settings, **options))

    def load(
        self, text: str, mode: WriteMode = WriteMode.APPEND, keys: Sequence[str] = (), **options: Any
    ) -> Outcome:
        """Ingest CSV."""
        return self.ingest(self.file(text), FileFormat.CSV, mode, keys, dialect=Dialect(), **options)

    def parquet_files(self, dataset: str = "dataset") -> set[str]:
        return {path.name for path in self.dataset(dataset).path.rglob("*.parquet")}


class BucketIntake(Intake):
    """An intake whose datasets are in a bucket."""

    def __init__(self, folder: Path, store: Store) -> None:
        super().__init__(folder)
        self._store = store

    def table(self, name: str) -> TableFolder:
        return table_folder(self._store.location(f"datasets/{name}"))

    def parquet_files(self, dataset: str = "dataset") -> set[str]:
        folder, stored = f"datasets/{dataset}/", self._store.keys()
        return {
            key.removeprefix(folder) for key in stored if key.startswith(folder) and key.endswith(".parquet")
        }


def rows_of(folder: TableFolder, version: Snapshot) -> list[dict[str, Any]]:
    """All rows of a version, as clients get them."""
    frame = datasets.scan(folder, version).collect()
    return json_records(frame, {column.name: column.form for column in version.columns})


def errors_in(ledger: Path) -> list[dict[str, Any]]:
    return pl.read_parquet(ledger).to_dicts() if ledger.exists() else []


def spelled(column: Column, value: Any) -> str | None:
    """The text that a client makes of a value with the column's type and form."""
    if value is None:
        return None
    match column.type:
        case ColumnType.BOOLEAN:
            text = str(value).lower()
            return {"True": text.capitalize(), "TRUE": text.upper()}.get(column.form or "", text)
        case ColumnType.FLOAT if isinstance(value, float):
            text = str(pl.Series([value]).cast(pl.String)[0])
            return text.removesuffix(".0") if column.form == WHOLE else text
    return str(value)


@contextmanager
def new_intake() -> Iterator[Intake]:
    """An intake for one example of a property; nothing of it stays."""
    with TemporaryDirectory() as folder:
        yield Intake(Path(folder))
