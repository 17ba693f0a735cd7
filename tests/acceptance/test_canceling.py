"""Jobs are stopped on request, and leave nothing half done."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.acceptance.processes import Client, Headgate, MakeClient, MakeHeadgate

CANCEL = """
mutation ($input: CancelInput!) {
  cancel(input: $input) { job { id status } errors { code path } }
}
"""
JOB = """
query ($id: ID!) {
  job(id: $id) {
    status datasetVersion counts { read accepted rejected } attempts { status } failure { code }
    availableActions { action allowed }
    children { edges { node { status attempts { status } } } }
  }
}
"""
BATCH = """
mutation ($input: IngestBatchInput!) {
  ingestBatch(input: $input) { job { id } results { job { id status } } errors { code } }
}
"""
WATCH = """
subscription ($job: ID!) {
  jobProgress(jobId: $job, minIntervalMs: 0) { type status message progress { stage } }
}
"""
DATASET = '{ dataset(name: "sales") { id version rowCount } }'
ROWS = 600_000


@dataclass
class Busy:
    """A server with one worker, and a file that keeps it busy."""

    client: Client
    headgate: Headgate
    file: str

    @property
    def store(self) -> Path:
        return self.headgate.home / "store"

    async def start(self) -> str:
        """Ingest the file; answers the job, which is in the middle of it by then."""
        payload = await self.client.ingest({"file": self.file}, "sales", waitSeconds=0)
        return await self.reads(payload["job"]["id"])

    async def reads(self, job: str) -> str:
        """Wait until a job has told how far it is, and let it come no further before something is canceled."""
        async with self.client.subscribe(WATCH, job=job) as results:
            async for result in results:
                if result["data"]["jobProgress"]["type"] == "PROGRESS":
                    for process in self.headgate.engine:
                        process.suspend()
                    return job
        raise AssertionError("the job was too fast")

    async def ended(self, job: str) -> Any:
        """Wait for a job's end; answers the job and what was said about it."""
        async with self.client.subscribe(WATCH, job=job) as results:
            told = [result["data"]["jobProgress"]["message"] async for result in results]
        return (await self.client.data(JOB, id=job))["job"], told

    async def cancel(self, job: str, mode: str = "SAFE") -> Any:
        answered = (await self.client.data(CANCEL, input={"jobId": job, "mode": mode}))["cancel"]
        for process in self.headgate.engine:
            with suppress(psutil.NoSuchProcess):
                process.resume()
        return answered

    def files(self, dataset: Any) -> set[str]:
        """List all that lies in a dataset's folder."""
        folder = self.store / "datasets" / dataset["id"]
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
async def busy(make_headgate: MakeHeadgate, make_client: MakeClient) -> AsyncIterator[Busy]:
    headgate = make_headgate().start()
    client = await make_client(headgate)
    rows = "".join(f"{n},customer {n % 977},{n / 4},2026-01-31,some text of {n}\n" for n in range(ROWS))
    file = (await client.upload(f"id,customer,amount,day,note\n{rows}".encode()))["file"]
    yield Busy(client, headgate, file["id"])
    assert headgate.stop() == 0


@pytest.mark.parametrize("mode", ["SAFE", "FORCE"])
async def test_a_running_job_is_stopped_and_leaves_nothing(busy: Busy, mode: str) -> None:
    await busy.client.ingest({"records": [{"id": 0}]}, "sales")
    before = (await busy.client.data(DATASET))["dataset"]
    files = busy.files(before)
    assert any(name.endswith(".parquet") for name in files)
    job = await busy.start()

    answered = await busy.cancel(job, mode)
    found, told = await busy.ended(job)

    assert answered["errors"] == []
    assert found == {
        "status": "CANCELED",
        "datasetVersion": None,
        "counts": {"read": 0, "accepted": 0, "rejected": 0},
        "attempts": [{"status": "CANCELED"}],
        "failure": None,
        "availableActions": [
            {"action": "CANCEL", "allowed": False},
            {"action": "RETRY", "allowed": True},
            {"action": "CORRECT", "allowed": False},
        ],
        "children": {"edges": []},
    }
    assert told[-1] == "Stopped on request."
    assert (await busy.client.data(DATASET))["dataset"] == before
    assert busy.files(before) == files
    assert not [path for path in (busy.store / "scratch").rglob("*") if path.is_file()]


async def test_a_job_that_waits_is_canceled_at_once_and_never_runs(busy: Busy) -> None:
    running = await busy.start()
    waiting = (await busy.client.ingest({"records": [{"id": 1}]}, "other", waitSeconds=0))["job"]["id"]

    answered = await busy.cancel(waiting)
    again = await busy.cancel(waiting, "FORCE")
    await busy.cancel(running, "FORCE")
    await busy.ended(running)
    found, _ = await busy.ended(waiting)

    assert answered == again == {"job": {"id": waiting, "status": "CANCELED"}, "errors": []}
    assert (found["status"], found["attempts"]) == ("CANCELED", [])
    assert (await busy.client.data('{ dataset(name: "other") { version } }'))["dataset"]["version"] is None


async def test_a_batch_is_canceled_with_its_items(busy: Busy) -> None:
    items = [{"data": {"file": busy.file}, "dataset": "sales"}]
    items += [{"data": {"records": [{"id": number}]}, "dataset": "small"} for number in range(3)]
    batch = (await busy.client.data(BATCH, input={"items": items}))["ingestBatch"]
    await busy.reads(batch["results"][0]["job"]["id"])

    answered = await busy.cancel(batch["job"]["id"], "FORCE")
    found, told = await busy.ended(batch["job"]["id"])

    assert answered["errors"] == []
    assert (found["status"], found["counts"]["accepted"]) == ("CANCELED", 0)
    children = [edge["node"] for edge in found["children"]["edges"]]
    assert children == [
        {"status": "CANCELED", "attempts": [{"status": "CANCELED"}]},
        *[{"status": "CANCELED", "attempts": []}] * 3,
    ]
    assert "It was asked to stop at once." in told


async def test_a_job_that_has_ended_is_not_canceled(client: Client) -> None:
    job = (await client.ingest({"records": [{"id": 1}]}, "not_canceled"))["job"]
    unknown = "job_01h455vb4pex5vsknk084sn02q"
    refused = [(await client.data(CANCEL, input={"jobId": id}))["cancel"] for id in (job["id"], unknown, "x")]
    assert [each["job"] for each in refused] == [None] * 3
    assert [error for each in refused for error in each["errors"]] == [
        {"code": code, "path": ["input", "jobId"]} for code in ("JOB_ENDED", "NOT_FOUND", "INVALID_ID")
    ]
