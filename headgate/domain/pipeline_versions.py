"""The versions of pipelines, the newest first."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlmodel import select

from headgate.domain.pages import (
    NUMBER,
    Keyset,
    Page,
    check_first,
    decode_cursor,
    encode_cursor,
    invalid_cursor,
    read_page,
)
from headgate.domain.queries import is_one_of
from headgate.domain.services import Services
from headgate.storage.rows_of_jobs import table_of
from headgate.storage.tables import PipelineVersion

LARGEST = 2**31 - 1
VERSIONS = table_of(PipelineVersion)


async def page(services: Services, pipeline_id: str, first: int, after: str | None) -> Page[PipelineVersion]:
    """List the versions of a pipeline; raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR)."""
    statement = select(PipelineVersion).where(PipelineVersion.pipeline_id == pipeline_id)
    return await read_page(services.database, statement, KEYSET, first=first, after=after)


async def pages(
    services: Services, pipeline_ids: Collection[str], *, first: int
) -> dict[str, Page[PipelineVersion]]:
    """Read the first page of each pipeline's versions, in one query; raises UserFault (INVALID_ARGUMENT)."""
    check_first(first)
    place = sa.func.row_number().over(partition_by=VERSIONS.c.pipeline_id, order_by=VERSIONS.c.version.desc())
    of_pipelines = is_one_of(PipelineVersion.pipeline_id, pipeline_ids)
    numbered = sa.select(VERSIONS, place.label("place")).where(of_pipelines).subquery()
    statement = sa.select(numbered).where(numbered.c.place <= first + 1).order_by(numbered.c.version.desc())
    found: dict[str, list[Any]] = defaultdict(list)
    async with services.database.read() as session:
        for row in await session.execute(statement):
            found[row.pipeline_id].append(row)
    return {pipeline_id: Page.cut(rows, first, KEYSET.cursor) for pipeline_id, rows in found.items()}


def _cursor(version: PipelineVersion) -> str:
    return encode_cursor(str(version.version))


def _position(cursor: str) -> tuple[int]:
    version = decode_cursor(cursor)
    if not NUMBER.fullmatch(version) or int(version) > LARGEST:
        raise invalid_cursor()
    return (int(version),)


KEYSET: Keyset[PipelineVersion] = Keyset((PipelineVersion.version,), _cursor, _position, descending=True)
