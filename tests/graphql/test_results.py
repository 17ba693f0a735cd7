"""Results and files over GraphQL: stored, listed, deleted."""

from tests.graphql.conftest import AddJob, Ask

STORE = """
mutation ($input: StoreResultInput!) {
  storeResult(input: $input) { result { id kind name data tags job { id } downloadUrl } replayed errors { code path } }
}
"""


async def test_a_result_is_stored_listed_and_deleted(ask: Ask, add_job: AddJob) -> None:
    job = await add_job()
    wanted = {"name": "forecast", "data": [1, {"a": None}], "jobId": job.id, "tags": ["draft"]}
    payload = (await ask(STORE, input=wanted))["storeResult"]
    stored = payload["result"]
    assert payload["errors"] == []
    assert (stored["kind"], stored["data"], stored["job"]["id"]) == ("CUSTOM", [1, {"a": None}], job.id)
    assert stored["downloadUrl"] is None
    listed = await ask(
        '{ results(filter: {tags: ["draft"]}, orderBy: NAME_ASC) { totalCount edges { node { id } } } }'
    )
    assert listed["results"] == {"totalCount": 1, "edges": [{"node": {"id": stored["id"]}}]}
    delete = "mutation ($id: ID!) { deleteResult(id: $id) { deletedId errors { code path } } }"
    assert (await ask(delete, id=stored["id"]))["deleteResult"] == {"deletedId": stored["id"], "errors": []}
    gone = (await ask(delete, id=stored["id"]))["deleteResult"]
    assert gone == {"deletedId": None, "errors": [{"code": "NOT_FOUND", "path": ["id"]}]}


async def test_what_cannot_be_stored_is_told_by_its_place(ask: Ask) -> None:
    payload = (await ask(STORE, input={"name": "x", "data": 1, "tags": ["a", 'b"']}))["storeResult"]
    assert (payload["result"], payload["errors"]) == (
        None,
        [{"code": "INVALID_ARGUMENT", "path": ["input", "tags", "1"]}],
    )


async def test_a_file_in_use_is_not_deleted(ask: Ask, add_job: AddJob) -> None:
    job = await add_job()
    delete = "mutation ($id: ID!) { deleteFile(id: $id) { deletedId errors { code path retryable } } }"
    refused = (await ask(delete, id=job.file_id))["deleteFile"]
    assert refused == {
        "deletedId": None,
        "errors": [{"code": "FILE_IN_USE", "path": ["id"], "retryable": True}],
    }
