"""A request that is sent again with its key starts nothing twice."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from headgate.domain import batch_ingest, files, ingest, jobs, retries
from headgate.domain.batch_ingest import BatchRequest
from headgate.domain.files import FileFilter
from headgate.domain.ingest import IngestRequest
from headgate.domain.jobs import JobFilter
from headgate.domain.permissions import Principal
from headgate.domain.ports import TaskFault
from headgate.domain.retries import RetryRequest, RetryStrategy
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.formats import FileFormat
from headgate.storage.tables import Priority, Role, User
from tests.services import path_of

SALES = IngestRequest(dataset="sales", text="a\n1\n", format=FileFormat.CSV)
AT_ONCE = 20


async def _mismatch(call: Any) -> tuple[str, tuple[str, ...]]:
    with pytest.raises(UserFault) as fault:
        await call
    return fault.value.code, fault.value.path


MISMATCH = ("IDEMPOTENCY_MISMATCH", ("idempotencyKey",))


async def test_twenty_requests_at_once_with_one_key_start_one_job(
    services: Services, operator: Principal
) -> None:
    accepted = await asyncio.gather(
        *(ingest.submit(services, operator, SALES, "key") for _ in range(AT_ONCE))
    )

    [job_id] = {each.job.id for each in accepted}
    assert sorted(each.replayed for each in accepted) == [False] + [True] * (AT_ONCE - 1)
    assert await jobs.total(services, JobFilter()) == 1
    assert [path.name for path in path_of(services, "inputs").iterdir()] == [job_id]


async def test_of_different_requests_at_once_with_one_key_one_is_carried_out(
    services: Services, operator: Principal
) -> None:
    asked = [replace(SALES, dataset=f"sales{number}") for number in range(AT_ONCE)]
    outcomes = await asyncio.gather(
        *(ingest.submit(services, operator, each, "key") for each in asked), return_exceptions=True
    )

    faults = [(each.code, each.path) for each in outcomes if isinstance(each, UserFault)]
    assert faults == [MISMATCH] * (AT_ONCE - 1)
    assert await jobs.total(services, JobFilter()) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "other"},
        {"text": "a\n2\n"},
        {"priority": Priority.HIGH},
        {"spec": {"timeoutSeconds": 5.0}},
    ],
)
async def test_a_key_is_good_for_one_request_only(
    services: Services, operator: Principal, change: dict[str, Any]
) -> None:
    await ingest.submit(services, operator, SALES, "key")
    assert await _mismatch(ingest.submit(services, operator, replace(SALES, **change), "key")) == MISMATCH


async def test_a_key_is_good_for_one_operation_only(services: Services, operator: Principal) -> None:
    await ingest.submit(services, operator, SALES, "key")
    assert await _mismatch(batch_ingest.submit(services, operator, BatchRequest([SALES]), "key")) == MISMATCH


async def test_keys_of_different_users_do_not_meet(services: Services, operator: Principal) -> None:
    async with services.database.transaction() as session:
        session.add(User(id="user_other", email="other@localhost", role=Role.OPERATOR))
    other = replace(operator, user_id="user_other")

    accepted = [await ingest.submit(services, who, SALES, "key") for who in (operator, other)]

    assert [each.replayed for each in accepted] == [False, False]


async def test_a_refused_request_does_not_use_up_its_key(services: Services, operator: Principal) -> None:
    with pytest.raises(UserFault, match="EMPTY_DATA"):
        await ingest.submit(services, operator, replace(SALES, text=" "), "key")
    assert not (await ingest.submit(services, operator, SALES, "key")).replayed


@pytest.mark.parametrize("key", ["", "k" * 201, "a\0"])
async def test_a_key_that_cannot_be_kept_is_refused(
    services: Services, operator: Principal, key: str
) -> None:
    with pytest.raises(UserFault, match="INVALID_ARGUMENT") as fault:
        await ingest.submit(services, operator, SALES, key)
    assert fault.value.path == ("idempotencyKey",)
    assert await jobs.total(services, JobFilter()) == 0


async def test_twenty_uploads_at_once_with_one_key_leave_one_file(
    services: Services, operator: Principal, arrive: Any
) -> None:
    arrived = [await arrive() for _ in range(AT_ONCE)]
    received = await asyncio.gather(
        *(files.receive(services, operator, incoming, key="key") for incoming in arrived)
    )

    [file_id] = {file.id for file in received}
    assert [incoming.key for incoming in arrived if incoming.claimed] == [f"files/{file_id}"]
    assert await files.total(services, FileFilter()) == 1


@pytest.mark.parametrize(
    "change", [{"content": b"a\n2\n"}, {"name": "other.csv"}, {"format": FileFormat.TSV}]
)
async def test_another_upload_with_the_same_key_is_refused_and_leaves_nothing(
    services: Services, operator: Principal, arrive: Any, change: dict[str, Any]
) -> None:
    await files.receive(services, operator, await arrive(), key="key")
    incoming = await arrive(**{name: value for name, value in change.items() if name != "format"})

    repeated = files.receive(services, operator, incoming, key="key", format=change.get("format"))

    assert await _mismatch(repeated) == MISMATCH
    assert not incoming.claimed
    assert await files.total(services, FileFilter()) == 1


async def test_an_upload_that_was_refused_may_be_sent_again_with_its_key(
    services: Services, operator: Principal, arrive: Any, inspector: Any
) -> None:
    usual = inspector.answer
    inspector.answer = TaskFault("CHILD_DIED", "It died.", "SYSTEM", retryable=True)
    with pytest.raises(files.UnusableFile):
        await files.receive(services, operator, await arrive(), key="key")
    inspector.answer = usual

    again, replayed = await arrive(), await arrive()
    file = await files.receive(services, operator, again, key="key")

    assert again.claimed
    assert (await files.receive(services, operator, replayed, key="key")).id == file.id
    assert not replayed.claimed


async def test_a_repeated_upload_that_was_damaged_on_its_way_may_be_sent_again(
    services: Services, operator: Principal, arrive: Any
) -> None:
    first = await arrive()
    await files.receive(services, operator, first, key="key", sha256=first.sha256)
    with pytest.raises(files.UnusableFile, match="CHECKSUM_MISMATCH") as fault:
        await files.receive(services, operator, await arrive(b"a\n7\n"), key="key", sha256=first.sha256)
    assert fault.value.retryable


async def test_twenty_batches_at_once_with_one_key_start_one(services: Services, operator: Principal) -> None:
    request = BatchRequest([SALES, replace(SALES, dataset="1st"), replace(SALES, text="a\n2\n")])
    batches = await asyncio.gather(
        *(batch_ingest.submit(services, operator, request, "key") for _ in range(AT_ONCE))
    )

    assert len({batch.job.id for batch in batches if batch.job}) == 1
    assert sorted(batch.replayed for batch in batches) == [False] + [True] * (AT_ONCE - 1)
    [answer] = {
        tuple((item.job and item.job.id, item.fault and str(item.fault)) for item in batch.items)
        for batch in batches
    }
    assert [fault for _, fault in answer if fault] == [
        "INVALID_NAME: A dataset's name is a letter and then up to 127 letters, digits, dots, - and _ (ASCII)."
    ]
    assert await jobs.total(services, JobFilter()) == 3


async def test_twenty_retries_at_once_with_one_key_start_one_job(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit()
    await end(await claim(job), TaskFault("EMPTY_FILE", "Nothing in it.", "DATA"))
    request = RetryRequest(job.id)

    accepted = await asyncio.gather(
        *(retries.retry(services, operator, request, "key") for _ in range(AT_ONCE))
    )

    assert len({each.job.id for each in accepted}) == 1
    assert await jobs.total(services, JobFilter()) == 2
    other = retries.retry(services, operator, replace(request, strategy=RetryStrategy.FAILED_ROWS), "key")
    assert await _mismatch(other) == MISMATCH


@pytest.mark.parametrize("value", [2**70, "\ud800"], ids=["a number beyond 64 bits", "half a character"])
async def test_a_request_that_cannot_be_stored_is_refused_with_a_key_as_without(
    services: Services, operator: Principal, value: object
) -> None:
    request = IngestRequest(dataset="sales", records=[{"a": value}])
    with pytest.raises(UserFault, match="INVALID_RECORDS"):
        await ingest.submit(services, operator, request, "key")
