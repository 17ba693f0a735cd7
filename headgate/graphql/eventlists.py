"""Lists of events, for the type of jobs, which that of events refers to."""

from functools import partial
from typing import TYPE_CHECKING, Annotated, cast

import strawberry

from headgate.domain import eventlists
from headgate.domain.event_reader import Told
from headgate.graphql.context import Info
from headgate.graphql.pagination import Connection, connect, first_or_default
from headgate.storage import tables

if TYPE_CHECKING:
    from headgate.graphql.events import JobEvent

LazyJobEvent = Annotated["JobEvent", strawberry.lazy("headgate.graphql.events")]
"""An event, for modules that the module of events imports itself."""


async def list_events(
    info: Info, job: tables.Job, first: int | None, after: str | None
) -> Connection[LazyJobEvent]:
    """List the events of a job, as a connection."""
    services = info.context.services
    page = await eventlists.page(services, job.id, first_or_default(first), after)
    event_type = _event_type(info)
    return connect(
        page,
        lambda event: event_type.from_told(Told(event, job)),
        after=after,
        count=partial(eventlists.total, services, job.id),
    )


def _event_type(info: Info) -> "type[JobEvent]":
    """Look up the type of events, which cannot be imported here."""
    found = info.schema.get_type_by_name("JobEvent")
    return cast("type[JobEvent]", getattr(found, "origin", None))
