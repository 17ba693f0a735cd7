"""The audit log: who changed access, pipelines, endpoints or data; it can only grow."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain.ids import is_storable
from headgate.domain.pages import EPOCH, Keyset, Page, read_page
from headgate.domain.permissions import Principal
from headgate.domain.queries import by_ids, count_rows, is_one_of
from headgate.domain.services import Services
from headgate.storage.ids import first_id, is_id, new_id
from headgate.storage.tables import AuditEntry


@dataclass(frozen=True, slots=True)
class Claimant:
    """Whoever has not shown who they are: the user whose address they gave, or a name for all of whom none is known."""

    name: str
    user_id: str | None = None


Actor = Principal | Claimant | str
"""Who does something: a user, somebody who would be one, or the name of what is none, such as SCHEDULE."""
SCHEDULE: Actor = "schedule"
MAX_TEXT_LENGTH = 500
CLOCK_STEP = timedelta(minutes=1)
"""The id of an entry is made before its moment is taken; a clock that is set meanwhile moves by no more than this."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What somebody is about to do, for those who do it later in a transaction of theirs; as `record` takes it."""

    actor: Actor
    action: str
    target: str | None = None
    details: Mapping[str, Any] | None = None

    def record(self, session: AsyncSession) -> None:
        """Note it in the transaction in which it is done."""
        record(session, self.actor, self.action, self.target, self.details)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries to list; an empty field matches all. `actor` is a name, or the id of a user."""

    actor: str | None = None
    action: str | None = None
    since: datetime | None = None


def record(
    session: AsyncSession,
    actor: Actor,
    action: str,
    target: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Note what somebody does in the transaction in which they do it: both are kept, or neither.

    `action` is named like the operation of the API, `target` names or identifies what it was done to. `details` is
    JSON, and holds no secret. An API key that stood for its user is told there too. `target`, and the name of an
    `actor` who is no user, may be any text: what no database keeps of it is replaced, and what is too long cut off.
    """
    name, user_id, known = _told(actor)
    session.add(
        AuditEntry(
            id=new_id("audit"),
            actor=_kept(name),
            actor_id=user_id,
            action=action,
            target=None if target is None else _kept(target),
            details={**(details or {}), **known} if details is not None or known else None,
        )
    )


async def page(services: Services, wanted: AuditFilter, first: int, after: str | None) -> Page[AuditEntry]:
    """List entries, newest first; raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR)."""
    statement = select(AuditEntry).where(*_conditions(wanted))
    keyset: Keyset[AuditEntry] = Keyset.by_id(AuditEntry.id, "audit")
    return await read_page(services.database, statement, keyset, first=first, after=after)


async def total(services: Services, wanted: AuditFilter) -> int:
    """Count the entries that the filter matches."""
    return await count_rows(services.database, AuditEntry, _conditions(wanted))


async def get_many(services: Services, entry_ids: Collection[str]) -> dict[str, AuditEntry]:
    """Find entries by id, in one query; unknown ids are left out."""
    return await by_ids(services.database, AuditEntry, entry_ids)


def _told(actor: Actor) -> tuple[str, str | None, dict[str, str]]:
    """What somebody is called, their id where they are a user, and what else is known of them."""
    if isinstance(actor, str):
        return actor, None, {}
    if isinstance(actor, Claimant):
        return actor.name, actor.user_id, {}
    known = {"apiKey": actor.key_id} if actor.key_id is not None else {}
    return actor.name or actor.user_id, actor.user_id, known


def _kept(text: str) -> str:
    if not is_storable(text):
        text = text.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text[:MAX_TEXT_LENGTH]


def _conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.actor is not None:
        is_user = is_id(wanted.actor, "user")
        column = AuditEntry.actor_id if is_user else AuditEntry.actor
        conditions.append(is_one_of(column, [wanted.actor]))
    if wanted.action is not None:
        conditions.append(is_one_of(AuditEntry.action, [wanted.action]))
    if wanted.since is not None:
        # Ids sort by time, and are what the indexes end with: without them the last page would read the whole log.
        earliest = first_id("audit", max(wanted.since, EPOCH) - CLOCK_STEP)
        conditions += [col(AuditEntry.id) >= earliest, col(AuditEntry.at) >= wanted.since]
    return conditions
