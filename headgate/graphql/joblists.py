"""Lists of jobs, for the types that jobs refer to and that have jobs themselves."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, cast

import strawberry

from headgate.domain import jobs
from headgate.domain.joblists import JobList
from headgate.domain.jobs import JobFilter
from headgate.graphql.context import Info
from headgate.graphql.enums import JobOrder
from headgate.graphql.nodes import Node
from headgate.graphql.pagination import Connection, connect, first_or_default

if TYPE_CHECKING:
    from headgate.graphql.jobs import Job

LazyJob = Annotated["Job", strawberry.lazy("headgate.graphql.jobs")]
"""A job, for modules that the module of jobs imports itself."""


async def list_jobs(
    info: Info, wanted: JobFilter, order: JobOrder, first: int | None, after: str | None
) -> Connection[LazyJob]:
    """List the jobs that a filter matches, as a connection."""
    services = info.context.services
    page = await jobs.page(services, wanted, order, first_or_default(first), after)
    return connect(page, job_type().from_row, after=after, count=partial(jobs.total, services, wanted))


async def list_owned_jobs(
    info: Info, wanted: JobList, owner_id: str, after: str | None
) -> Connection[LazyJob]:
    """List the jobs of an owner; the first pages of all owners in one operation come in one query."""
    if after is not None:
        return await list_jobs(info, wanted.filter_of(owner_id), wanted.order, wanted.first, after)
    loaders = info.context.loaders
    page = await loaders.jobs(wanted, owner_id)
    return connect(page, job_type().from_row, after=None, count=partial(loaders.job_total, wanted, owner_id))


def job_type() -> "type[Job]":
    """Look up the type of jobs, which cannot be imported here."""
    return cast("type[Job]", Node.kinds["job"])
