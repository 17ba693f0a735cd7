"""Errors are kept for as long as the operator wants them, and then they are gone as if there had been none."""

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from headgate.domain import error_summary, retention, row_errors
from headgate.domain.error_summary import ErrorGroup
from headgate.domain.ledgers import ledger_key, resolved_key
from headgate.domain.retention import forget_errors
from headgate.domain.row_errors import ErrorFilter
from headgate.domain.services import Services
from headgate.storage.tables import Job, utc_now
from tests.domain.ledgers import an_error
from tests.domain.outcomes import reread
from tests.services import path_of

DAYS = 30.0
OLD, RECENT = timedelta(days=31), timedelta(days=29)
Age = Callable[..., Any]


@pytest.fixture
def age(services: Services) -> Age:
    """Let a job have ended so long ago, and its files be as old."""

    async def age(job: Job, ago: timedelta, *paths: Path) -> None:
        moment = utc_now() - ago
        async with services.database.transaction() as session:
            (await session.get_one(Job, job.id)).finished_at = moment
        for path in (path_of(services, ledger_key(job.id)), *paths):
            os.utime(path, (moment.timestamp(), moment.timestamp()))

    return age


async def rows(services: Services) -> list[int | None]:
    page = await row_errors.page(services, ErrorFilter(), 20, None)
    return [error.row for error in page.items]


async def test_errors_of_jobs_that_ended_long_ago_go_and_others_stay(
    services: Services, reject: Any, age: Age, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "JOBS_AT_ONCE", 1)
    old, older, recent = await reject(an_error(1)), await reject(an_error(2)), await reject(an_error(3))
    await age(old, OLD)
    await age(older, 2 * OLD)
    await age(recent, RECENT)

    assert await forget_errors(services, days=DAYS) == 2

    assert await rows(services) == [3]
    assert [(await reread(services, job)).has_errors for job in (old, older, recent)] == [False, False, True]
    kept = [await services.store.exists(ledger_key(job.id)) for job in (old, older, recent)]
    assert kept == [False, False, True]
    [group] = await error_summary.of_filter(services, ErrorFilter(), [ErrorGroup.CODE])
    assert group.count == 1
    assert await forget_errors(services, days=DAYS) == 0


async def test_nothing_goes_where_errors_are_kept_for_ever(services: Services, reject: Any, age: Age) -> None:
    await age(await reject(an_error(1)), 1000 * OLD)
    assert await forget_errors(services, days=0) == 0
    assert await rows(services) == [1]


async def test_what_a_job_resolved_stays_as_long_as_that_job(
    services: Services, reject: Any, age: Age, resolve: Any
) -> None:
    first, later = await reject(an_error(1), an_error(2)), await reject(an_error(9))
    resolved = path_of(services, resolved_key(later.id))
    path_of(services, resolved_key(await resolve(first, 1))).rename(resolved)
    await age(first, OLD)
    await age(later, RECENT, resolved)
    await forget_errors(services, days=DAYS)
    assert resolved.exists()
    assert (await reread(services, first)).resolved_by == []

    await age(later, OLD, resolved)
    await forget_errors(services, days=DAYS)
    assert not resolved.exists()


async def test_the_ledger_of_a_job_that_is_not_known_to_have_errors_goes_too(
    services: Services, reject: Any, age: Age
) -> None:
    job = await reject(an_error(1), rejected=0)
    await age(job, OLD)
    assert await forget_errors(services, days=DAYS) == 0
    assert not await services.store.exists(ledger_key(job.id))


async def test_the_ledger_of_a_running_job_stays(services: Services, submit: Any, claim: Any) -> None:
    held = await claim(await submit())
    path = path_of(services, ledger_key(held.job_id))
    path.parent.mkdir(parents=True)
    path.touch()
    os.utime(path, (0, 0))
    await forget_errors(services, days=DAYS)
    assert path.exists()
