"""People who work with a running Headgate: what each of them does is one call of its API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.acceptance.endpoints import make_endpoint
from tests.acceptance.processes import Client

PIPELINE_FIELDS = """
fragment P on Pipeline {
  name version status yaml spec columns { name type } dataset { name version rowCount }
  statistics { jobs succeeded partial failed successRate rowsRead rowsAccepted rowsRejected }
  versions { edges { node { version comment } } }
}
"""
JOB_FIELDS = """
fragment J on Job {
  id kind status priority startedAt pipelineVersion
  counts { read accepted rejected filtered merged warnings }
  failure { code category retryable message }
  attempts { number status failure { code } }
  dataset { name }
  result { kind data }
  errors(first: 50) { totalCount edges { node { row column value code check severity } } }
  children { edges { node { id status counts { read accepted rejected } } } }
  retryOf { id }
  errorsDownloadUrl
}
"""
JOB = "query ($id: ID!) { job(id: $id) { ...J } }" + JOB_FIELDS
STARTS = """
mutation ($input: %sInput!) { started: %s(input: $input) { job { ...J } replayed errors { code path message } } }
"""
PIPELINE = "query ($name: String!) { pipeline(name: $name) { ...P } }" + PIPELINE_FIELDS
CHANGES = """
mutation ($input: %sInput!) { changed: %s(input: $input) { pipeline { ...P } errors { code path message } } }
"""
CHECKS = "query ($id: ID!) { file(id: $id) { suggestedChecks { kind severity settings reason } } }"
ITEMS = """
query ($id: ID!) {
  job(id: $id) { items { edges { node { id status attempts response failure { code } } } } }
}
"""
ROWS = """
query ($name: String!, $version: BigInt, $filter: RowFilter, $orderBy: [RowOrder!], $columns: [String!],
       $first: Int, $after: String) {
  dataset(name: $name, version: $version) {
    rows(filter: $filter, orderBy: $orderBy, columns: $columns, first: $first, after: $after) {
      records totalCount hasNextPage endCursor
    }
  }
}
"""
WATCH = (
    """
