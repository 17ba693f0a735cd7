"""What the client does with a server that is well."""

import os
from collections.abc import Iterator
from io import BytesIO
from itertools import islice
from pathlib import Path
from uuid import uuid4

import pytest

from headgate.client import Headgate, Job, JobFailed, NotFound, Refused, TimedOut
from tests.acceptance import processes

LOANS = Path(__file__).parents[2] / "demo" / "loans.csv"
ADULTS = {"range": {"columns": ["age"], "min": 18}}
ENDPOINT = "mutation ($input: EndpointInput!) { createEndpoint(input: $input) { errors { message } } }"
MAP = "mutation ($input: IngestMappingsInput!) { ingestMappings(input: $input) { job { id } errors { message } } }"
PIPELINE = """
name: {name}
source: {{records: {{records: [{{city: Oslo, people: 5}}, {{city: Bergen, people: 3}}]}}}}
sinks: [{{dataset: {{name: {name}, mode: REPLACE}}}}]
"""


@pytest.fixture
def name() -> str:
    """A name that nothing has."""
    return f"made_{uuid4().hex}"


def test_a_file_is_ingested_and_read_back(headgate: Headgate, name: str) -> None:
    seen: list[tuple[int, int]] = []
    started = headgate.ingest(LOANS, dataset=name, on_progress=lambda *sent: seen.append(sent))
    job = headgate.wait(started, timeout_s=30).raise_for_failure()

    assert seen[-1] == (984, 984)
    assert (job.status, job.counts.read, job.counts.accepted, job.counts.rejected) == ("PARTIAL", 15, 14, 1)
    assert job.dataset is not None
    assert job.dataset.name == name
    [error] = headgate.errors(job)
    assert (error.row, error.line, error.code) == (8, 9, "STRUCTURE")
    assert error.record[0] == "00082"
    assert headgate.dataset(name).row_count == 14
    assert name in [dataset.name for dataset in headgate.datasets(name_contains=name)]


def test_rows_come_as_dicts_page_by_page_and_as_a_frame(headgate: Headgate, name: str) -> None:
    records = [{"id": number, "even": number % 2 == 0} for number in range(10)]
    headgate.wait(headgate.ingest(records=records, dataset=name))

    assert list(headgate.rows(name, page_rows=3)) == records
    assert [row["id"] for row in islice(headgate.rows(name, page_rows=3), 4)] == [0, 1, 2, 3]
    found = headgate.rows(
        name,
        filter={"column": "even", "eq": True},
        columns=["id"],
        order_by=[{"column": "id", "direction": "DESC"}],
    )
    assert list(found) == [{"id": number} for number in (8, 6, 4, 2, 0)]
    assert headgate.frame(name, columns=["id"]).to_dict(as_series=False) == {"id": list(range(10))}


def test_rows_are_all_of_the_version_that_the_first_one_is_of(headgate: Headgate, name: str) -> None:
    headgate.wait(headgate.ingest(text="id\n1\n2\n3\n", dataset=name))
    rows = headgate.rows(name, page_rows=1)
    seen = [next(rows)]
    headgate.wait(headgate.ingest(text="id\n7\n", dataset=name, mode="REPLACE"))

    assert [*seen, *rows] == [{"id": 1}, {"id": 2}, {"id": 3}]


