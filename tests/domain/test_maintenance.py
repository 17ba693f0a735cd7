"""Datasets are kept well: small files become large ones, and what has expired goes, but nothing that may be read."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headgate.domain import dataset_changes, dataset_versions, datasets, leftovers, vacuum
from headgate.domain.compaction import Compactor
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.errors import JobFault, UserFault
from headgate.pipelines.compaction import run_compact
from headgate.storage import commits, compaction, restoring
from headgate.storage import datasets as at_rest
from headgate.storage.columns import Column
from headgate.storage.datasets import COMPACTION, Part, WriteMode
from headgate.storage.ids import new_id
from headgate.storage.rows import RowQuery
from headgate.storage.tables import Dataset, Job, JobKind, JobStatus

Load = Callable[..., Any]


class OwnEngine:
    """Carries a task out at once, in this process."""

    def __init__(self) -> None:
        self.tasks = 0
        self.fault: JobFault | None = None

    async def run(self, task: Any, *_: Any, **__: Any) -> dict[str, Any]:
        self.tasks += 1
        if self.fault is not None:
            raise self.fault
        return run_compact(task)


@pytest.fixture
def engine() -> OwnEngine:
    return OwnEngine()


@pytest.fixture
def compactor(services: Services, engine: OwnEngine, monkeypatch: pytest.MonkeyPatch) -> Compactor:
    monkeypatch.setattr(compaction, "FEWEST_PARTS", 2)

    @asynccontextmanager
    async def start() -> AsyncIterator[Any]:
        yield engine

    return Compactor(services, start)


@pytest.fixture
def load(services: Services) -> Load:
    """Commit one row to the dataset `sales`, as a job that has ended; answers the job's id."""

    async def load(value: int, mode: WriteMode = WriteMode.APPEND, **job: Any) -> str:
        dataset = await datasets.get(services, "sales")
        if dataset is None:
            id = new_id("dataset")
            dataset = Dataset(id=id, name="sales", storage_key=f"datasets/{id}")
            async with services.database.transaction() as session:
                session.add(dataset)
        folder, job_id = datasets.folder_of(services, dataset), new_id("job")
        before = at_rest.latest(folder)
        part = _write(Path(folder.uri), job_id, value, before.version + 2 if before else 1)
        made = commits.commit(
            folder,
            job=job_id,
            mode=mode,
            base=before,
            columns=[Column("a", pl.Int64())],
            parts=[part],
            note={},
        )
        done = {"kind": JobKind.INGEST, "status": JobStatus.SUCCEEDED, "dataset_id": dataset.id, **job}
        async with services.database.transaction() as session:
            session.add(Job(id=job_id, **done))
            await dataset_versions.advance(session, {dataset.id: made.to_json()})
        return job_id

    return load


def _write(folder: Path, job_id: str, value: int, order: int) -> Part:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{job_id}-1-000000.parquet"
    pl.DataFrame({"a": [value]}).write_parquet(path)
    return Part(path.name, 1, path.stat().st_size, order)


def _is_there(folder: Path) -> bool:
    return folder.exists()


async def sales(services: Services) -> Dataset:
    found = await datasets.get(services, "sales")
    assert found is not None
    return found


async def values(services: Services, version: int | None = None) -> list[int]:
    page = await datasets.rows(services, await sales(services), version, RowQuery())
    return [record["a"] for record in page.records]


async def parts(services: Services) -> list[str]:
    version = at_rest.latest(datasets.folder_of(services, await sales(services)))
    assert version is not None
    return [part.name.partition("_")[0] for part in version.parts]


async def test_files_of_jobs_at_rest_are_put_together_and_the_dataset_shows_it(
    services: Services, load: Load, compactor: Compactor, engine: OwnEngine
) -> None:
    for value in range(3):
        await load(value)
    assert await compactor.go_round() == 1
    assert await parts(services) == [COMPACTION]
    assert (await sales(services)).version == 3
    assert await values(services) == await values(services, 2) == [0, 1, 2]
    assert [await compactor.go_round() for _ in range(2)] == [0, 0]
    assert engine.tasks == 1


async def test_files_of_jobs_that_may_come_back_to_their_rows_stay_as_they_are(
    services: Services, load: Load, compactor: Compactor
) -> None:
    await load(0)
    await load(1)
    await load(2, has_errors=True)
    await load(3)
    await load(4, status=JobStatus.RUNNING)
    assert await compactor.go_round() == 1
    assert await parts(services) == [COMPACTION, "job", "job", "job"]
    assert await values(services) == [0, 1, 2, 3, 4]


async def test_an_engine_that_fails_leaves_the_files_to_the_next_round(
    services: Services, load: Load, compactor: Compactor, engine: OwnEngine
) -> None:
    await load(0)
    await load(1)
    engine.fault = JobFault("CHILD_DIED", "It died.", "SYSTEM")
    assert await compactor.go_round() == 0
    engine.fault = None
    assert await compactor.go_round() == 1


async def test_what_was_committed_by_one_who_died_is_shown(
    services: Services, load: Load, compactor: Compactor
) -> None:
    await load(0)
    await load(1, WriteMode.REPLACE)
    restoring.restore(datasets.folder_of(services, await sales(services)), 0)
    assert await values(services) == [1]
    await compactor.go_round()
    assert await values(services) == [0]


