"""Lists of a job's events."""

from sqlmodel import col, select

from headgate.domain.events import decode_event_cursor, event_cursor
from headgate.domain.pages import Keyset, Page, read_page
from headgate.domain.queries import count_rows
from headgate.domain.services import Services
from headgate.storage.tables import JobEvent


def _position(cursor: str) -> tuple[int]:
    return (decode_event_cursor(cursor),)


IN_ORDER: Keyset[JobEvent] = Keyset((JobEvent.number,), event_cursor, _position)


async def page(services: Services, job_id: str, first: int, after: str | None) -> Page[JobEvent]:
    """List a job's events in the order in which they happened; raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR)."""
    statement = select(JobEvent).where(col(JobEvent.job_id) == job_id)
    return await read_page(services.database, statement, IN_ORDER, first=first, after=after)


async def total(services: Services, job_id: str) -> int:
    """Count the events of a job."""
    return await count_rows(services.database, JobEvent, [col(JobEvent.job_id) == job_id])