def test_rows_and_errors_are_saved_to_files(headgate: Headgate, name: str, tmp_path: Path) -> None:
    job = headgate.wait(headgate.ingest(LOANS, dataset=name))

    headgate.save_rows(name, tmp_path / "rows.csv", format="CSV", columns=["customer_id"])
    assert (tmp_path / "rows.csv").read_text().split()[:2] == ["customer_id", "00017"]
    headgate.save_errors(job, tmp_path / "errors.csv", content="ROWS")
    assert (tmp_path / "errors.csv").read_text().splitlines()[1].startswith("8,00082,")
    with pytest.raises(NotFound):
        headgate.save_rows("missing", tmp_path / "missing.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["errors.csv", "rows.csv"]


def test_a_job_is_watched_to_its_end_and_again_from_a_cursor(headgate: Headgate, name: str) -> None:
    job = headgate.ingest(LOANS, dataset=name)
    events = list(headgate.watch(job, min_interval_ms=0))

    statuses = [event.status for event in events if event.type == "STATUS"]
    assert statuses == ["QUEUED", "RUNNING", "PARTIAL"]
    assert {error.row for event in events for error in event.errors} == {8}
    assert events[-1].job.counts.accepted == 14
    again = list(headgate.watch(job, after=events[1].cursor, min_interval_ms=0))
    assert [event.cursor for event in again] == [event.cursor for event in events[2:]]


def test_any_subscription_is_followed(headgate: Headgate, name: str) -> None:
    job = headgate.ingest(records=[{"id": 1}], dataset=name)
    first = next(iter(headgate.watch(job)))
    watching = (
        "subscription ($ids: [ID!], $after: String) { jobs(filter: {ids: $ids}, after: $after) { status } }"
    )
    seen = headgate.subscribe(watching, ids=[job.id], after=first.cursor)
    assert next(seen) == {"jobs": {"status": "RUNNING"}}


def test_rejected_rows_are_corrected_and_retried(headgate: Headgate, name: str) -> None:
    rows = [{"age": 3}, {"age": 40}, {"age": 7}]
    spec = {"checks": [ADULTS]}
    job = headgate.wait(headgate.ingest(records=rows, dataset=name, spec=spec))
    assert [error.row for error in headgate.errors(job, column=["age"])] == [1, 3]

    headgate.wait(headgate.correct(job, {1: {"age": 30}})).raise_for_failure()
    assert [error.row for error in headgate.errors(job)] == [3]
    headgate.wait(headgate.retry(job, strategy="FAILED_ROWS", spec={"checks": []}))
    assert headgate.job(job).status == "SUCCEEDED"
    assert sorted(row["age"] for row in headgate.rows(name)) == [7, 30, 40]


def test_data_is_validated_without_being_ingested(headgate: Headgate) -> None:
    job = headgate.validate(records=[{"age": 3}, {"age": 40}], checks=[ADULTS], wait_seconds=30)
    assert (job.kind, job.status, job.counts.rejected) == ("VALIDATE", "PARTIAL", 1)
    assert [error.check for error in headgate.errors(job)] == ["range"]


def test_a_dataset_is_validated_as_it_is_now(headgate: Headgate, name: str) -> None:
    headgate.wait(headgate.ingest(records=({"age": age} for age in (3, 40)), dataset=name))
    job = headgate.validate(dataset=name, checks=[ADULTS], wait_seconds=30)
    assert [error.row for error in headgate.errors(job)] == [1]


def test_a_pipeline_is_applied_once_and_run(headgate: Headgate, name: str) -> None:
    made = headgate.apply_pipeline(PIPELINE.format(name=name))
    assert (made.name, made.version) == (name, 1)
    assert headgate.apply_pipeline(PIPELINE.format(name=name)).version == 1
    assert [each.name for each in headgate.pipelines(name_contains=name)] == [name]

    headgate.wait(headgate.run_pipeline(name)).raise_for_failure()
    assert [row["city"] for row in headgate.rows(name)] == ["Oslo", "Bergen"]
    assert headgate.pipeline(name).status == "SUCCEEDED"
    with pytest.raises(Refused, match="squeeze") as refused:
        headgate.apply_pipeline(PIPELINE.format(name=name) + "steps: [{squeeze: {}}]\n")
    assert refused.value.path
    with pytest.raises(ValueError, match="no name"):
        headgate.apply_pipeline("steps: []")


def test_records_are_appended_once_for_each_key(headgate: Headgate, name: str) -> None:
    first = headgate.append(name, [{"page": "/"}, "no object"], idempotency_key=name)
    again = headgate.append(name, [{"page": "/"}, "no object"], idempotency_key=name)

    assert (first.accepted, first.rejected, first.row_errors[0].row) == (1, 1, 2)
    assert (again.replayed, again.job and again.job.id) == (True, first.job and first.job.id)


def test_the_same_key_starts_one_job_and_sends_its_file_once(headgate: Headgate, name: str) -> None:
    jobs = [headgate.ingest(LOANS, dataset=name, idempotency_key=name) for _ in range(2)]
    assert jobs[0].id == jobs[1].id
    with pytest.raises(Refused, match="IDEMPOTENCY_MISMATCH"):
        headgate.ingest(LOANS, dataset="other", idempotency_key=name)


def test_jobs_are_listed_page_by_page(headgate: Headgate, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgate.client.core.PAGE", 2)
    jobs = [headgate.ingest(records=[{"id": number}], dataset=name).id for number in range(5)]

    assert [job.id for job in headgate.jobs(dataset=name)] == jobs[::-1]
    assert [job.id for job in headgate.jobs(ids=jobs[:1])] == jobs[:1]


def start_endless(headgate: Headgate, name: str) -> Job:
    """Start a job that waits for an answer for longer than any test."""
    endpoint = {"name": name, "kind": "SIMULATED", "settings": {"latencyMs": 60_000, "successRate": 1}}
    headgate.ask(ENDPOINT, input=endpoint)
    mapping = {"id": "one", "source": name, "target": name, "transformation": {}}
    started = headgate.ask(MAP, input={"mappings": [mapping]})
    return headgate.job(started["ingestMappings"]["job"]["id"])


def test_waiting_ends_in_time_and_leaves_the_job_alone(headgate: Headgate, name: str) -> None:
    busy = start_endless(headgate, name)
    with pytest.raises(TimedOut, match="has not ended within") as caught:
        headgate.wait(busy, timeout_s=0)
    assert not caught.value.job.has_ended

    headgate.cancel(busy, mode="FORCE")
    with pytest.raises(JobFailed, match="CANCELED"):
        headgate.wait(busy).raise_for_failure()


@pytest.mark.parametrize("kind", ["bytes", "file", "pipe"])
def test_whatever_holds_bytes_is_uploaded(headgate: Headgate, kind: str, tmp_path: Path) -> None:
    content = LOANS.read_bytes()
    if kind == "bytes":
        file = headgate.upload(content, name="of bytes.csv")
    elif kind == "file":
        file = headgate.upload(BytesIO(content), name="of bytes.csv")
    else:
        reading, writing = os.pipe()
        with os.fdopen(writing, "wb") as into:
            into.write(content)
        with os.fdopen(reading, "rb") as pipe:
            file = headgate.upload(pipe, name="of bytes.csv")
    assert (file.name, file.status, file.byte_size, len(file.columns)) == ("of bytes.csv", "READY", 984, 8)
    assert list(headgate.ask("query ($id: ID!) { file(id: $id) { name } }", id=file.id)) == ["file"]


@pytest.mark.parametrize(("content", "code"), [(b"", "EMPTY_FILE"), (b"PK\x03\x04", "UNSUPPORTED_FORMAT")])
def test_a_file_that_cannot_be_used_is_refused_with_the_reason(
    headgate: Headgate, content: bytes, code: str
) -> None:
    with pytest.raises(Refused, match=code):
        headgate.upload(content, name="people.xlsx", format="EXCEL")


def test_a_file_beyond_the_limit_is_refused_before_it_is_sent(headgate: Headgate) -> None:
    with pytest.raises(Refused, match="FILE_TOO_LARGE") as refused:
        headgate.upload(b"0" * 2_000_001)
    assert refused.value.path == ("input", "byteSize")


def test_what_is_read_is_given_in_one_way(headgate: Headgate) -> None:
    with pytest.raises(TypeError, match="not by path and records"):
        headgate.ingest(LOANS, records=[{"id": 1}], dataset="twice")
    with pytest.raises(TypeError, match="not by text and dataset"):
        headgate.validate(text="id", dataset="twice")


async def test_scripts_in_a_notebook_ask_too_where_an_event_loop_runs_already(
    shared_headgate: processes.Headgate,
) -> None:
    with Headgate(shared_headgate.url, shared_headgate.token()) as headgate:
        assert headgate.ask("{ viewer { role } }") == {"viewer": {"role": "ADMIN"}}


def test_what_is_left_in_the_middle_leaves_no_connection_open(headgate: Headgate, name: str) -> None:
    job = headgate.ingest(records=[{"id": 1}], dataset=name)
    events: Iterator[object] = headgate.watch(job)
    next(events)
    events.close()  # type: ignore[attr-defined]
    assert headgate.wait(job).status == "SUCCEEDED"
