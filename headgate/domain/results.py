"""Results: what jobs and clients stored, to be found again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import quote, unquote

import orjson
from sqlalchemy import ColumnElement, Text, cast, func
from sqlmodel import col, select

from headgate.domain.ids import is_storable, require_id
from headgate.domain.pages import Keyset, Page, decode_cursor, encode_cursor, invalid_cursor, read_page
from headgate.domain.queries import by_id, by_ids, contains, count_rows, is_one_of
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.ids import is_id
from headgate.storage.tables import Dataset, Job, Pipeline, Result, ResultKind

MAX_TAGS = 20


class ResultOrder(StrEnum):
    """The order of a list of results."""

    CREATED_AT_DESC = "CREATED_AT_DESC"
    CREATED_AT_ASC = "CREATED_AT_ASC"
    NAME_ASC = "NAME_ASC"


@dataclass(frozen=True, slots=True)
class ResultFilter:
    """Which results to list; an empty field matches all.

    `pipeline` and `dataset` are names, `job` is an id; `name_contains` ignores case. A result has all of the `tags`.
    """

    kind: Collection[ResultKind] = ()
    job: str | None = None
    pipeline: str | None = None
    dataset: str | None = None
    name_contains: str | None = None
    tags: Collection[str] = ()
    created_after: datetime | None = None
    created_before: datetime | None = None


async def get(services: Services, result_id: str) -> Result | None:
    """Find a result; raises UserFault (INVALID_ID) for what is no result's id."""
    require_id(result_id, "result")
    return await by_id(services.database, Result, result_id)


async def get_many(services: Services, result_ids: Collection[str]) -> dict[str, Result]:
    """Find results by id, in one query; unknown ids are left out."""
    return await by_ids(services.database, Result, result_ids)


async def of_jobs(services: Services, job_ids: Collection[str]) -> dict[str, Result]:
    """Find the result that each of these jobs stored itself, in one query; the newest where a job has several."""
    own = (col(Result.job_id).in_(job_ids), col(Result.kind) != ResultKind.CUSTOM)
    newest = select(func.max(Result.id)).where(*own).group_by(col(Result.job_id))
    async with services.database.read() as session:
        found = await session.scalars(select(Result).where(col(Result.id).in_(newest)))
        return {str(result.job_id): result for result in found}


async def page(
    services: Services, wanted: ResultFilter, order: ResultOrder, first: int, after: str | None
) -> Page[Result]:
    """List results; raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR)."""
    if len(wanted.tags) > MAX_TAGS:
        message = f"No result has more than {MAX_TAGS} tags."
        raise UserFault("INVALID_ARGUMENT", message, ("filter", "tags"))
    statement = select(Result).where(*_conditions(wanted))
    return await read_page(services.database, statement, KEYSETS[order], first=first, after=after)


async def total(services: Services, wanted: ResultFilter) -> int:
    """Count the results that the filter matches."""
    return await count_rows(services.database, Result, _conditions(wanted))


def _conditions(wanted: ResultFilter) -> list[ColumnElement[bool]]:
    conditions = [*_links(wanted), *(_has_tag(tag) for tag in wanted.tags)]
    if wanted.kind:
        conditions.append(col(Result.kind).in_(wanted.kind))
    if wanted.name_contains:
        conditions.append(contains(Result.name, wanted.name_contains))
    if wanted.created_after is not None:
        conditions.append(col(Result.created_at) > wanted.created_after)
    if wanted.created_before is not None:
        conditions.append(col(Result.created_at) < wanted.created_before)
    return conditions


def _links(wanted: ResultFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.job is not None:
        found.append(is_one_of(Result.job_id, [wanted.job]))
    if wanted.dataset is not None:
        named = select(Dataset.id).where(is_one_of(Dataset.name, [wanted.dataset]))
        found.append(col(Result.dataset_id).in_(named))
    if wanted.pipeline is not None:
        named = select(Pipeline.id).where(is_one_of(Pipeline.name, [wanted.pipeline]))
        found.append(col(Result.job_id).in_(select(Job.id).where(col(Job.pipeline_id).in_(named))))
    return found


def _has_tag(tag: str) -> ColumnElement[bool]:
    """Match results with a tag: as it stands in the JSON of the list, quotes and all, which no tag has itself.

    Both databases can replace texts, and heed upper and lower case in that; no other test is the same on both.
    """
    tags = cast(col(Result.tags), Text)
    spelled = orjson.dumps(tag).decode() if is_storable(tag) else "\N{REPLACEMENT CHARACTER}"
    return func.replace(tags, spelled, "") != tags


def _name_cursor(result: Result) -> str:
    return encode_cursor(f"{result.id}:{quote(result.name)}")


def _name_position(cursor: str) -> tuple[str, str]:
    result_id, _, spelled = decode_cursor(cursor).partition(":")
    name = unquote(spelled, errors="surrogatepass")
    if not is_id(result_id, "result") or not is_storable(name):
        raise invalid_cursor()
    return name, result_id


KEYSETS: Mapping[ResultOrder, Keyset[Result]] = {
    ResultOrder.CREATED_AT_DESC: Keyset.by_id(Result.id, "result"),
    ResultOrder.CREATED_AT_ASC: Keyset.by_id(Result.id, "result", newest_first=False),
    ResultOrder.NAME_ASC: Keyset((Result.name, Result.id), _name_cursor, _name_position),
}
