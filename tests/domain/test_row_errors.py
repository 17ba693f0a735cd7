"""Errors are listed over one job or many: newest job first, then in row order."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from headgate.domain import row_errors
from headgate.domain.pages import encode_cursor
from headgate.domain.ports import TaskFault
from headgate.domain.row_errors import ErrorFilter, ledger_key
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.ids import new_id
from headgate.storage.ledger import SCHEMA
from headgate.storage.tables import Job


def an_error(row: int, **values: Any) -> dict[str, Any]:
    filled = {
        "column": "age",
        "code": "TYPE",
        "severity": "ERROR",
        "message": "no number",
        "record": '{"age":"x"}',
    }
    return dict.fromkeys(SCHEMA) | filled | {"row": row} | values


def write_ledger(path: Path, errors: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(errors, schema=SCHEMA).write_parquet(path)


@pytest.fixture
def reject(services: Services, submit: Any, claim: Any, end: Any) -> Any:
    """Make a job that has these errors."""

    async def reject(*errors: dict[str, Any], dataset: str = "sales") -> Job:
        held = await claim(await submit(dataset))
        write_ledger(services.store.path(ledger_key(held.job_id)), list(errors))
        counts = {"read": 9, "rejected": len(errors)}
        await end(held, TaskFault("TOO_MANY_REJECTED", "Too many.", "DATA", counts=counts))
        job: Job = held.job
        return job

    return reject


async def listed(services: Services, first: int = 20, **wanted: Any) -> list[tuple[str, int | None]]:
    page = await row_errors.page(services, ErrorFilter(**wanted), first, None)
    assert await row_errors.total(services, ErrorFilter(**wanted)) >= len(page.items)
    return [(error.job_id, error.row) for error in page.items]


async def test_an_error_tells_everything(services: Services, reject: Any) -> None:
    job = await reject(an_error(3, line=4, value="x", check="type", suggestion="0"))
    [error] = (await row_errors.page(services, ErrorFilter(), 20, None)).items
    assert error == row_errors.RowError(
        id=f"{job.id}:0",
        job_id=job.id,
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
        after = encode_cursor(page.items[-1].id)

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
    assert await listed(services, since=other.created_at) == []


async def test_jobs_without_errors_or_without_a_ledger_are_passed_over(
    services: Services, reject: Any, submit: Any
) -> None:
    job = await reject(an_error(1))
    await services.store.delete(ledger_key(job.id))
    await submit()
    assert await listed(services) == []


@pytest.mark.parametrize(
    "after", ["", "x", encode_cursor(new_id("job")), encode_cursor(f"{new_id('job')}:-1")]
)
async def test_a_cursor_of_something_else_is_refused(services: Services, after: str) -> None:
    with pytest.raises(UserFault, match="INVALID_CURSOR"):
        await row_errors.page(services, ErrorFilter(), 20, after)


async def test_a_job_is_named_by_its_id(services: Services) -> None:
    with pytest.raises(UserFault, match="INVALID_ID"):
        await row_errors.page(services, ErrorFilter(job="1"), 20, None)
