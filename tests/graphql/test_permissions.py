"""Who may use which field: role by operation."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pytest
from strawberry.types import get_object_definition
from strawberry.types.field import StrawberryField

from headgate.domain.incoming import IncomingFile
from headgate.domain.pages import encode_cursor
from headgate.domain.permissions import RANKS
from headgate.errors import Unauthenticated
from headgate.graphql.context import Context
from headgate.graphql.fields import ANYONE, Anyone, required_role
from headgate.graphql.schema import HeadgateSchema, Mutation, Query, Subscription
from headgate.storage.tables import Role
from tests.graphql.conftest import AddJob

JOB = "job_01h455vb4pex5vsknk084sn02q"
REQUIRED: dict[str, Role | Anyone] = {
    'query { node(id: "x") { id } }': Role.VIEWER,
    "query { nodes(ids: []) { id } }": Role.VIEWER,
    "query { viewer { role user { id } } }": Role.VIEWER,
    "query { users { totalCount } }": Role.ADMIN,
    "query { apiKeys { totalCount } }": Role.VIEWER,
    f'query {{ job(id: "{JOB}") {{ id }} }}': Role.VIEWER,
    "query { jobs { totalCount } }": Role.VIEWER,
    'query { result(id: "result_01h455vb4pex5vsknk084sn02q") { id } }': Role.VIEWER,
    "query { results { totalCount } }": Role.VIEWER,
    'mutation { storeResult(input: {name: "", data: {}}) { errors { code } } }': Role.OPERATOR,
    'mutation { deleteResult(id: "x") { errors { code } } }': Role.OPERATOR,
    'mutation { exportDataset(input: {name: "a", sink: {dataset: {name: "b"}}}) { errors { code } } }': Role.OPERATOR,
    'mutation { describeFile(id: "x", input: {}) { errors { code } } }': Role.OPERATOR,
    'mutation { deleteFile(id: "x") { errors { code } } }': Role.OPERATOR,
    'query { pipeline(name: "a") { id } }': Role.VIEWER,
    "query { pipelines { totalCount } }": Role.VIEWER,
    "query { errors(filter: {}) { totalCount } }": Role.VIEWER,
    "query { errorSummary(filter: {}) { count } }": Role.VIEWER,
    'query { dataset(name: "a") { id } }': Role.VIEWER,
    "query { datasets { totalCount } }": Role.VIEWER,
    'mutation { restoreDataset(name: "a", version: 0) { errors { code } } }': Role.OPERATOR,
    'mutation { deleteDataset(name: "a") { errors { code } } }': Role.OPERATOR,
    'subscription { datasetChanged(name: "a") { version } }': Role.VIEWER,
    'query { file(id: "file_01h455vb4pex5vsknk084sn02q") { id } }': Role.VIEWER,
    "query { files { totalCount } }": Role.VIEWER,
    "query { jobStatistics(groupBy: DAY) { key } }": Role.VIEWER,
    "query { health { status } }": Role.VIEWER,
    "query { endpoints { totalCount } }": Role.VIEWER,
    "query { auditLog { totalCount } }": Role.ADMIN,
    "query { catalog { checks { name } } }": Role.VIEWER,
    'mutation { login(email: "a", password: "") { errors { code } } }': ANYONE,
    'mutation { refreshToken(refreshToken: "") { errors { code } } }': ANYONE,
    'mutation { logout(refreshToken: "") { errors { code } } }': ANYONE,
    'mutation { changePassword(current: "", new: "") { errors { code } } }': Role.VIEWER,
    'mutation { createUser(input: {email: "", password: "", role: VIEWER}) { errors { code } } }': Role.ADMIN,
    'mutation { updateUser(id: "x", input: {}) { errors { code } } }': Role.ADMIN,
    'mutation { deleteUser(id: "x") { errors { code } } }': Role.ADMIN,
    'mutation { createApiKey(input: {name: "", role: VIEWER}) { errors { code } } }': Role.VIEWER,
    'mutation { revokeApiKey(id: "x") { errors { code } } }': Role.VIEWER,
    "mutation ($file: Upload!) { upload(file: $file) { errors { code } } }": Role.OPERATOR,
    'mutation { startUpload(input: {name: "a", byteSize: 1}) { errors { code } } }': Role.OPERATOR,
    'mutation { completeUpload(input: {id: "x"}) { errors { code } } }': Role.OPERATOR,
    'mutation { abortUpload(id: "x") { errors { code } } }': Role.OPERATOR,
    'mutation { validate(input: {data: {file: "x"}}) { errors { code } } }': Role.VIEWER,
    "mutation { ingest(input: {}) { errors { code } } }": Role.OPERATOR,
    'mutation { appendRecords(input: {dataset: "", records: []}) { errors { code } } }': Role.OPERATOR,
    "mutation { ingestBatch(input: {items: []}) { errors { code } } }": Role.OPERATOR,
    'mutation { createPipeline(input: {name: "a", spec: {}}) { errors { code } } }': Role.OPERATOR,
    'mutation { updatePipeline(input: {name: "a"}) { errors { code } } }': Role.OPERATOR,
    'mutation { deletePipeline(name: "a") { errors { code } } }': Role.OPERATOR,
    'mutation { runPipeline(input: {name: "a"}) { errors { code } } }': Role.OPERATOR,
    "mutation { ingestMappings(input: {mappings: []}) { errors { code } } }": Role.OPERATOR,
    f'mutation {{ retry(input: {{jobId: "{JOB}"}}) {{ errors {{ code }} }} }}': Role.OPERATOR,
    f'mutation {{ correctErrors(input: {{jobId: "{JOB}"}}) {{ errors {{ code }} }} }}': Role.OPERATOR,
    f'mutation {{ cancel(input: {{jobId: "{JOB}"}}) {{ errors {{ code }} }} }}': Role.OPERATOR,
    'mutation { createEndpoint(input: {name: "", kind: HTTP, settings: {}}) { errors { code } } }': Role.ADMIN,
    'mutation { updateEndpoint(name: "a", input: {name: "a", kind: HTTP, settings: {}}) { errors { code } } }': (
        Role.ADMIN
    ),
    'mutation { deleteEndpoint(name: "a") { errors { code } } }': Role.ADMIN,
    'mutation { testEndpoint(name: "a") { errors { code } } }': Role.OPERATOR,
    f'subscription {{ jobProgress(jobId: "{JOB}") {{ cursor }} }}': Role.VIEWER,
    f'subscription {{ jobs(after: "{encode_cursor("0")}") {{ cursor }} }}': Role.VIEWER,
}
"""An operation for every field of the roots -> the lowest role that may run it."""


def _root_fields() -> dict[str, StrawberryField]:
    return {
        f"{root.__name__.lower()} {field.name}": field
        for root in (Query, Mutation, Subscription)
        for field in get_object_definition(root, strict=True).fields
    }


def _field_of(operation: str) -> str:
    kind, _, rest = operation.partition(" ")
    name = rest.rpartition("Upload!) { ")[2].strip("{ ").partition("(")[0].split()[0]
    return f"{kind} {name}"


def test_every_root_field_requires_the_role_that_this_table_names() -> None:
    fields = _root_fields()
    named = {_snake(_field_of(operation)): role for operation, role in REQUIRED.items()}
    assert named == {name: required_role(field) for name, field in fields.items()}


def _snake(name: str) -> str:
    return "".join(f"_{mark.lower()}" if mark.isupper() else mark for mark in name)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("operation", REQUIRED)
async def test_a_role_is_let_in_or_refused(
    schema: HeadgateSchema, make_context: Callable[..., Context], add_job: AddJob, operation: str, role: Role
) -> None:
    await add_job()
    file = IncomingFile("a.csv", "files/none", byte_size=0, sha256="", head=b"", too_large=True)
    messages = [str(error) async for error in _errors(schema, operation, make_context(role), {"file": file})]
    is_refused = any("This needs the role" in message for message in messages)
    required = REQUIRED[operation]
    assert is_refused == (required is not ANYONE and RANKS[role] < RANKS[required])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("operation", REQUIRED)
async def test_nobody_known_is_let_in_where_all_are_or_refused(
    schema: HeadgateSchema, make_context: Callable[..., Context], operation: str
) -> None:
    context = replace(make_context(), caller=None)
    messages = [str(error) async for error in _errors(schema, operation, context, {"file": None})]
    assert any("Send a valid token" in message for message in messages) == (REQUIRED[operation] is not ANYONE)


async def _errors(
    schema: HeadgateSchema, operation: str, context: Context, variables: dict[str, Any]
) -> AsyncIterator[object]:
    if not operation.startswith("subscription"):
        result = await schema.execute(operation, variables, context)
        for error in result.errors or ():
            yield error
        return
    async with aclosing(await schema.subscribe(operation, variables, context)) as events:
        # A feed that lets somebody in never ends.
        try:
            event = await anext(events)
        except Unauthenticated as refusal:
            yield refusal
            return
    for error in event.errors or ():
        yield error
