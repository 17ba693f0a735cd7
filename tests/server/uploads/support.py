"""What the tests of uploads share."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from headgate.domain import files
from headgate.domain.services import Services
from headgate.storage.tables import FileStatus, Upload
from tests.server.uploads.tus_client import Answer, TusClient

CONTENT = b"a,b\n1,2\n" * 9


MAX_BYTES = 64 << 20


FOUND: dict[str, Any] = {
    "format": "CSV",
    "dialect": {"encoding": "utf-8", "delimiter": ","},
    "columns": [{"name": "a", "type": "INTEGER", "nativeType": "Int64", "nullable": True}],
    "records": [],
    "has_more": False,
}


MakeClient = Callable[..., TusClient]


class Inspector:
    """Finds the same in every file, or refuses it."""

    fault: Exception | None = None

    async def run(self, task: Any, report: Any = None, **_: Any) -> dict[str, Any]:
        if self.fault is not None:
            raise self.fault
        return FOUND


sqlite_only = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


both_stores = pytest.mark.parametrize(
    ("database_url", "kind"),
    [("sqlite", "folder"), ("postgresql", "folder"), ("sqlite", "bucket")],
    indirect=["database_url"],
)


def id_of(answer: Answer) -> str:
    return answer.headers["location"].rpartition("/")[2]


async def stored(services: Services, answer: Answer) -> bytes:
    """What a complete file holds."""
    file = await files.get(services, id_of(answer))
    assert file is not None
    assert file.status is FileStatus.READY, file.failure
    content = await services.store.read(file.storage_key or "", 0, MAX_BYTES)
    assert file.sha256 == hashlib.sha256(content).hexdigest()
    assert file.byte_size == len(content)
    return content


async def row_of(services: Services, answer: Answer) -> Upload | None:
    async with services.database.read() as session:
        return await session.get(Upload, id_of(answer))
