"""Relations, batched: what one operation needs of a table comes in one query, and each row once."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader

from headgate.domain import datasets, files, jobs, users
from headgate.domain.services import Services
from headgate.storage.tables import Attempt

Found = TypeVar("Found")
FindMany = Callable[[Services, Collection[str]], Awaitable[dict[str, Found]]]

ROWS: Mapping[str, FindMany[Any]] = {
    "dataset": datasets.get_many,
    "file": files.get_many,
    "job": jobs.get_many,
    "user": users.get_many,
}
"""Prefix of an id -> what finds the rows of such ids."""


class Loaders:
    """The loaders of one operation; they remember what they loaded."""

    def __init__(self, services: Services) -> None:
        self._rows = {prefix: _loader(services, find) for prefix, find in ROWS.items()}
        self._attempts = _loader(services, jobs.attempts_of)

    async def row(self, prefix: str, id: str) -> Any | None:
        """Load the row with this id; None where there is none."""
        return await self._rows[prefix].load(id)

    async def attempts(self, job_id: str) -> list[Attempt]:
        """Load the attempts of a job, first to last."""
        return await self._attempts.load(job_id) or []


def _loader(services: Services, find: FindMany[Found]) -> DataLoader[str, Found | None]:
    async def load(ids: list[str]) -> list[Found | None]:
        found = await find(services, ids)
        return [found.get(id) for id in ids]

    return DataLoader(load)
