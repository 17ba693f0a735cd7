"""The records of a batch on their way from the database to the store, where its job reads them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, update
from sqlmodel import col, select

from headgate.domain.acceptance import input_key
from headgate.domain.happenings import FINAL
from headgate.domain.services import Services
from headgate.errors import JobFault
from headgate.storage.tables import Append, IdempotencyKey, Job, utc_now

APPENDED = "appended"
"""What marks the input of a job, in its spec, as records that were appended."""
READ_BYTES = 8 * 1024**2
"""So many bytes of compressed records, about, are read at once."""
FORGOTTEN_AT_ONCE = 500
KEPT_FOR = timedelta(days=7)
"""So long a call is answered again to who repeats it with its key, and a batch that was canceled can be retried."""


class _Gone(Exception):
    """Another worker has written the input meanwhile, and removed what it was made of."""


async def collect(services: Services, job: Job, given: Mapping[str, Any]) -> None:
    """Write the records of a batch to the store, in the order in which they were accepted, unless they are there.

    `given` is what the job's spec says of its input. Done again after a crash this comes to the same. Raises JobFault
    (INPUT_GONE) for records that are kept no more.
    """
    if not given.get(APPENDED):
        return
    owner = given.get("job", job.id)
    if not await services.store.exists(input_key(owner)):
        try:
            await _write(services, owner)
        except _Gone:
            if not await services.store.exists(input_key(owner)):
                message = "The records of this batch were kept for some days, and are gone. Send them again."
                raise JobFault("INPUT_GONE", message, "DATA") from None
    await _drop(services, owner)


async def _write(services: Services, job_id: str) -> None:
    """Write compressed records one behind the other, as which readers of packed text take them."""
    async with services.store.writer(input_key(job_id)) as writer:
        async for records in _payloads(services, job_id):
            await writer.write(records)


async def _payloads(services: Services, job_id: str) -> AsyncIterator[bytes]:
    """The records of each call, compressed. Raises _Gone where any are missing."""
    of_batch = (col(Append.job_id) == job_id, col(Append.row_count) > 0)
    length = func.length(col(Append.records))
    statement = select(Append.number, length).where(*of_batch).order_by(col(Append.number))
    async with services.database.read() as session:
        sizes = [(number or 0, size) for number, size in await session.execute(statement)]
    if not sizes or any(size is None for _, size in sizes):
        raise _Gone
    for numbers in _groups(sizes):
        within = col(Append.number).between(numbers[0], numbers[-1])
        chosen = select(Append.records).where(*of_batch, within).order_by(col(Append.number))
        async with services.database.read() as session:
            found = (await session.scalars(chosen)).all()
        if len(found) < len(numbers) or None in found:
            raise _Gone
        for records in found:
            yield records or b""


def _groups(sizes: Sequence[tuple[int, int]]) -> list[list[int]]:
    """The numbers of calls, those together that are read at once."""
    groups: list[list[int]] = [[]]
    room = READ_BYTES
    for number, size in sizes:
        if groups[-1] and size > room:
            groups.append([])
            room = READ_BYTES
        groups[-1].append(number)
        room -= size
    return groups


async def _drop(services: Services, job_id: str) -> None:
    """Remove what is in the store by now; what a call is answered again stays."""
    of_batch = (col(Append.job_id) == job_id, col(Append.records).is_not(None))
    async with services.database.read() as session:
        if (await session.scalars(select(Append.number).where(*of_batch).limit(1))).first() is None:
            return
    async with services.database.transaction() as session:
        await session.execute(delete(Append).where(*of_batch, col(Append.is_keyed).is_(False)))
        await session.execute(update(Append).where(*of_batch).values(records=None))


async def forget_appends(services: Services) -> int:
    """Remove calls of long ago with their keys, but for those whose batch has not ended; answers how many."""
    forgotten = 0
    while found := await _old(services):
        async with services.database.transaction() as session:
            await session.execute(
                delete(IdempotencyKey).where(col(IdempotencyKey.subject_id).in_([id for _, id in found]))
            )
            await session.execute(
                delete(Append).where(col(Append.number).in_([number for number, _ in found]))
            )
        forgotten += len(found)
    return forgotten


async def _old(services: Services) -> Sequence[tuple[int, str]]:
    statement = (
        select(Append.number, Append.id)
        .join(Job, col(Job.id) == col(Append.job_id), isouter=True)
        .where(col(Append.created_at) < utc_now() - KEPT_FOR, _has_ended())
        .limit(FORGOTTEN_AT_ONCE)
    )
    async with services.database.read() as session:
        return [(number or 0, id) for number, id in await session.execute(statement)]


def _has_ended() -> ColumnElement[bool]:
    return col(Append.job_id).is_(None) | col(Job.status).in_(FINAL)
