"""Errors are listed over one job or many: newest job first, then in row order."""

from datetime import timedelta
from typing import Any

import pytest

from headgate.domain import row_errors
from headgate.domain.pages import encode_cursor
from headgate.domain.row_errors import ErrorFilter, ledger_key
from headgate.domain.services import Services
from headgate.errors import UserFault
from tests.domain.ledgers import an_error, write_ledger
from tests.services import path_of

UNKNOWN_JOB = "job_01h455vb4pex5vsknk084sn02q"


async def listed(services: Services, first: int = 20, **wanted: Any) -> list[tuple[str, int | None]]:
    page = await row_errors.page(services, ErrorFilter(**wanted), first, None)
    assert await row_errors.total(services, ErrorFilter(**wanted)) >= len(page.items)
    return [(error.job_id, error.row) for error in page.items]


async def test_an_error_tells_everything(services: Services, reject: Any) -> None:
    job = await reject(an_error(3, line=4, value="x", check="type", suggestion="0"))
    [error] = (await row_errors.page(services, ErrorFilter(), 20, None)).items
    assert error == row_errors.RowError(
        id=f"{job.id}:3:{error.id[-8:]}",
        job_id=job.id,
        number=0,
        row=3,
        line=4,
        column="age",
        value="x",
        code="TYPE",
        check="type",
        severity="ERROR",
        message="no number",
        suggestion="0",
        record={"age": "x"},
    )


async def test_pages_go_over_many_jobs_without_a_gap(services: Services, reject: Any) -> None:
    older = await reject(*(an_error(row) for row in range(1, 4)))
    newer = await reject(*(an_error(row) for row in range(1, 5)))
    expected = [(newer.id, row) for row in range(1, 5)] + [(older.id, row) for row in range(1, 4)]

    seen: list[tuple[str, int | None]] = []
    after = None
    while len(seen) < len(expected):
        page = await row_errors.page(services, ErrorFilter(), 3, after)
        seen += [(error.job_id, error.row) for error in page.items]
        after = page.cursor(page.items[-1])

    assert seen == expected
    assert not page.has_next
    assert await row_errors.total(services, ErrorFilter()) == 7


async def test_a_filter_joins_its_conditions(services: Services, reject: Any) -> None:
    sales = await reject(an_error(1), an_error(2, column="name", code="REQUIRED"))
    other = await reject(an_error(5, severity="WARNING"), dataset="other")

    assert await listed(services, job=sales.id) == [(sales.id, 1), (sales.id, 2)]
    assert await listed(services, dataset="other") == [(other.id, 5)]
    assert await listed(services, code=["REQUIRED"]) == [(sales.id, 2)]
    assert await listed(services, column=["age"], severity="ERROR") == [(sales.id, 1)]
    assert await listed(services, row=5) == [(other.id, 5)]
    assert await listed(services, since=other.created_at) == [(other.id, 5)]
    assert await listed(services, since=other.created_at + timedelta(microseconds=1)) == []


async def test_jobs_without_errors_or_without_a_ledger_are_passed_over(
    services: Services, reject: Any, submit: Any
) -> None:
    job = await reject(an_error(1))
    await services.store.delete(ledger_key(job.id))
    await submit()
    assert await listed(services) == []


@pytest.mark.parametrize("after", ["", "x", encode_cursor(UNKNOWN_JOB), encode_cursor(f"{UNKNOWN_JOB}:-1")])
async def test_a_cursor_of_something_else_is_refused(services: Services, after: str) -> None:
    with pytest.raises(UserFault, match="INVALID_CURSOR"):
        await row_errors.page(services, ErrorFilter(), 20, after)


async def test_a_job_is_named_by_its_id(services: Services) -> None:
    with pytest.raises(UserFault, match="INVALID_ID"):
        await row_errors.page(services, ErrorFilter(job="1"), 20, None)


async def test_the_id_of_an_error_tells_it_from_others_of_its_row(services: Services, reject: Any) -> None:
    faults: tuple[dict[str, Any], ...] = (
        {},
        {"column": "name"},
        {"code": "REQUIRED"},
        {"check": "range"},
        {"column": None},
    )
    await reject(*(an_error(1, **fault) for fault in faults))
    ids = {error.id for error in (await row_errors.page(services, ErrorFilter(), 20, None)).items}
    assert len(ids) == len(faults)


async def test_the_id_of_an_error_has_nothing_to_do_with_the_errors_beside_it(
    services: Services, reject: Any
) -> None:
    job = await reject(an_error(1), an_error(2, value="x"))
    [_, before] = (await row_errors.page(services, ErrorFilter(), 20, None)).items
    write_ledger(path_of(services, ledger_key(job.id)), [an_error(2, value="y", message="Other words.")])
    [after] = (await row_errors.page(services, ErrorFilter(), 20, None)).items
    assert before.id == after.id


async def test_errors_of_rows_that_a_later_job_resolved_are_open_no_more(
    services: Services, reject: Any, resolve: Any
) -> None:
    job = await reject(an_error(None, code="ROW_COUNT"), *(an_error(row) for row in range(1, 6)))
    await resolve(job, 2, 4)
    await resolve(job, 1)
    assert await listed(services) == [(job.id, None), (job.id, 3), (job.id, 5)]
    assert await row_errors.total(services, ErrorFilter()) == 3


async def test_a_page_goes_on_where_it_was_when_rows_are_resolved_meanwhile(
    services: Services, reject: Any, resolve: Any
) -> None:
    job = await reject(*(an_error(row) for row in range(1, 6)))
    page = await row_errors.page(services, ErrorFilter(), 2, None)
    await resolve(job, 1, 2, 3)
    page = await row_errors.page(services, ErrorFilter(), 2, page.cursor(page.items[-1]))
    assert [error.row for error in page.items] == [4, 5]


async def test_a_job_with_nothing_but_a_finding_is_found(services: Services, reject: Any) -> None:
    job = await reject(an_error(None, column=None, code="ROW_COUNT"), rejected=0, errors=1)
    assert await listed(services) == [(job.id, None)]
