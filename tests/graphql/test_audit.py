"""Every mutation leaves an entry in the audit log, which administrators read."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from strawberry.types import get_object_definition
from strawberry.utils.str_converters import to_camel_case

from headgate.domain import (
    apikeys,
    audit,
    cancellation,
    endings,
    pipeline_changes,
    runs,
    sessions,
    stored_results,
    uploads,
)
from headgate.domain.apikeys import KeyRequest
from headgate.domain.appender import Appender
from headgate.domain.audit import AuditFilter
from headgate.domain.endings import Ending
from headgate.domain.incoming import IncomingFile
from headgate.domain.ledgers import ledger_key
from headgate.domain.lineage import ALL_REJECTED
from headgate.domain.permissions import Principal
from headgate.domain.pipeline_changes import NewPipeline
from headgate.domain.pipeline_specs import Said
from headgate.domain.ports import TaskFault
from headgate.domain.services import Services
from headgate.domain.stored_results import NewResult
from headgate.domain.streams import BatchLimits
from headgate.domain.uploads import NewUpload
from headgate.domain.users import ADMINISTRATOR_EMAIL
from headgate.graphql.context import Context
from headgate.graphql.schema import HeadgateSchema, Mutation
from headgate.storage.ids import new_id
from headgate.storage.tables import CancelMode, Dataset, Role, Upload, User
from tests.domain.ledgers import an_error, write_ledger
from tests.domain.people import add_user, change
from tests.graphql.conftest import AddJob, Ask
from tests.services import path_of

UNRECORDED = {
    "validate": "It changes nothing.",
    "refreshToken": "It goes on with what a login began; only a token that comes again is recorded.",
}
"""Mutations that leave no entry, and why."""
TEXT = 'data: {text: {content: "a\\n1\\n", format: CSV}}, dataset: "sales"'
SPEC = {"source": {"text": {"format": "CSV", "content": "a"}}, "sinks": [{"dataset": {"name": "sales"}}]}
SIMULATED = '{name: "e", kind: SIMULATED, settings: {seed: 7}}'
PASSWORD = "correct horse"
STORY = {
    "login": f'{{login(email: "{ADMINISTRATOR_EMAIL}", password: "{PASSWORD}") {{errors {{code}}}}}}',
    "logout": "($refresh: String!) {logout(refreshToken: $refresh) {errors {code}}}",
    "changePassword": f'{{changePassword(current: "{PASSWORD}", new: "battery staple") {{errors {{code}}}}}}',
    "createUser": f"""{{
        createUser(input: {{email: "new@example.org", password: "{PASSWORD}", role: VIEWER}}) {{errors {{code}}}}
    }}""",
    "updateUser": "($user: ID!) {updateUser(id: $user, input: {role: OPERATOR}) {errors {code}}}",
    "deleteUser": "($user: ID!) {deleteUser(id: $user) {errors {code}}}",
    "createApiKey": '{createApiKey(input: {name: "nightly", role: VIEWER}) {errors {code}}}',
    "revokeApiKey": "($key: ID!) {revokeApiKey(id: $key) {errors {code}}}",
    "upload": "($file: Upload!) {upload(file: $file) {errors {code}}}",
    "startUpload": '{startUpload(input: {name: "a.csv", byteSize: 4}) {errors {code}}}',
    "completeUpload": "($arrived: ID!) {completeUpload(input: {id: $arrived}) {errors {code}}}",
    "abortUpload": "($begun: ID!) {abortUpload(id: $begun) {errors {code}}}",
    "describeFile": "($arrived: ID!) {describeFile(id: $arrived, input: {}) {errors {code}}}",
    "deleteFile": "($arrived: ID!) {deleteFile(id: $arrived) {errors {code}}}",
    "storeResult": '{storeResult(input: {name: "r", data: 1}) {errors {code}}}',
    "deleteResult": "($result: ID!) {deleteResult(id: $result) {errors {code}}}",
    "ingest": f"{{ingest(input: {{{TEXT}}}) {{errors {{code}}}}}}",
    "ingestBatch": f"{{ingestBatch(input: {{items: [{{{TEXT}}}]}}) {{errors {{code}}}}}}",
    "appendRecords": '{appendRecords(input: {dataset: "live", records: [{a: 1}]}) {errors {code}}}',
    "exportDataset": """{
        exportDataset(input: {name: "kept", sink: {dataset: {name: "copy"}}}) {errors {code}}
    }""",
    "restoreDataset": '{restoreDataset(name: "kept", version: 0) {errors {code}}}',
    "deleteDataset": '{deleteDataset(name: "kept") {errors {code}}}',
    "createEndpoint": f"{{createEndpoint(input: {SIMULATED}) {{errors {{code}}}}}}",
    "updateEndpoint": f'{{updateEndpoint(name: "e", input: {SIMULATED.replace("7", "8")}) {{errors {{code}}}}}}',
    "testEndpoint": '{testEndpoint(name: "e") {errors {code}}}',
    "ingestMappings": (
        '{ingestMappings(input: {mappings: [{id: "1", source: "e", target: "e"}]}) {errors {code}}}'
    ),
    "deleteEndpoint": '{deleteEndpoint(name: "e") {errors {code}}}',
    "createPipeline": """{
        createPipeline(input: {name: "p", yaml: "source: {dataset: {name: a}}\\nsinks: []"}) {errors {code}}
    }""",
    "updatePipeline": '{updatePipeline(input: {name: "p", enabled: false}) {errors {code}}}',
    "deletePipeline": '{deletePipeline(name: "p") {errors {code}}}',
    "runPipeline": '{runPipeline(input: {name: "there"}) {errors {code}}}',
    "cancel": "($queued: ID!) {cancel(input: {jobId: $queued}) {errors {code}}}",
    "retry": "($canceled: ID!) {retry(input: {jobId: $canceled}) {errors {code}}}",
    "correctErrors": """($rejecting: ID!) {
        correctErrors(input: {jobId: $rejecting, corrections: [{row: 1, values: {age: 7}}]}) {errors {code}}
    }""",
}
"""A request for each mutation that leaves an entry; each is made behind the ones before it."""


class Engine:
    """Finds all files to be tables, all records to be good, and all endpoints to answer."""

    async def run(self, task: Any, report: Any = None, **_: Any) -> dict[str, Any]:
        if task["task"] == "probe":
            return {"ok": True, "latency_ms": 1.0, "message": "It answers."}
        if task["task"] == "restore":
            return {"version": {"version": 2, "row_count": 0, "byte_size": 0, "columns": []}}
        if task["task"] == "vet":
            await asyncio.to_thread(Path(task["calls"][0]["kept"]).write_bytes, b"packed")
            return {"calls": [{"accepted": 1, "rejected": 0, "bytes": 9, "errors": []}]}
        return {"format": "CSV", "dialect": {}, "columns": [], "records": [], "has_more": False}


@pytest.fixture
async def variables(
    services: Services, make_context: Callable[..., Context], add_job: AddJob
) -> dict[str, Any]:
    """What the story is about: a file, jobs and a pipeline."""
    queued, canceled, rejecting = [await add_job() for _ in range(3)]
    principal = make_context().principal
    await cancellation.cancel(services, principal, canceled.id, CancelMode.SAFE)
    write_ledger(path_of(services, ledger_key(rejecting.id)), [an_error(1)])
    claims = await runs.claim(services, [rejecting.id], "host:1:a", 30.0)
    failed = TaskFault(ALL_REJECTED, "Too many.", "DATA", counts={"read": 1, "rejected": 1}, details={})
    await endings.close(services, [Ending(claims[rejecting.id], failed)])
    async with services.database.transaction() as session:
        session.add(Dataset(id=new_id("dataset"), name="kept", storage_key="datasets/kept", version=1))
    await pipeline_changes.create(services, principal, NewPipeline(name="there", said=Said(spec=SPEC)))
    key = f"files/{new_id('file')}"
    async with services.store.writer(key) as writer:
        await writer.write(b"a\n1\n")
    file = IncomingFile("a.csv", key, 4, writer.sha256, b"a\n1\n")
    arrived, begun = [
        (await uploads.start(services, principal, NewUpload("a.csv", 4))).file.id for _ in range(2)
    ]
    await change(services, Upload, received=4)
    path_of(services, f"uploads/{arrived}").write_bytes(b"a\n1\n")
    stored = await stored_results.store(services, principal, NewResult("old", 1))
    sent = {"arrived": arrived, "begun": begun, "result": stored.result.id}
    jobs = {"queued": queued.id, "canceled": canceled.id, "rejecting": rejecting.id}
    return {"file": file, **sent, **jobs, **await access(services, principal)}


async def access(services: Services, principal: Principal) -> dict[str, str]:
    """What is to change of access: a session of the administrator, a key, and a user."""
    await change(services, User, password_hash=await services.passwords.hash(PASSWORD))
    signed_in = await sessions.login(services, ADMINISTRATOR_EMAIL, PASSWORD, None)
    key, _ = await apikeys.create(services, principal, KeyRequest("old", Role.VIEWER))
    return {"refresh": signed_in.refresh_token, "key": key.id, "user": (await add_user(services)).id}


def mutations() -> set[str]:
    fields = get_object_definition(Mutation, strict=True).fields
    return {field.graphql_name or to_camel_case(field.name) for field in fields}


def test_every_mutation_is_recorded_or_named_as_one_that_is_not() -> None:
    assert STORY.keys() & UNRECORDED.keys() == set()
    assert STORY.keys() | UNRECORDED.keys() == mutations()


async def test_every_mutation_leaves_one_entry_of_its_name(
    services: Services,
    schema: HeadgateSchema,
    make_context: Callable[..., Context],
    variables: dict[str, Any],
) -> None:
    appender = Appender(services, Engine(), BatchLimits())
    context = replace(make_context(), services=replace(services, inspector=Engine()), appender=appender)
    for name, document in STORY.items():
        known = await audit.total(services, AuditFilter())
        answer = await schema.execute(f"mutation {document}", variables, context)
        assert (answer.errors, answer.data) == (None, {name: {"errors": []}})
        (newest,) = (await audit.page(services, AuditFilter(), 1, None)).items
        assert (newest.action, newest.actor_id) == (name, context.principal.user_id)
        assert await audit.total(services, AuditFilter()) == known + 1
    await appender.close()


async def test_administrators_read_it(ask: Ask, add_job: AddJob) -> None:
    job, other = await add_job(), await add_job()
    answer = await ask(
        """query ($actor: String) {
            auditLog(filter: {actor: $actor, action: "ingest", since: "2026-01-01T00:00:00Z"}, first: 1) {
                totalCount pageInfo {hasNextPage} edges {cursor node {id at actor action target details}}
            }
        }"""
    )
    assert (answer["auditLog"]["totalCount"], answer["auditLog"]["pageInfo"]) == (2, {"hasNextPage": True})
    ((entry, cursor),) = [(edge["node"], edge["cursor"]) for edge in answer["auditLog"]["edges"]]
    assert (entry["action"], entry["target"], entry["details"].keys()) == ("ingest", other.id, {"dataset"})
    behind = await ask(f'{{auditLog(after: "{cursor}") {{edges {{node {{target}}}}}}}}')
    assert behind["auditLog"]["edges"] == [{"node": {"target": job.id}}]
    found = await ask("query ($id: ID!) {node(id: $id) {... on AuditEntry {target}}}", id=entry["id"])
    assert found == {"node": {"target": other.id}}


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_nobody_else_does(
    services: Services,
    schema: HeadgateSchema,
    make_context: Callable[..., Context],
    add_job: AddJob,
    role: Role,
) -> None:
    await add_job()
    (entry,) = (await audit.page(services, AuditFilter(), 1, None)).items
    asked = "query ($ids: [ID!]!) {nodes(ids: $ids) {id}}"
    answer = await schema.execute(asked, {"ids": [entry.id]}, make_context(role))
    assert answer.data == {"nodes": [None]}
    answer = await schema.execute("{auditLog {totalCount}}", None, make_context(role))
    assert "This needs the role ADMIN" in str(answer.errors)
