"""The source `http`."""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from headgate.errors import JobFault
from headgate.pipelines.endpoints.client import Answer, Client, open_client
from headgate.pipelines.endpoints.namedvalues import Headers, NamedValues, pairs
from headgate.pipelines.sources.incremental import Greatest, IncrementalSettings
from headgate.pipelines.sources.origin import WebSource
from headgate.pipelines.sources.pagination import Page, PaginationSettings, Single, Turn
from headgate.pipelines.sources.recordfile import RecordFile
from headgate.pipelines.sources.recordpath import DottedPath, RecordFinder
from headgate.pipelines.sources.source import Fetched, Fetching

Records = Sequence[Mapping[str, Any]]


class FetchMethod(StrEnum):
    """How to ask."""

    GET = "GET"
    POST = "POST"


class HttpSource(WebSource):
    """The records of a web service that answers with JSON: all pages of them, or what is new.

    A page that can't be had, after as many tries as the endpoint is set to, fails the whole. A service that asks to
    wait is waited for.
    """

    kind: ClassVar[str] = "http"
    example: ClassVar[dict[str, Any]] = {
        "endpoint": "api",
        "path": "/insights",
        "recordPath": "data",
        "pagination": {"cursor": {"path": "paging.cursors.after", "param": "after"}},
        "incremental": {"column": "date", "param": "since", "start": "2026-01-01"},
    }

    method: FetchMethod = Field(
        default=FetchMethod.GET, description="How to ask; POST is for services that search by what is sent."
    )
    headers: Headers | None = Field(
        default=None, description="Headers to send along, besides the endpoint's."
    )
    params: NamedValues | None = Field(default=None, description="Parameters to put into the URL.")
    body: Any = Field(default=None, description="What to send with POST, as JSON.")
    record_path: DottedPath | None = Field(
        default=None,
        description=(
            "Where in a page the records are, such as data.items. By default they are the page itself where that is a "
            "list, else its one list of objects."
        ),
    )
    pagination: PaginationSettings | None = Field(
        default=None, description="How to get from one page to the next; by default there is only one."
    )
    max_pages: int = Field(
        default=10_000, ge=1, le=1_000_000, description="With more pages than these the job fails."
    )
    incremental: IncrementalSettings | None = Field(
        default=None, description="How to ask for what is new; by default everything is fetched each time."
    )

    @model_validator(mode="after")
    def _check_body(self) -> Self:
        if self.body is not None and self.method is FetchMethod.GET:
            raise ValueError("a body is for the method POST")
        return self

    def fetch(self, to: Fetching) -> Fetched:
        """Fetch all pages.

        Raises JobFault: what a call raises, RECORDS_NOT_FOUND, AMBIGUOUS_RECORDS, INVALID_RECORDS, TOO_MANY_PAGES,
        PAGINATION_LOOP, SOURCE_TOO_LARGE, UNKNOWN_COLUMN, INVALID_CURSOR_COLUMN.
        """
        kept = RecordFile(to.folder, to.max_bytes)
        greatest = Greatest(self.incremental.column, to.state) if self.incremental else None
        with open_client(self.server(to.outside), to.outside, to.watch, stage="fetching") as client:
            for records in self._pages(client, to.state):
                kept.add(records)
                if greatest:
                    greatest.add(records)
                to.watch("fetching", bytes_read=kept.byte_size)
        return Fetched(kept.files(), greatest.state() if greatest else None)

    def _pages(self, client: Client, state: Mapping[str, Any] | None) -> Iterator[Records]:
        """The records of each page."""
        paging = self.pagination.paging() if self.pagination else Single()
        finder = RecordFinder(self.record_path, may_be_single=self.pagination is None)
        turn = paging.first()
        for number in range(1, self.max_pages + 1):
            try:
                answer = self._ask(client, turn, state)
            except JobFault as fault:
                if paging.ends_with(fault):
                    return
                raise
            document = answer.json() if answer.content.strip() else None
            records = finder.records(document, number)
            yield records
            following = paging.next(Page(answer, document, len(records)))
            if following is None:
                return
            turn = following
        message = f"The source has more than {self.max_pages:,} pages; maxPages can allow more."
        raise JobFault("TOO_MANY_PAGES", message, "CONFIG", details={"maxPages": self.max_pages})

    def _ask(self, client: Client, turn: Turn, state: Mapping[str, Any] | None) -> Answer:
        since = self.incremental.params(state) if self.incremental else []
        own = [*since, *turn.params]
        named = {name for name, _ in own}
        given = [(name, value) for name, value in pairs(self.params or []) if name not in named]
        return client.call(
            self.method,
            turn.url or self.place,
            params=() if turn.url else [*given, *own],
            headers=dict(pairs(self.headers or [])),
            json=self.body,
            harmless=True,
        )
