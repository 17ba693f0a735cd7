"""Profiles are made one at a time, once for each version and file, and their faults name what was asked for."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from headgate.domain import files, profiles
from headgate.domain.permissions import Principal
from headgate.domain.ports import ProcessDied, TaskFault, TimedOut
from headgate.domain.profiles import MAX_KEPT_PROFILES, PROFILE_TIMEOUT_S, Profile
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.database import Database
from headgate.storage.tables import Dataset, File, FileStatus
from tests.services import make_services, path_of

FOUND = [{"count": 3}]


@pytest.fixture
def dataset() -> Dataset:
    return Dataset(id="dataset_1", name="people", storage_key="datasets/1", version=4)


@pytest.fixture
async def file(services: Services, operator: Principal, arrive: Any, inspector: Any) -> File:
    file = await files.receive(services, operator, await arrive())
    inspector.answer = {"found": FOUND}
    inspector.tasks.clear()
    return file


async def fault_of(services: Services, dataset: Dataset, *columns: str) -> UserFault:
    with pytest.raises(UserFault) as caught:
        await profiles.of_dataset(services, dataset, Profile.STATISTICS, columns)
    return caught.value


async def test_columns_of_a_version_are_one_task(
    services: Services, inspector: Any, dataset: Dataset
) -> None:
    inspector.answer = {"found": FOUND}
    assert await profiles.of_dataset(services, dataset, Profile.STATISTICS, ["a", "b"]) == FOUND
    [task] = inspector.tasks
    path = str(path_of(services, "datasets/1"))
    assert (task["task"], task["dataset"]) == ("profile", {"folder": {"path": path}, "version": 4})
    assert task["columns"] == ["a", "b"]
    assert Path(task["scratch"]).is_relative_to(path_of(services, "scratch"))


async def test_a_file_is_read_as_it_was_found_to_be(services: Services, inspector: Any, file: File) -> None:
    assert await profiles.of_file(services, file, Profile.SUGGESTIONS) == FOUND
    [task] = inspector.tasks
    assert (task["task"], task["columns"]) == ("suggest", None)
    assert task["file"] == {
        "object": services.store.location(f"files/{file.id}").to_json(),
        "format": "CSV",
        "dialect": {"encoding": "utf-8", "delimiter": ","},
    }


async def test_a_file_that_is_not_ready_is_refused(services: Services, file: File) -> None:
    file.status = FileStatus.FAILED
    with pytest.raises(UserFault, match="FILE_NOT_READY"):
        await profiles.of_file(services, file, Profile.STATISTICS)


async def test_a_dataset_without_a_version_has_no_columns(
    services: Services, inspector: Any, dataset: Dataset
) -> None:
    dataset.version = None
    assert await profiles.of_dataset(services, dataset, Profile.CORRELATIONS) == []
    fault = await fault_of(services, dataset, "a")
    assert (fault.code, fault.path) == ("UNKNOWN_COLUMN", ("columns", "0"))
    assert inspector.tasks == []


async def test_what_was_found_once_is_answered_again(
    services: Services, inspector: Any, dataset: Dataset
) -> None:
    inspector.answer = {"found": FOUND}
    for _ in range(2):
        for columns in (None, ["a"], ["b"]):
            for wanted in (Profile.STATISTICS, Profile.CORRELATIONS):
                assert await profiles.of_dataset(services, dataset, wanted, columns) == FOUND
    assert len(inspector.tasks) == 6
    dataset.version = 5
    await profiles.of_dataset(services, dataset, Profile.STATISTICS)
    assert len(inspector.tasks) == 7


async def test_only_the_latest_profiles_are_kept(
    services: Services, inspector: Any, dataset: Dataset
) -> None:
    inspector.answer = {"found": FOUND}

    async def ask(version: int) -> None:
        dataset.version = version
        await profiles.of_dataset(services, dataset, Profile.STATISTICS)

    for version in range(MAX_KEPT_PROFILES):
        await ask(version)
    await ask(0)
    await ask(MAX_KEPT_PROFILES)
    made = len(inspector.tasks)
    await ask(0)
    assert len(inspector.tasks) == made
    await ask(1)
    assert len(inspector.tasks) == made + 1


async def test_a_fault_leads_to_the_column_that_it_is_about(
    services: Services, inspector: Any, dataset: Dataset
) -> None:
    inspector.answer = TaskFault("UNKNOWN_COLUMN", "No.", "CONFIG", details={"column": "b"})
    fault = await fault_of(services, dataset, "a", "b")
    assert (fault.code, fault.message, fault.path) == ("UNKNOWN_COLUMN", "No.", ("columns", "1"))
    inspector.answer = ProcessDied("CHILD_DIED", "Killed.", "SYSTEM", retryable=True)
    fault = await fault_of(services, dataset, "a")
    assert (fault.code, fault.path, fault.retryable) == ("CHILD_DIED", (), True)
    inspector.answer = TimedOut("TIMED_OUT", "More than 60 s.", "SYSTEM", retryable=True)
    fault = await fault_of(services, dataset, "a")
    assert (fault.code, fault.path, fault.retryable) == ("TIMED_OUT", ("columns",), False)
    inspector.answer = {"found": FOUND}
    assert await profiles.of_dataset(services, dataset, Profile.STATISTICS, ["a"]) == FOUND


class HeldEngine:
    """Begins a task when it comes, and ends each when it is let go."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[asyncio.Event] = asyncio.Queue()
        self.at_once = self.most = self.tasks = 0
        self.limits_s: list[float | None] = []

    async def run(self, task: Mapping[str, Any], *_: Any, timeout_s: float | None = None, **__: Any) -> Any:
        self.tasks += 1
        self.limits_s.append(timeout_s)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        let_go = asyncio.Event()
        self.begun.put_nowait(let_go)
        await let_go.wait()
        self.at_once -= 1
        return {"found": [{"columns": task["columns"]}]}


async def test_profiles_wait_for_each_other_and_equal_ones_are_made_once(
    database: Database, tmp_path: Path, dataset: Dataset
) -> None:
    engine = HeldEngine()
    services = make_services(database, tmp_path / "store", engine, job_timeout_s=5.0)
    wanted: list[list[str]] = [["a"], ["b"], ["a"], ["b"]]
    asked = [
        asyncio.create_task(profiles.of_dataset(services, dataset, Profile.STATISTICS, columns))
        for columns in wanted
    ]
    for _ in range(2):
        (await engine.begun.get()).set()
    found = await asyncio.gather(*asked)
    assert [each["columns"] for [each] in found] == wanted
    assert (engine.most, engine.tasks) == (1, 2)
    assert engine.limits_s == [5.0, 5.0]


async def test_a_profile_that_nobody_waits_for_any_more_gives_way(
    database: Database, tmp_path: Path, dataset: Dataset
) -> None:
    engine = HeldEngine()
    services = make_services(database, tmp_path / "store", engine)
    gone = asyncio.create_task(profiles.of_dataset(services, dataset, Profile.STATISTICS, ["a"]))
    await engine.begun.get()
    gone.cancel()
    await asyncio.wait([gone])
    other = asyncio.create_task(profiles.of_dataset(services, dataset, Profile.STATISTICS, ["a"]))
    (await engine.begun.get()).set()
    assert await other == [{"columns": ["a"]}]
    assert engine.limits_s == [PROFILE_TIMEOUT_S, PROFILE_TIMEOUT_S]