@pytest.fixture
def hasty(services: Services, monkeypatch: pytest.MonkeyPatch) -> Services:
    """Services of which no job takes any time, so that nothing has to be kept for one."""
    monkeypatch.setattr(vacuum, "MIN_AGE", timedelta(0))
    return replace(services, job_timeout_s=0.0)


def age(services: Services, dataset: Dataset) -> None:
    """Let all files be old."""
    for path in Path(datasets.folder_of(services, dataset).uri).glob("*.parquet"):
        os.utime(path, (1, 1))


async def test_versions_expire_first_and_their_files_go_at_the_next_turn(hasty: Services, load: Load) -> None:
    await load(0)
    await load(1)
    await load(2, WriteMode.REPLACE)
    await load(3)
    dataset = await sales(hasty)
    age(hasty, dataset)
    cursor = (await datasets.rows(hasty, dataset, 1, RowQuery(first=1))).end_cursor
    assert await vacuum.expire_versions(hasty, days=0) == 0
    assert await vacuum.expire_versions(hasty, days=1) == 0
    assert (await sales(hasty)).oldest_version == 0
    assert await vacuum.expire_versions(hasty, days=1e-9) == 0
    assert (await sales(hasty)).oldest_version == 3
    for version in (0, 2):
        with pytest.raises(UserFault) as raised:
            await values(hasty, version)
        assert (raised.value.code, raised.value.path) == ("VERSION_EXPIRED", ("version",))
    with pytest.raises(UserFault) as raised:
        await datasets.rows(hasty, await sales(hasty), None, RowQuery(after=cursor))
    assert (raised.value.code, raised.value.path) == ("VERSION_EXPIRED", ("after",))
    with pytest.raises(UserFault, match="VERSION_EXPIRED"):
        await datasets.at_version(hasty, await sales(hasty), 2)
    listed = await dataset_versions.page(hasty, await sales(hasty), 10, None)
    assert [each.number for each in listed.items] == [3]
    assert dataset_versions.total(await sales(hasty)) == 1
    # Whoever was reading an old version still finds its files.
    assert at_rest.scan(*_old(hasty, dataset)).collect().height == 2
    assert await vacuum.expire_versions(hasty, days=1e-9) == 2
    assert await values(hasty) == [2, 3]
    assert await vacuum.expire_versions(hasty, days=1e-9) == 0


async def test_the_log_of_expired_versions_goes_with_their_files(hasty: Services, load: Load) -> None:
    for value in range(12):
        await load(value)
    dataset = await sales(hasty)
    log = Path(datasets.folder_of(hasty, dataset).uri) / "_delta_log"
    age(hasty, dataset)
    await vacuum.expire_versions(hasty, days=1e-9)
    assert len(list(log.glob("*.json"))) == 12
    assert await vacuum.expire_versions(hasty, days=1e-9) == 9
    assert sorted(int(path.stem) for path in log.glob("*.json")) == [9, 10, 11]
    assert await values(hasty) == [*range(12)]
    await load(12)
    assert await vacuum.expire_versions(hasty, days=1e-9) == 0
    listed = await dataset_versions.page(hasty, await sales(hasty), 10, None)
    assert [each.number for each in listed.items] == [12]


def _old(services: Services, dataset: Dataset) -> Any:
    folder = datasets.folder_of(services, dataset)
    return folder, at_rest.snapshot(folder, 1)


async def test_files_that_were_brought_back_stay_with_the_version_that_has_them(
    hasty: Services, load: Load
) -> None:
    await load(0)
    await load(1, WriteMode.REPLACE)
    dataset = await sales(hasty)
    restored = restoring.restore(datasets.folder_of(hasty, dataset), 0)
    await load(2, WriteMode.REPLACE)
    age(hasty, dataset)
    async with hasty.database.transaction() as session:
        (await session.get_one(Dataset, dataset.id)).oldest_version = 1
    dataset = await sales(hasty)
    used = vacuum._used(datasets.folder_of(hasty, dataset), 1)
    assert {part.name for part in restored.parts} <= used
    assert await values(hasty, restored.version) == [0]


async def test_what_a_killed_compaction_left_goes_and_what_committed_stays(
    services: Services, load: Load, compactor: Compactor
) -> None:
    await load(0)
    await load(1)
    await compactor.go_round()
    dataset = await sales(services)
    folder = Path(datasets.folder_of(services, dataset).uri)
    left = folder / f"{new_id(COMPACTION)}-1-000000.parquet"
    left.write_bytes(b"half")
    age(services, dataset)
    await leftovers.remove_leftovers(services)
    assert not _is_there(left)
    assert await values(services) == [0, 1]


async def test_the_files_of_a_deleted_dataset_go_when_no_job_can_be_reading_them(
    services: Services, operator: Principal, load: Load
) -> None:
    await load(0)
    dataset = await sales(services)
    folder = Path(datasets.folder_of(services, dataset).uri)
    await dataset_changes.delete(services, operator, "sales")
    await leftovers.remove_leftovers(services)
    assert _is_there(folder)
    hasty = replace(services, job_timeout_s=0.0)
    await leftovers.remove_leftovers(hasty, min_age=timedelta(0))
    assert not _is_there(folder)
