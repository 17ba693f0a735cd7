"""The schema itself, on a real database and store, without a server or an engine."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from headgate.domain import ingest, users
from headgate.domain.appender import Appender
from headgate.domain.ingest import IngestRequest
from headgate.domain.permissions import Principal
from headgate.domain.ports import Report
from headgate.domain.services import Services
from headgate.domain.streams import BatchLimits
from headgate.graphql.context import Context
from headgate.graphql.schema import HeadgateSchema, make_schema
from headgate.storage.database import Database
from headgate.storage.ids import new_id
from headgate.storage.tables import File, FileStatus, Job, Role, User, utc_now
from tests.services import make_services

Ask = Callable[..., Awaitable[Any]]
AddJob = Callable[[], Awaitable[Job]]
CountStatements = Callable[[], Any]


class NoEngine:
    """An engine that nobody should ask."""

    async def run(self, task: Mapping[str, Any], report: Report | None = None, **_: Any) -> dict[str, Any]:
        raise AssertionError(task)


class PlainLinks:
    """Makes links that say all that they are to say."""

    def make(self, user_id: str, path: str, said: Mapping[str, Any]) -> str:
        return f"{path}?{user_id}&{json.dumps(said)}"

    def upload(self, user_id: str, path: str, until: datetime) -> str:
        return f"{path}?{user_id}&{until.isoformat()}"


@pytest.fixture(scope="session")
def schema() -> HeadgateSchema:
    return make_schema()


@pytest.fixture
def services(database: Database, tmp_path: Path) -> Services:
    return make_services(database, tmp_path / "store", NoEngine())


@pytest.fixture
async def administrator(services: Services) -> User:
    return await users.ensure_administrator(services.database)


@pytest.fixture
def make_context(services: Services, administrator: User) -> Callable[..., Context]:
    """Make the context of one operation, for the administrator with a token of some role."""

    def make(role: Role = Role.ADMIN, user_id: str = administrator.id) -> Context:
        principal = Principal(user_id, role, utc_now() + timedelta(hours=1))
        appender = Appender(services, services.inspector, BatchLimits())
        return Context(services, PlainLinks(), principal, "request", appender=appender)

    return make


@pytest.fixture
def ask(schema: HeadgateSchema, make_context: Callable[..., Context]) -> Ask:
    """Run an operation, and answer its data."""

    async def ask(query: str, **variables: Any) -> Any:
        result = await schema.execute(query, variable_values=variables, context_value=make_context())
        assert result.errors is None, result.errors
        return result.data

    return ask


@pytest.fixture
def add_job(services: Services, administrator: User) -> AddJob:
    """Add a file, a dataset of its own, and a job that ingests the one into the other."""

    async def add() -> Job:
        file = File(id=new_id("file"), name="a.csv", status=FileStatus.READY, created_by_id=administrator.id)
        file.storage_key = f"files/{file.id}"
        async with services.database.transaction() as session:
            session.add(file)
        principal = Principal(administrator.id, Role.OPERATOR, utc_now() + timedelta(hours=1))
        request = IngestRequest(dataset=f"of_{file.id}", file_id=file.id)
        return (await ingest.submit(services, principal, request)).job

    return add


@pytest.fixture
def count_statements(database: Database) -> CountStatements:
    """Collect the SQL that reads, while a block lasts."""

    @contextmanager
    def counting() -> Iterator[list[str]]:
        statements: list[str] = []

        def note(*arguments: Any) -> None:
            statements.append(arguments[2])

        engine = database._reader.sync_engine
        event.listen(engine, "before_cursor_execute", note)
        yield statements
        event.remove(engine, "before_cursor_execute", note)

    return counting