subscription ($job: ID!) {
  jobProgress(jobId: $job, minIntervalMs: 0) { type status progress { stage message rowsRead } job { ...J } }
}
"""
    + JOB_FIELDS
)


@dataclass(frozen=True)
class Person:
    """Somebody with a token."""

    client: Client

    async def has_endpoint(
        self, name: str, kind: str, secrets: Mapping[str, str] | None = None, **settings: Any
    ) -> Any:
        """Make an endpoint; answers what is shown of it."""
        return await make_endpoint(self.client, name, kind, settings, secrets)

    async def uploads(self, content: bytes | str, name: str) -> dict[str, str]:
        """Upload a file; answers it as data for jobs."""
        raw = content if isinstance(content, bytes) else content.encode()
        payload = await self.client.upload(raw, name)
        assert payload["errors"] == []
        return {"file": payload["file"]["id"]}

    async def is_suggested_for(self, data: Mapping[str, str]) -> list[dict[str, Any]]:
        """The checks that a file suggests, as specs say them."""
        found = (await self.client.data(CHECKS, id=data["file"]))["file"]["suggestedChecks"]
        return [{check["kind"]: check["settings"]} for check in found]

    async def validates(self, data: Any, **options: Any) -> Any:
        """Hold data against rules; answers the job at its end."""
        return await self._job("validate", data=data, **options)

    async def ingests(self, data: Any, **options: Any) -> Any:
        """Ingest; answers the job at its end."""
        return await self._job("ingest", data=data, **options)

    async def ingests_batch(self, *items: Any) -> Any:
        """Ingest all items as one batch; answers its job at its end."""
        return await self._job("ingestBatch", items=items)

    async def maps(self, *mappings: Any, **options: Any) -> Any:
        """Carry out mappings; answers the job at its end."""
        return await self._job("ingestMappings", mappings=mappings, **options)

    async def items_of(self, job: Any) -> dict[str, Any]:
        """The items of a job of mappings, by their ids."""
        found = (await self.client.data(ITEMS, id=job["id"]))["job"]["items"]["edges"]
        return {edge["node"]["id"]: edge["node"] for edge in found}

    async def corrects(self, job: Any, corrections: Mapping[int, Any]) -> Any:
        """Give rejected rows other values, by their numbers; answers the job at its end."""
        given = [{"row": row, "values": values} for row, values in corrections.items()]
        return await self._job("correctErrors", jobId=job["id"], corrections=given)

    async def retries(self, job: Any, **options: Any) -> Any:
        """Do a job again; answers the new one at its end."""
        return await self._job("retry", jobId=job["id"], **options)

    async def cancels(self, job: Any) -> Any:
        """Stop a job; answers it as it is then."""
        done = await self._start("cancel", jobId=job["id"])
        return done["job"]

    async def creates_pipeline(self, name: str, **input: Any) -> Any:
        """Make a pipeline; answers it."""
        return await self._change("createPipeline", name=name, **input)

    async def updates_pipeline(self, name: str, **input: Any) -> Any:
        """Change a pipeline; answers it."""
        return await self._change("updatePipeline", name=name, **input)

    async def is_refused_pipeline(self, change: str, /, **input: Any) -> set[tuple[str, str]]:
        """Try to make or change a pipeline; answers the code and path of each mistake."""
        payload = (await self.client.data(_changing(change), input=input))["changed"]
        assert payload["pipeline"] is None
        return {(error["code"], ".".join(error["path"])) for error in payload["errors"]}

    async def runs(self, name: str, **options: Any) -> Any:
        """Run a pipeline; answers the job at its end."""
        return await self._job("runPipeline", name=name, **options)

    async def starts(self, name: str, **options: Any) -> Any:
        """Run a pipeline; answers the job as it is now."""
        return (await self._start("runPipeline", name=name, **options))["job"]

    async def watches(self, job: Any) -> list[Any]:
        """All events of a job, the last of which is its end."""
        async with self.client.subscribe(WATCH, job=job["id"]) as results:
            return [result["data"]["jobProgress"] async for result in results]

    async def sees_pipeline(self, name: str) -> Any:
        """A pipeline as it is now."""
        return (await self.client.data(PIPELINE, name=name))["pipeline"]

    async def sees_job(self, job: Any) -> Any:
        """A job as it is now."""
        return (await self.client.data(JOB, id=job["id"]))["job"]

    async def sees_page(self, dataset: str, **wanted: Any) -> Any:
        """A page of rows."""
        return (await self.client.data(ROWS, name=dataset, **wanted))["dataset"]["rows"]

    async def sees_rows(self, dataset: str, **wanted: Any) -> list[dict[str, Any]]:
        """Rows of a dataset."""
        records: list[dict[str, Any]] = (await self.sees_page(dataset, **wanted))["records"]
        return records

    async def _job(self, what: str, /, **input: Any) -> Any:
        return (await self._start(what, waitSeconds=30, **input))["job"]

    async def _start(self, what: str, /, **input: Any) -> Any:
        started = (await self.client.data(_starting(what), input=input))["started"]
        assert started["errors"] == []
        return started

    async def _change(self, what: str, /, **input: Any) -> Any:
        payload = (await self.client.data(_changing(what), input=input))["changed"]
        assert payload["errors"] == []
        return payload["pipeline"]


def _starting(name: str) -> str:
    return STARTS % (_pascal(name), name) + JOB_FIELDS


def _changing(name: str) -> str:
    return CHANGES % (_pascal(name), name) + PIPELINE_FIELDS


def _pascal(name: str) -> str:
    return name[0].upper() + name[1:]


def faults(job: Any) -> list[tuple[int, str, str, str]]:
    """What is wrong with the rows of a job: row, column, code and value."""
    nodes: Sequence[Any] = [edge["node"] for edge in job["errors"]["edges"]]
    return [(node["row"], node["column"], node["code"], node["value"]) for node in nodes]


def counts(job: Any) -> dict[str, int]:
    """Those of a job's counts that are not 0."""
    return {name: count for name, count in job["counts"].items() if count}
