"""The folder of a task is gone when the task has ended, whoever removes it."""

from pathlib import Path

from headgate.domain.scratch import scratch_folder
from headgate.domain.services import Services
from tests.services import path_of


def fill(folder: Path) -> None:
    folder.mkdir(parents=True)
    (folder / "part").touch()


async def test_a_task_that_needs_no_folder_has_none(services: Services) -> None:
    async with scratch_folder(services.store, "job_1", 1) as folder:
        assert not folder.exists()
    assert not path_of(services, "scratch").exists()


async def test_what_a_killed_task_and_those_before_it_left_goes(services: Services) -> None:
    fill(path_of(services, "scratch/job_1/1"))
    async with scratch_folder(services.store, "job_1", 3) as folder:
        fill(folder)
    assert list(path_of(services, "scratch").iterdir()) == []


async def test_the_folder_of_a_later_task_stays(services: Services) -> None:
    async with scratch_folder(services.store, "job_1", 1) as folder:
        fill(folder)
        fill(later := folder.with_name("2"))
    assert (folder.exists(), later.exists()) == (False, True)
