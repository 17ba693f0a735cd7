"""The source `scrape`."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from headgate.errors import JobFault
from headgate.pipelines.endpoints.client import Client, open_client
from headgate.pipelines.kinds import Settings
from headgate.pipelines.sources.htmlpages import HtmlPage, Selector
from headgate.pipelines.sources.origin import WebSource
from headgate.pipelines.sources.recordfile import RecordFile
from headgate.pipelines.sources.robots import Robots
from headgate.pipelines.sources.source import Fetched, Fetching

MAX_PAGE_BYTES = 8 << 20
ACCEPT = {"Accept": "text/html, application/xhtml+xml, */*;q=0.5"}


class ScrapedFieldSettings(Settings):
    """A column, and where in an item its value is."""

    name: str = Field(min_length=1, max_length=200, description="The column.")
    selector: Selector | None = Field(
        default=None, description="The CSS selector of the element in the item; the item itself by default."
    )
    attribute: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="The attribute with the value, such as href; the element's text by default.",
    )


class ScrapeSource(WebSource):
    """What web pages show again and again, such as offers: each is a row, with its parts as columns.

    What a site asks of programs in its robots.txt is kept. A value that an item lacks is null. All values are text;
    links are whole. What a page only shows once a script has run is not there.
    """

    kind: ClassVar[str] = "scrape"
    example: ClassVar[dict[str, Any]] = {
        "endpoint": "shop",
        "path": "/offers",
        "item": "li.offer",
        "fields": [
            {"name": "title", "selector": "h2"},
            {"name": "price", "selector": ".price"},
            {"name": "link", "selector": "a", "attribute": "href"},
        ],
        "next": "a[rel=next]",
    }
    endpoints: ClassVar[Mapping[str, tuple[str, ...]]] = {"endpoint": ("HTTP",)}

    item: Selector = Field(description="The CSS selector of what becomes a row.")
    fields: list[ScrapedFieldSettings] = Field(
        min_length=1, max_length=500, description="The columns, and where in an item their values are."
    )
    next: Selector | None = Field(
        default=None,
        description="The CSS selector of the link to the next page; by default there is only one page.",
    )
    max_pages: int = Field(
        default=1_000, ge=1, le=1_000_000, description="With more pages than these the job fails."
    )
    delay_seconds: float = Field(
        default=1.0,
        ge=0,
        le=3_600,
        description="How long to wait between two pages; longer where the site's robots.txt asks for it.",
    )

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [field.name for field in self.fields]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ValueError(f"the column {twice[0]} comes twice")
        return self

    def fetch(self, to: Fetching) -> Fetched:
        """Fetch all pages.

        Raises JobFault: what a call raises, ROBOTS_DISALLOWED, ROBOTS_UNKNOWN, RECORDS_NOT_FOUND, TOO_MANY_PAGES,
        PAGINATION_LOOP, SOURCE_TOO_LARGE.
        """
        kept = RecordFile(to.folder, to.max_bytes)
        server = self.server(to.outside)
        with open_client(server, to.outside, to.watch, stage="fetching", max_bytes=MAX_PAGE_BYTES) as client:
            for page in self._pages(client):
                items = page.items(self.item)
                if not items and not kept.count:
                    message = f"The page has nothing that the selector {self.item} means."
                    raise JobFault("RECORDS_NOT_FOUND", message, "DATA")
                kept.add(
                    {field.name: page.value(item, field.selector, field.attribute) for field in self.fields}
                    for item in items
                )
                to.watch("fetching", bytes_read=kept.byte_size)
        return Fetched(kept.files())

    def _pages(self, client: Client) -> Iterator[HtmlPage]:
        robots = Robots(client)
        url = str(client.url(self.place))
        seen: set[str] = set()
        for number in range(self.max_pages):
            robots.check(url)
            if number:
                client.wait(max(self.delay_seconds, robots.delay_s(url)))
            page = HtmlPage(client.call("GET", url, headers=ACCEPT))
            if page.url != url:
                robots.check(page.url)
            seen |= {url, page.url}
            yield page
            following = page.following(self.next) if self.next else None
            if following is None:
                return
            if following in seen:
                raise JobFault("PAGINATION_LOOP", "A page leads to one that came before.", "DEPENDENCY")
            url = following
        message = f"There are more than {self.max_pages:,} pages; maxPages can allow more."
        raise JobFault("TOO_MANY_PAGES", message, "CONFIG", details={"maxPages": self.max_pages})
