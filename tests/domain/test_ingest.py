"""What is accepted is a durable job; what is refused leaves nothing."""

import asyncio
from typing import Any

import orjson
import pytest

from headgate.domain import datasets, files, ingest, jobs
from headgate.domain.acceptance import input_key
from headgate.domain.datasets import DatasetFilter
from headgate.domain.event_reader import Scope
from headgate.domain.ingest import IngestRequest, WriteMode
from headgate.domain.jobs import JobFilter
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.jobs.memory import InProcessQueue
from headgate.storage.formats import FileFormat
from headgate.storage.ids import new_id
from headgate.storage.tables import JobStatus, Role, utc_now
from tests.services import path_of

TEXT = {"text": "a\n1\n", "format": FileFormat.CSV}


async def test_an_accepted_job_is_queued_with_its_first_event_and_wakes_a_worker(
    services: Services, submit: Any
) -> None:
    job = await submit()

    assert (await jobs.get(services, job.id)) == job
    [event] = [told.event for told in await services.events.after(Scope.of_job(job.id), 0)]
    assert (job.status, event.status, event.seq) == (JobStatus.QUEUED, JobStatus.QUEUED, 1)
    assert isinstance(services.queue, InProcessQueue)
    assert await services.queue.take() == job.id


async def test_text_and_records_are_stored_before_the_job_is(services: Services, submit: Any) -> None:
    text = await submit(text="ä\n1\n")
    records = await submit(text=None, format=None, records=[{"a": "ö"}, {"b": None}])

    assert await services.store.read(input_key(text.id), 0, 100) == "ä\n1\n".encode()
    lines = (await services.store.read(input_key(records.id), 0, 100)).splitlines()
    assert [orjson.loads(line) for line in lines] == [{"a": "ö"}, {"b": None}]


async def test_a_dataset_is_made_once(services: Services, submit: Any) -> None:
    first, second = await asyncio.gather(submit("sales"), submit("sales"))
    other = await submit("Sales")

    assert first.dataset_id == second.dataset_id != other.dataset_id
    assert await datasets.total(services, DatasetFilter()) == 2
    dataset = await datasets.get(services, "sales")
    assert dataset is not None
    assert dataset.version is None


async def test_a_received_file_can_be_ingested(
    services: Services, operator: Principal, arrive: Any, submit: Any
) -> None:
    file = await files.receive(services, operator, await arrive())
    job = await submit(file_id=file.id)
    assert job.file_id == file.id


FAULTS: list[tuple[dict[str, Any], str, tuple[str, ...]]] = [
    ({}, "INVALID_DATA", ("data",)),
    ({**TEXT, "records": [{}]}, "INVALID_DATA", ("data",)),
    ({"file_id": new_id("job")}, "INVALID_ID", ("data", "file")),
    ({"file_id": new_id("file")}, "NOT_FOUND", ("data", "file")),
    ({**TEXT, "dataset": None}, "DATASET_REQUIRED", ("dataset",)),
    ({**TEXT, "dataset": "1st"}, "INVALID_NAME", ("dataset",)),
    ({**TEXT, "dataset": "a\n"}, "INVALID_NAME", ("dataset",)),
    ({**TEXT, "dataset": "a" * 129}, "INVALID_NAME", ("dataset",)),
    ({**TEXT, "mode": WriteMode.UPSERT}, "KEYS_REQUIRED", ("keys",)),
    ({**TEXT, "keys": ["a"]}, "KEYS_NOT_ALLOWED", ("keys",)),
    ({**TEXT, "mode": WriteMode.UPSERT, "keys": ["a", "a"]}, "INVALID_KEYS", ("keys",)),
    ({**TEXT, "text": " \n"}, "EMPTY_DATA", ("data", "text", "content")),
    ({**TEXT, "text": "a\ud800"}, "INVALID_TEXT", ("data", "text", "content")),
    ({**TEXT, "format": FileFormat.PARQUET}, "UNSUPPORTED_FORMAT", ("data", "text", "format")),
    ({"records": []}, "EMPTY_DATA", ("data", "records")),
    ({"records": [{}, 1]}, "INVALID_RECORDS", ("data", "records", "1")),
    ({"records": [{"a": "\ud800"}]}, "INVALID_RECORDS", ("data", "records", "0")),
]


@pytest.mark.parametrize(
    ("values", "code", "path"), FAULTS, ids=[f"{code} {path}" for _, code, path in FAULTS]
)
async def test_a_faulty_request_is_refused_and_leaves_nothing(
    services: Services, operator: Principal, values: dict[str, Any], code: str, path: tuple[str, ...]
) -> None:
    with pytest.raises(UserFault) as fault:
        await ingest.submit(services, operator, IngestRequest(**({"dataset": "sales"} | values)))

    assert (fault.value.code, fault.value.path) == (code, path)
    assert await jobs.total(services, JobFilter()) == 0
    assert await datasets.total(services, DatasetFilter()) == 0


async def test_a_file_that_is_not_ready_is_refused(
    services: Services, operator: Principal, arrive: Any, submit: Any
) -> None:
    with pytest.raises(files.UnusableFile) as refusal:
        await files.receive(services, operator, await arrive(), sha256="0" * 64)
    with pytest.raises(UserFault, match="FILE_NOT_READY"):
        await submit(file_id=refusal.value.file.id)


async def test_a_viewer_may_not_ingest(services: Services) -> None:
    viewer = Principal(new_id("user"), Role.VIEWER, utc_now())
    with pytest.raises(UserFault, match="FORBIDDEN"):
        await ingest.submit(services, viewer, IngestRequest(dataset="sales", **TEXT))  # type: ignore[arg-type]


async def test_data_of_a_job_that_could_not_be_recorded_is_deleted(services: Services) -> None:
    nobody = Principal(new_id("user"), Role.OPERATOR, utc_now())
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        await ingest.submit(services, nobody, IngestRequest(dataset="sales", **TEXT))  # type: ignore[arg-type]
    assert list(path_of(services, "inputs").iterdir()) == []
