"""The catalog: what a pipeline can be built from."""

from collections.abc import Iterable
from typing import Self

import strawberry
from strawberry.scalars import JSON

from headgate.graphql.context import Info
from headgate.graphql.enums import Role
from headgate.graphql.fields import query, resolved
from headgate.pipelines import catalog


@strawberry.type(description="One kind of source, step, check or sink, or one template.")
class CatalogEntry:
    name: str = strawberry.field(description="The key that names it in a spec, or the template's name.")
    summary: str = strawberry.field(description="What it is or does, in a sentence or two.")
    settings: JSON = strawberry.field(description="Its settings as JSON Schema (draft 2020-12).")
    example: JSON = strawberry.field(
        description="A whole spec that shows it, ready for `ingest` and `createPipeline`."
    )
    needs: str | None = strawberry.field(
        description="What has to be there before the example can run; null where nothing has."
    )

    @classmethod
    def list_from(cls, entries: Iterable[catalog.Entry]) -> list[Self]:
        """Make them of the catalog's entries."""
        return [
            cls(
                name=entry.name,
                summary=entry.summary,
                settings=JSON(entry.settings),
                example=JSON(entry.example),
                needs=entry.needs,
            )
            for entry in entries
        ]


@strawberry.type(
    description="What a pipeline can be built from: kinds by name, those that other packages bring along too."
)
class Catalog:
    @resolved("Where rows come from.")
    def sources(self) -> list[CatalogEntry]:
        return CatalogEntry.list_from(catalog.sources())

    @resolved("What changes rows on their way.")
    def steps(self) -> list[CatalogEntry]:
        return CatalogEntry.list_from(catalog.steps())

    @resolved("What rows must keep, and what a whole input must be like.")
    def checks(self) -> list[CatalogEntry]:
        return CatalogEntry.list_from(catalog.checks())

    @resolved("Where good rows go.")
    def sinks(self) -> list[CatalogEntry]:
        return CatalogEntry.list_from(catalog.sinks())

    @resolved("Whole specs under a name, which take data of one sort as it comes.")
    def templates(self) -> list[CatalogEntry]:
        return CatalogEntry.list_from(catalog.templates())


@strawberry.type
class CatalogQuery:
    @query(Role.VIEWER, "The sources, steps, checks, sinks and templates that a pipeline can be built from.")
    def catalog(self, info: Info) -> Catalog:
        return Catalog()
