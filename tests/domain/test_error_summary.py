"""Errors are counted by what they have in common, over one job or many."""

from typing import Any

import pytest

from headgate.domain import error_summary, row_errors
from headgate.domain.error_summary import ErrorCount, ErrorGroup
from headgate.domain.row_errors import ErrorFilter, Place
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.ids import new_id
from tests.domain.ledgers import an_error

BY_CODE = [ErrorGroup.CODE]
BY_CELL = [ErrorGroup.CODE, ErrorGroup.COLUMN]


async def test_groups_come_with_counts_rows_and_first_samples_the_largest_first(
    services: Services, reject: Any
) -> None:
    job = await reject(
        an_error(1, code="RANGE", check="range"),
        *(an_error(row) for row in range(1, 6)),
        an_error(5, column="name"),
        an_error(6, column=None, code="STRUCTURE"),
    )
    groups = await error_summary.of_filter(services, ErrorFilter(job=job.id), BY_CELL)
    assert groups == [
        ErrorCount(code="TYPE", column="age", count=5, rows=5, samples=[Place(job.id, n) for n in (1, 2, 3)]),
        ErrorCount(code="RANGE", column="age", count=1, rows=1, samples=[Place(job.id, 0)]),
        ErrorCount(code="STRUCTURE", column=None, count=1, rows=1, samples=[Place(job.id, 7)]),
        ErrorCount(code="TYPE", column="name", count=1, rows=1, samples=[Place(job.id, 6)]),
    ]


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ([ErrorGroup.CODE], {("TYPE", None, None, None): (3, 2), ("RANGE", None, None, None): (1, 1)}),
        ([ErrorGroup.COLUMN], {(None, "age", None, None): (3, 2), (None, "name", None, None): (1, 1)}),
        ([ErrorGroup.CHECK], {(None, None, None, None): (3, 2), (None, None, "range", None): (1, 1)}),
        (
            [ErrorGroup.SEVERITY] * 2,
            {(None, None, None, "ERROR"): (3, 2), (None, None, None, "WARNING"): (1, 1)},
        ),
    ],
)
async def test_any_groups_can_be_asked_for(
    services: Services, reject: Any, by: list[ErrorGroup], expected: dict[Any, Any]
) -> None:
    job = await reject(
        an_error(1),
        an_error(1, column="name"),
        an_error(2),
        an_error(2, code="RANGE", check="range", severity="WARNING"),
    )
    groups = await error_summary.of_filter(services, ErrorFilter(job=job.id), by)
    found = {(each.code, each.column, each.check, each.severity): (each.count, each.rows) for each in groups}
    assert found == expected


async def test_jobs_are_added_up_and_samples_are_those_of_the_newest(services: Services, reject: Any) -> None:
    older = await reject(*(an_error(row) for row in (1, 2, 3)))
    newer = await reject(an_error(1), an_error(1, column="name"))
    [group] = await error_summary.of_filter(services, ErrorFilter(), BY_CODE)
    assert (group.count, group.rows) == (5, 4)
    assert group.samples == [Place(newer.id, 0), Place(newer.id, 1), Place(older.id, 0)]


async def test_only_what_the_filter_matches_and_is_open_is_counted(
    services: Services, reject: Any, resolve: Any
) -> None:
    job = await reject(*(an_error(row) for row in (1, 2, 3)), an_error(3, column="name"))
    await resolve(job, 2)
    [group] = await error_summary.of_filter(services, ErrorFilter(column=["age"]), BY_CODE)
    assert (group.count, group.rows) == (2, 2)
    assert await error_summary.of_filter(services, ErrorFilter(row=2), BY_CODE) == []


async def test_each_of_many_jobs_has_a_summary_of_its_own(
    services: Services, reject: Any, submit: Any
) -> None:
    one, two, none = await reject(an_error(1)), await reject(an_error(1), an_error(2)), await submit()
    found = await error_summary.of_jobs(services, [one.id, two.id, none.id, new_id("job")], BY_CODE)
    assert {job_id: group.count for job_id, [group] in found.items()} == {one.id: 1, two.id: 2}


async def test_samples_are_read_together_but_for_those_that_are_open_no_more(
    services: Services, reject: Any, resolve: Any
) -> None:
    one, two = await reject(an_error(None), an_error(4)), await reject(an_error(1), an_error(2))
    await resolve(two, 1)
    places = [Place(one.id, 0), Place(one.id, 1), Place(two.id, 0), Place(two.id, 1), Place(two.id, 9)]
    found = await row_errors.at(services, places)
    assert {place: error.row for place, error in found.items()} == {
        places[0]: None,
        places[1]: 4,
        places[3]: 2,
    }


async def test_no_group_at_all_is_refused(services: Services) -> None:
    with pytest.raises(UserFault, match="INVALID_ARGUMENT"):
        await error_summary.of_filter(services, ErrorFilter(), [])
