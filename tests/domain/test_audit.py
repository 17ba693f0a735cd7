"""The audit log is written along with what it tells of, and can only grow."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select

from headgate.domain import (
    audit,
    batch_ingest,
    cancellation,
    endpoints,
    files,
    firing,
    ingest,
    pipeline_changes,
    validation,
)
from headgate.domain.audit import AuditFilter
from headgate.domain.batch_ingest import BatchRequest
from headgate.domain.endpoints import EndpointRequest
from headgate.domain.ingest import IngestRequest
from headgate.domain.permissions import Principal
from headgate.domain.pipeline_changes import Change, NewPipeline
from headgate.domain.pipeline_specs import Said
from headgate.domain.services import Services
from headgate.domain.validation import ValidateRequest
from headgate.errors import UserFault
from headgate.storage.formats import FileFormat
from headgate.storage.ids import new_id
from headgate.storage.tables import AuditEntry, CancelMode, EndpointKind, OverlapPolicy, Pipeline, Role
from tests.domain.conftest import Arrive, Submit

DATA: dict[str, Any] = {"text": "a\n1\n", "format": FileFormat.CSV}
SPEC: dict[str, Any] = {
    "source": {"text": {"format": "CSV", "content": "a\n1\n"}},
    "sinks": [{"dataset": {"name": "sales"}}],
}
IS_REFUSED = "the audit log can only grow"


async def log(services: Services) -> Sequence[AuditEntry]:
    """All of it, the oldest entry first."""
    async with services.database.read() as session:
        return (await session.scalars(select(AuditEntry).order_by(col(AuditEntry.id)))).all()


async def told(services: Services) -> list[tuple[str, str | None, Any]]:
    return [(entry.action, entry.target, entry.details) for entry in await log(services)]


async def write(services: Services, *actions: str, actor: audit.Actor = "ada") -> None:
    async with services.database.transaction() as session:
        for action in actions:
            audit.record(session, actor, action)


CHANGES = (
    "UPDATE audit_entries SET actor = 'nobody'",
    "UPDATE audit_entries SET details = NULL WHERE action = 'ingest'",
    "DELETE FROM audit_entries",
    "DELETE FROM audit_entries WHERE action = 'ingest'",
    "INSERT INTO audit_entries SELECT id, at, 'nobody', actor_id, action, target, details FROM audit_entries"
    " WHERE true ON CONFLICT (id) DO UPDATE SET actor = 'nobody'",
)
CHANGES_OF_SQLITE = (
    "REPLACE INTO audit_entries SELECT id, at, 'nobody', actor_id, action, target, details FROM audit_entries",
    "INSERT OR REPLACE INTO audit_entries (rowid, id, at, actor, action)"
    " SELECT rowid, 'audit_1', at, 'nobody', action FROM audit_entries",
)
CHANGES_OF_POSTGRESQL = ("TRUNCATE audit_entries", "TRUNCATE users CASCADE")


@pytest.mark.parametrize(
    ("database_url", "statement"),
    [
        *(("sqlite", each) for each in (*CHANGES, *CHANGES_OF_SQLITE)),
        *(("postgresql", each) for each in (*CHANGES, *CHANGES_OF_POSTGRESQL)),
    ],
    indirect=["database_url"],
)
async def test_the_database_itself_refuses_to_change_the_log(services: Services, statement: str) -> None:
    await write(services, "ingest")
    before = [entry.model_dump() for entry in await log(services)]
    with pytest.raises(DBAPIError, match=IS_REFUSED):
        async with services.database.transaction() as session:
            await session.execute(text(statement))
    assert [entry.model_dump() for entry in await log(services)] == before


async def test_what_is_undone_leaves_no_entry(services: Services) -> None:
    async def write_and_fail() -> None:
        async with services.database.transaction() as session:
            audit.record(session, "ada", "ingest")
            await session.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await write_and_fail()
    assert await log(services) == []


async def test_an_entry_says_who_and_by_which_key(services: Services, operator: Principal) -> None:
    await write(services, "ingest", actor=replace(operator, name="ada@example.org", key_id="key_1"))
    await write(services, "ingest", actor=operator)
    await write(services, "login", actor="ada@example.org")
    entries = await log(services)
    assert [entry.actor for entry in entries] == ["ada@example.org", operator.user_id, "ada@example.org"]
    assert [entry.actor_id for entry in entries] == [operator.user_id, operator.user_id, None]
    assert [entry.details for entry in entries] == [{"apiKey": "key_1"}, None, None]


async def test_any_text_of_a_stranger_can_be_kept(services: Services) -> None:
    async with services.database.transaction() as session:
        audit.record(session, "a\0\ud800" + "x" * 10_000, "login", "\0" * 3, {})
    (entry,) = await log(services)
    assert (len(entry.actor), entry.actor[:4], entry.target) == (500, "a�?x", "�" * 3)


async def test_pages_are_filtered_and_the_newest_come_first(services: Services, operator: Principal) -> None:
    await write(services, "ingest", "retry", "ingest")
    await write(services, "ingest", actor=replace(operator, name="bob"))

    async def listed(first: int = 10, after: str | None = None, **wanted: Any) -> list[tuple[str, str]]:
        page = await audit.page(services, AuditFilter(**wanted), first, after)
        assert await audit.total(services, AuditFilter(**wanted)) >= len(page.items)
        return [(entry.actor, entry.action) for entry in page.items]

    everything = [("bob", "ingest"), ("ada", "ingest"), ("ada", "retry"), ("ada", "ingest")]
    assert await listed() == everything
    first = await audit.page(services, AuditFilter(actor="ada"), 2, None)
    assert first.has_next
    assert await listed(actor="ada", after=first.cursor(first.items[-1])) == everything[3:]
    assert await listed(actor="bob") == await listed(actor=operator.user_id) == everything[:1]
    assert await listed(action="retry") == everything[2:3]
    assert await listed(actor="a\0", action="\ud800") == []
    (newest,) = (await audit.page(services, AuditFilter(), 1, None)).items
    assert await listed(since=newest.at) == everything[:1]
    assert await listed(since=newest.at + timedelta(microseconds=1)) == []
    assert await listed(since=datetime.min.replace(tzinfo=UTC)) == everything
    assert await listed(since=datetime.max.replace(tzinfo=UTC)) == []
    with pytest.raises(UserFault, match="cursor"):
        await listed(after="x")


async def test_a_request_that_comes_again_leaves_one_entry(services: Services, operator: Principal) -> None:
    request = IngestRequest(dataset="sales", **DATA)
    asked = (ingest.submit(services, operator, request, "k") for _ in range(3))
    first, *_ = await asyncio.gather(*asked)
    await ingest.submit(services, operator, request, "k")
    assert await told(services) == [("ingest", first.job.id, {"dataset": "sales"})]


async def test_what_is_refused_leaves_none(services: Services, operator: Principal) -> None:
    with pytest.raises(UserFault):
        await ingest.submit(services, operator, IngestRequest(pipeline="none", **DATA))
    viewer = replace(operator, role=Role.VIEWER)
    with pytest.raises(UserFault):
        await ingest.submit(services, viewer, IngestRequest(dataset="sales", **DATA))
    bad = BatchRequest([IngestRequest(dataset="/", **DATA)])
    assert (await batch_ingest.submit(services, operator, bad)).job is None
    assert await log(services) == []


async def test_a_validation_changes_nothing(services: Services, operator: Principal) -> None:
    await validation.submit(services, operator, ValidateRequest(**DATA))
    assert await log(services) == []


async def test_a_batch_is_one_entry(services: Services, operator: Principal) -> None:
    items = [IngestRequest(dataset="sales", **DATA) for _ in range(3)]
    batch = await batch_ingest.submit(services, operator, BatchRequest(items))
    assert batch.job is not None
    assert await told(services) == [("ingestBatch", batch.job.id, {"items": 3})]


async def test_a_file_is_told_whether_it_is_kept_or_not(
    services: Services, operator: Principal, arrive: Arrive
) -> None:
    kept = await files.receive(services, operator, await arrive(), key="k")
    again = await files.receive(services, operator, await arrive(), key="k")
    assert again.id == kept.id
    with pytest.raises(files.UnusableFile) as refused:
        await files.receive(services, operator, await arrive(), sha256="0" * 64)
    said = [(action, target, details["status"]) for action, target, details in await told(services)]
    assert said == [("upload", kept.id, "READY"), ("upload", refused.value.file.id, "FAILED")]


async def test_a_job_that_is_canceled_twice_is_told_once(
    services: Services, operator: Principal, submit: Submit
) -> None:
    job = await submit()
    for _ in range(2):
        await cancellation.cancel(services, operator, job.id, CancelMode.SAFE)
    assert (await told(services))[1:] == [("cancel", job.id, {"mode": "SAFE"})]


async def test_a_pipeline_is_told_by_what_has_changed(services: Services, operator: Principal) -> None:
    made = await pipeline_changes.create(services, operator, NewPipeline(name="p", said=Said(spec=SPEC)))
    renewed = {**SPEC, "sinks": [{"dataset": {"name": "other"}}]}
    for change in (
        Change(name="p", said=Said(spec=SPEC)),
        Change(name="p", said=Said(spec=renewed), enabled=False),
        Change(name="p", said=Said(), new_name="q"),
        Change(name="q", said=Said(), enabled=False),
    ):
        await pipeline_changes.update(services, operator, change)
    await pipeline_changes.delete(services, operator, "q")
    assert await told(services) == [
        ("createPipeline", "p", {"id": made.id}),
        ("updatePipeline", "p", {"version": {"from": 1, "to": 2}, "enabled": {"from": True, "to": False}}),
        ("updatePipeline", "p", {"name": {"from": "p", "to": "q"}}),
        ("deletePipeline", "q", {"id": made.id, "version": 2}),
    ]


async def test_an_endpoint_is_told_by_names_and_never_by_values(
    services: Services, operator: Principal
) -> None:
    admin = replace(operator, role=Role.ADMIN)

    def request(name: str = "e", secrets: Any = (), **settings: Any) -> EndpointRequest:
        url = {"url": "https://one.example"}
        return EndpointRequest(name, EndpointKind.HTTP, url | settings, dict(secrets))

    await endpoints.create(services, admin, request(secrets={"token": "canary-1"}, headers={"x": "canary-2"}))
    await endpoints.update(services, admin, "e", request(headers={"x": "canary-2"}))
    changed = request("f", {"token": "canary-3"}, url="https://canary.example", scope="x")
    await endpoints.update(services, admin, "e", changed)
    await endpoints.delete(services, admin, "f")
    said = await told(services)
    assert [(action, target) for action, target, _ in said] == [
        ("createEndpoint", "e"),
        ("updateEndpoint", "e"),
        ("deleteEndpoint", "f"),
    ]
    assert said[0][2] == {"kind": "HTTP", "settings": ["headers", "url"], "secrets": ["token"]}
    assert said[1][2] == {"newName": "f", "settings": ["headers", "scope", "url"], "secrets": ["token"]}
    assert "canary" not in str(said)


async def test_a_schedule_acts_by_itself(services: Services, operator: Principal) -> None:
    spec = {**SPEC, "schedule": {"cron": "0 6 * * *", "overlap": OverlapPolicy.CANCEL_RUNNING}}
    made = await pipeline_changes.create(services, operator, NewPipeline(name="p", said=Said(spec=spec)))
    assert made.next_run_at is not None
    due = [made.next_run_at, made.next_run_at + timedelta(days=1)]
    for now in due:
        assert await firing.fire_due(services, now) == 1
    first, canceled, second = (await log(services))[1:]
    assert {first.actor, canceled.actor, second.actor} == {"schedule"}
    assert (first.action, first.target) == ("runSchedule", "p")
    assert first.details is not None
    assert first.details["tick"] == due[0].isoformat()
    assert {canceled.action, second.action} == {"cancel", "runSchedule"}
    assert first.details["job"] in (canceled.target, second.target)


async def test_a_tick_that_fails_at_once_is_told_too(services: Services, operator: Principal) -> None:
    spec = {"sinks": SPEC["sinks"], "schedule": {"cron": "0 6 * * *"}}
    pipeline = Pipeline(id=new_id("pipeline"), name="p", spec=spec, cron="0 6 * * *", timezone="UTC")
    pipeline.next_run_at = datetime(2026, 1, 1, 6, tzinfo=UTC)
    async with services.database.transaction() as session:
        session.add(pipeline)
    await firing.fire_due(services, pipeline.next_run_at)
    ((action, target, details),) = await told(services)
    assert (action, target) == ("runSchedule", "p")
    assert details["failure"]
