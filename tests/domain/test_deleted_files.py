"""A file that is deleted has no bytes any more, and is never taken from a job that reads it."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlmodel import select

from headgate.domain import deleted_files, files
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.ids import new_id
from headgate.storage.tables import AuditEntry, File, FileStatus, Job, Role
from tests.domain.conftest import Arrive, Submit, TakeJob
from tests.domain.outcomes import FAULT, no_bad_rows


@pytest.fixture
async def file(services: Services, operator: Principal, arrive: Arrive) -> File:
    return await files.receive(services, operator, await arrive())


async def reread(services: Services, file: File) -> File:
    found = await files.get(services, file.id)
    assert found is not None
    return found


async def refusal(services: Services, principal: Principal, file_id: str) -> str:
    with pytest.raises(UserFault) as refused:
        await deleted_files.delete(services, principal, file_id)
    return refused.value.code


async def test_the_bytes_go_and_the_row_stays(services: Services, operator: Principal, file: File) -> None:
    assert await deleted_files.delete(services, operator, file.id) == file.id
    left = await reread(services, file)
    assert (left.status, left.storage_key, left.sha256) == (FileStatus.EXPIRED, None, file.sha256)
    assert not await services.store.exists(f"files/{file.id}")


async def test_it_is_told_in_the_audit_log_once(services: Services, operator: Principal, file: File) -> None:
    for _ in range(2):
        assert await deleted_files.delete(services, operator, file.id) == file.id
    deletions = select(AuditEntry).where(AuditEntry.action == "deleteFile")
    async with services.database.read() as session:
        [entry] = (await session.scalars(deletions)).all()
    assert (entry.target, entry.actor_id) == (file.id, operator.user_id)


@pytest.mark.parametrize("outcome", [no_bad_rows(), FAULT], ids=["well", "failed"])
async def test_it_waits_for_the_end_of_every_job_that_reads_it(
    services: Services,
    operator: Principal,
    file: File,
    submit: Submit,
    claim: TakeJob,
    end: Any,
    outcome: Any,
) -> None:
    job = await submit(file_id=file.id)
    assert await refusal(services, operator, file.id) == "FILE_IN_USE"
    held = await claim(job)
    assert await refusal(services, operator, file.id) == "FILE_IN_USE"
    await end(held, outcome)
    await deleted_files.delete(services, operator, file.id)
    with pytest.raises(UserFault, match="FILE_NOT_READY"):
        await submit(file_id=file.id)


async def test_of_a_job_and_a_deletion_at_the_same_time_one_is_refused(
    services: Services, operator: Principal, arrive: Arrive, submit: Submit
) -> None:
    received = [await files.receive(services, operator, await arrive(b"a\n%d\n" % n)) for n in range(8)]
    works = [
        work
        for file in received
        for work in (submit(file_id=file.id), deleted_files.delete(services, operator, file.id))
    ]
    outcomes = await asyncio.gather(*works, return_exceptions=True)
    for number, file in enumerate(received):
        job, deleted = outcomes[2 * number : 2 * number + 2]
        codes = [each.code for each in (job, deleted) if isinstance(each, UserFault)]
        assert codes in (["FILE_NOT_READY"], ["FILE_IN_USE"])
        assert await services.store.exists(f"files/{file.id}") == isinstance(job, Job)


async def test_one_that_is_still_coming_in_is_refused(
    services: Services, operator: Principal, file: File
) -> None:
    async with services.database.transaction() as session:
        (await session.get_one(File, file.id)).status = FileStatus.RECEIVING
    assert await refusal(services, operator, file.id) == "FILE_NOT_READY"


async def test_what_is_no_file_and_who_may_not_delete_is_refused(
    services: Services, operator: Principal, file: File
) -> None:
    assert await refusal(services, operator, "x") == "INVALID_ID"
    assert await refusal(services, operator, new_id("file")) == "NOT_FOUND"
    assert await refusal(services, replace(operator, role=Role.VIEWER), file.id) == "FORBIDDEN"
