"""A Headgate without processes: real database and store, and an engine that answers what a test tells it to."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headgate.domain import endings, ingest, runs, users
from headgate.domain.endings import Ending, Outcome
from headgate.domain.incoming import IncomingFile
from headgate.domain.ingest import IngestRequest
from headgate.domain.ledgers import ledger_key, resolved_key
from headgate.domain.permissions import Principal
from headgate.domain.ports import Report, TaskFault
from headgate.domain.runs import Claim
from headgate.domain.services import Services
from headgate.errors import JobFault
from headgate.storage.access_tables import User
from headgate.storage.database import Database
from headgate.storage.formats import FileFormat
from headgate.storage.ids import new_id
from headgate.storage.tables import Job, Role, utc_now
from tests.domain.ledgers import write_ledger
from tests.domain.people import EMAIL, PASSWORD, add_user
from tests.services import make_services, path_of

Arrive = Callable[..., Awaitable[IncomingFile]]
Submit = Callable[..., Awaitable[Job]]
TakeJob = Callable[..., Awaitable[Claim]]


class ToldEngine:
    """Answers every task with `answer`, a result or a fault; remembers the tasks."""

    def __init__(self) -> None:
        self.answer: dict[str, Any] | JobFault = {
            "format": "CSV",
            "dialect": {"encoding": "utf-8", "delimiter": ","},
            "columns": [{"name": "a", "type": "INTEGER", "nativeType": "Int64", "nullable": True}],
            "records": [{"a": 1}],
            "has_more": True,
        }
        self.tasks: list[Mapping[str, Any]] = []

    async def run(self, task: Mapping[str, Any], report: Report | None = None, **_: Any) -> dict[str, Any]:
        self.tasks.append(task)
        if isinstance(self.answer, JobFault):
            raise self.answer
        return self.answer


@pytest.fixture
def inspector() -> ToldEngine:
    return ToldEngine()


@pytest.fixture
def services(database: Database, inspector: ToldEngine, tmp_path: Path) -> Services:
    return make_services(database, tmp_path / "store", inspector)


@pytest.fixture
async def operator(services: Services) -> Principal:
    user = await users.ensure_administrator(services.database)
    return Principal(user.id, Role.OPERATOR, utc_now() + timedelta(hours=1))


@pytest.fixture
async def ann(services: Services) -> User:
    """Signs in with EMAIL and PASSWORD."""
    return await add_user(
        services, Role.OPERATOR, email=EMAIL, password_hash=await services.passwords.hash(PASSWORD)
    )


@pytest.fixture
def arrive(services: Services) -> Arrive:
    """Put a file into the store, as the transport does."""

    async def arrive(content: bytes = b"a\n1\n", name: str = "sales.csv") -> IncomingFile:
        key = f"files/{new_id('file')}"
        async with services.store.writer(key) as writer:
            await writer.write(content)
        return IncomingFile(name, key, len(content), writer.sha256, content)

    return arrive


@pytest.fixture
def submit(services: Services, operator: Principal) -> Submit:
    """Submit a small text into the dataset `sales`."""

    async def submit(dataset: str = "sales", **values: Any) -> Job:
        data = {} if values.keys() & {"file_id", "records"} else {"text": "a\n1\n", "format": FileFormat.CSV}
        if (retry := values.pop("retry", None)) is not None:
            values["spec"] = {**values.get("spec", {}), "retry": retry.to_json()}
        request = IngestRequest(dataset=dataset, **(data | values))
        return (await ingest.submit(services, operator, request)).job

    return submit


@pytest.fixture
def claim(services: Services) -> TakeJob:
    """Claim a job as some worker; raises KeyError where it is not to be had."""

    async def claim(job: Job, worker: str = "host:1:a", lease_s: float = 30.0) -> Claim:
        return (await runs.claim(services, [job.id], worker, lease_s))[job.id]

    return claim


@pytest.fixture
def end(services: Services) -> Callable[..., Awaitable[set[str]]]:
    """Close an attempt with an outcome; answers the job's id where its lease was lost."""

    async def end(claim: Claim, outcome: Outcome) -> set[str]:
        return await endings.close(services, [Ending(claim, outcome)])

    return end


@pytest.fixture
def reject(services: Services, submit: Submit, claim: TakeJob, end: Any) -> Any:
    """Make a job that has these errors, and rejected as many rows unless it is told otherwise."""

    async def reject(
        *errors: dict[str, Any], dataset: str = "sales", rejected: int | None = None, **details: Any
    ) -> Job:
        held = await claim(await submit(dataset))
        write_ledger(path_of(services, ledger_key(held.job_id)), list(errors))
        counts = {"read": 9, "rejected": len(errors) if rejected is None else rejected}
        await end(held, TaskFault("TOO_MANY_REJECTED", "Too many.", "DATA", counts=counts, details=details))
        return held.job

    return reject


@pytest.fixture
def resolve(services: Services) -> Any:
    """Let a later job resolve these rows of a job."""

    async def resolve(job: Job, *rows: int) -> str:
        later = new_id("job")
        path = path_of(services, resolved_key(later))
        path.parent.mkdir(parents=True, exist_ok=True)
        pl.DataFrame({"row": rows}, schema={"row": pl.Int64}).write_parquet(path)
        async with services.database.transaction() as session:
            found = await session.get_one(Job, job.id)
            found.resolved_by = [*found.resolved_by, later]
        return later

    return resolve
