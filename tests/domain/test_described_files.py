"""A file is read anew as somebody says, and never under the hands of a job that reads it."""

from dataclasses import replace
from typing import Any

import pytest

from headgate.domain import deleted_files, described_files, files
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.errors import JobFault, UserFault
from headgate.pipelines.dialect import GivenDialect
from headgate.storage.formats import FileFormat
from headgate.storage.ids import new_id
from headgate.storage.tables import File, Role
from tests.domain.conftest import Arrive, Submit, TakeJob, ToldEngine
from tests.domain.outcomes import no_bad_rows


@pytest.fixture
async def file(services: Services, operator: Principal, arrive: Arrive) -> File:
    return await files.receive(services, operator, await arrive())


async def kept(services: Services, file: File) -> File:
    found = await files.get(services, file.id)
    assert found is not None
    return found


async def refusal(
    services: Services, principal: Principal, file_id: str, **known: Any
) -> tuple[str, tuple[str, ...]]:
    with pytest.raises(UserFault) as refused:
        await described_files.describe_again(services, principal, file_id, **known)
    return refused.value.code, refused.value.path


async def test_what_is_given_goes_to_the_engine_and_what_it_finds_is_kept(
    services: Services, operator: Principal, file: File, inspector: ToldEngine
) -> None:
    found = {"format": "TSV", "dialect": {"encoding": "utf-8", "delimiter": "\t"}, "columns": []}
    inspector.answer = found
    given = GivenDialect(delimiter="\t")
    await described_files.describe_again(services, operator, file.id, format=FileFormat.TSV, dialect=given)
    task = inspector.tasks[-1]
    assert (task["format"], task["dialect"], task["given_dialect"]) == ("TSV", None, given.to_json())
    after = await kept(services, file)
    assert (after.format, after.dialect, after.columns) == (FileFormat.TSV, found["dialect"], [])


async def test_where_it_cannot_be_read_so_it_stays_as_it_was(
    services: Services, operator: Principal, file: File, inspector: ToldEngine
) -> None:
    inspector.answer = JobFault("FORMAT_MISMATCH", "No Parquet.", "DATA")
    code = await refusal(services, operator, file.id, format=FileFormat.PARQUET)
    assert code == ("FORMAT_MISMATCH", ("id",))
    wrong = GivenDialect(delimiter="abc")
    code = await refusal(services, operator, file.id, dialect=wrong)
    assert code == ("INVALID_DIALECT", ("dialect", "delimiter"))
    after = await kept(services, file)
    assert (after.format, after.dialect, after.columns) == (file.format, file.dialect, file.columns)


async def test_it_waits_for_the_end_of_every_job_that_reads_it(
    services: Services, operator: Principal, file: File, submit: Submit, claim: TakeJob, end: Any
) -> None:
    job = await submit(file_id=file.id)
    assert await refusal(services, operator, file.id) == ("FILE_IN_USE", ("id",))
    await end(await claim(job), no_bad_rows())
    await described_files.describe_again(services, operator, file.id)


async def test_what_is_no_file_and_who_may_not_is_refused(
    services: Services, operator: Principal, file: File
) -> None:
    viewer = replace(operator, role=Role.VIEWER)
    assert (await refusal(services, viewer, file.id))[0] == "FORBIDDEN"
    assert (await refusal(services, operator, "x"))[0] == "INVALID_ID"
    assert (await refusal(services, operator, new_id("file")))[0] == "NOT_FOUND"
    await deleted_files.delete(services, operator, file.id)
    assert (await refusal(services, operator, file.id))[0] == "FILE_NOT_READY"
