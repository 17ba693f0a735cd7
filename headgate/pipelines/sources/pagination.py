"""How a web service hands out many records: a page at a time."""

import re
from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, Any, Self
from urllib.parse import urljoin

from pydantic import Field, StringConstraints, model_validator

from headgate.errors import JobFault
from headgate.pipelines.endpoints.client import Answer
from headgate.pipelines.jsonpaths import NOWHERE
from headgate.pipelines.kinds import Settings
from headgate.pipelines.outgoing import not_allowed, parse_url
from headgate.pipelines.sources.recordpath import DottedPath, value_at

LINK = re.compile(r"<([^>]*)>([^<]*)")
REL = re.compile(r"""\brel\s*=\s*(?:"([^"]*)"|([^\s;,]+))""", re.IGNORECASE)
MAX_SIZE = 1_000_000
NOT_FOUND = 404


@dataclass(frozen=True, slots=True)
class Turn:
    """What to ask for: parameters besides those of each request, or a whole URL that holds all of them."""

    params: tuple[tuple[str, str], ...] = ()
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it came: the answer, its content as JSON, and how many records are in it."""

    answer: Answer
    document: Any
    count: int


class Paging:
    """Where one run through the pages is. `next` is asked after each page."""

    def first(self) -> Turn:
        """What to ask for first."""
        return Turn()

    @abstractmethod
    def next(self, page: Page) -> Turn | None:
        """What to ask for after this page; None where it was the last."""

    def ends_with(self, fault: JobFault) -> bool:
        """Whether a page that failed in this way says that the one before was the last."""
        return False


class Single(Paging):
    """There is one page."""

    def next(self, page: Page) -> Turn | None:
        """Nothing follows."""
        return None


class Counted(Paging):
    """Pages that are told by a number: the last is empty, or shorter than those before."""

    def __init__(
        self, param: str, start: int, size_param: str | None, size: int | None, *, by_rows: bool = False
    ) -> None:
        self._param, self._start, self._at = param, start, start
        self._sizes = ((size_param, str(size)),) if size_param and size else ()
        self._size, self._by_rows = size, by_rows

    def first(self) -> Turn:
        """The first page."""
        return Turn(((self._param, str(self._at)), *self._sizes))

    def next(self, page: Page) -> Turn | None:
        """The page behind, unless this one is empty or short."""
        is_first = self._at == self._start
        if page.count == 0 or (self._size is not None and page.count < self._size and not is_first):
            return None
        if is_first and self._size is not None:
            # A service may hand out fewer than it is asked for: its first page shows what it takes for a whole one.
            self._size = min(self._size, page.count)
        self._at += page.count if self._by_rows else 1
        return self.first()

    def ends_with(self, fault: JobFault) -> bool:
        """Some services have no page behind the last."""
        is_missing = fault.code == "HTTP_STATUS" and (fault.details or {}).get("status") == NOT_FOUND
        return is_missing and not self._by_rows and self._at != self._start


class Followed(Paging):
    """Pages of which each names the next."""

    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._last: str | None = None

    @abstractmethod
    def told(self, page: Page) -> str | None:
        """What a page says of the next; None or empty where nothing follows."""

    @abstractmethod
    def turn(self, told: str) -> Turn:
        """What to ask for, as a page said it."""

    def next(self, page: Page) -> Turn | None:
        """What the page names. Raises JobFault (PAGINATION_LOOP) where that came before."""
        told = self.told(page)
        if not told or (told == self._last and page.count == 0):
            return None
        if hash(told) in self._seen:
            message = "A page names as the next one a page that came before."
            raise JobFault("PAGINATION_LOOP", message, "DEPENDENCY")
        self._seen.add(hash(told))
        self._last = told
        return self.turn(told)


ParamName = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class PagePaginationSettings(Settings):
    """Pages with numbers. The last is empty, shorter than the first, or not there (404)."""

    param: ParamName = Field(default="page", description="The parameter with the number of the page.")
    start: int = Field(default=1, ge=0, le=MAX_SIZE, description="The number of the first page.")
    size_param: ParamName | None = Field(
        default=None, description="The parameter that says how many records a page is to have."
    )
    size: int | None = Field(default=None, ge=1, le=MAX_SIZE, description="How many records a page has.")

    def paging(self) -> Paging:
        """A run through the pages."""
        return Counted(self.param, self.start, self.size_param, self.size)


class OffsetPaginationSettings(Settings):
    """Pages that begin behind so many records. The last is empty, or shorter than the first."""

    param: ParamName = Field(
        default="offset", description="The parameter that says how many records to pass over."
    )
    limit_param: ParamName | None = Field(
        default="limit", description="The parameter that says how many records a page is to have."
    )
    limit: int = Field(default=100, ge=1, le=MAX_SIZE, description="How many records a page has.")

    def paging(self) -> Paging:
        """A run through the pages."""
        return Counted(self.param, 0, self.limit_param, self.limit, by_rows=True)


class CursorPaginationSettings(Settings):
    """Pages that say what to ask for the next with; the last one doesn't."""

    path: DottedPath = Field(description="Where in a page the cursor is, such as paging.cursors.after.")
    param: ParamName = Field(description="The parameter that takes it.")

    def paging(self) -> Paging:
        """A run through the pages."""
        return _ByCursor(self)


class NextLinkPaginationSettings(Settings):
    """Pages that hold a link to the next; the last one doesn't."""

    path: DottedPath = Field(description="Where in a page the link is, such as links.next.")

    def paging(self) -> Paging:
        """A run through the pages."""
        return _ByLink(self)


class LinkHeaderPaginationSettings(Settings):
    """Pages with a header Link that leads to the next; the last one has none."""

    rel: str = Field(
        default="next", min_length=1, max_length=100, description="What such a link calls itself."
    )

    def paging(self) -> Paging:
        """A run through the pages."""
        return _ByLinkHeader(self)


class HeaderCursorPaginationSettings(Settings):
    """Pages with a header that says what to ask for the next with; the last one has none."""

    header: ParamName = Field(description="The header with the cursor, such as X-Next-Cursor.")
    param: ParamName = Field(description="The parameter that takes it.")

    def paging(self) -> Paging:
        """A run through the pages."""
        return _ByHeader(self)


class PaginationSettings(Settings):
    """How to get from one page to the next: exactly one of these."""

    page: PagePaginationSettings | None = Field(default=None, description="Pages have numbers.")
    offset: OffsetPaginationSettings | None = Field(
        default=None, description="Pages begin behind so many records."
    )
    cursor: CursorPaginationSettings | None = Field(
        default=None, description="A page says what to ask for the next with."
    )
    next_link: NextLinkPaginationSettings | None = Field(
        default=None, description="A page holds a link to the next."
    )
    link_header: LinkHeaderPaginationSettings | None = Field(
        default=None, description="A header Link leads to the next page."
    )
    header_cursor: HeaderCursorPaginationSettings | None = Field(
        default=None, description="A header says what to ask for the next page with."
    )

    @model_validator(mode="after")
    def _check_one(self) -> Self:
        if len(self.model_fields_set) != 1 or None in (getattr(self, name) for name in self.model_fields_set):
            raise ValueError(
                "give exactly one of page, offset, cursor, nextLink, linkHeader and headerCursor"
            )
        return self

    def paging(self) -> Paging:
        """A run through the pages."""
        (name,) = self.model_fields_set
        paging: Paging = getattr(self, name).paging()
        return paging


class _ByCursor(Followed):
    def __init__(self, settings: CursorPaginationSettings) -> None:
        super().__init__()
        self._settings = settings

    def told(self, page: Page) -> str | None:
        return _text(value_at(page.document, self._settings.path))

    def turn(self, told: str) -> Turn:
        return Turn(((self._settings.param, told),))


class _ByHeader(Followed):
    def __init__(self, settings: HeaderCursorPaginationSettings) -> None:
        super().__init__()
        self._settings = settings

    def told(self, page: Page) -> str | None:
        return _text(page.answer.headers.get(self._settings.header))

    def turn(self, told: str) -> Turn:
        return Turn(((self._settings.param, told),))


class _ByLink(Followed):
    def __init__(self, settings: NextLinkPaginationSettings) -> None:
        super().__init__()
        self._settings = settings

    def told(self, page: Page) -> str | None:
        link = _text(value_at(page.document, self._settings.path))
        return joined(page.answer.url, link) if link else None

    def turn(self, told: str) -> Turn:
        return Turn(url=told)


class _ByLinkHeader(Followed):
    def __init__(self, settings: LinkHeaderPaginationSettings) -> None:
        super().__init__()
        self._rel = settings.rel.lower()

    def told(self, page: Page) -> str | None:
        for link, parameters in LINK.findall(page.answer.headers.get("link", "")):
            quoted, plain = next(iter(REL.findall(parameters)), ("", ""))
            if self._rel in (quoted or plain).lower().split():
                return joined(page.answer.url, link)
        return None

    def turn(self, told: str) -> Turn:
        return Turn(url=told)


def joined(url: str, link: str) -> str:
    """Where a link leads that was found at a URL. Raises JobFault (URL_NOT_ALLOWED)."""
    try:
        return str(parse_url(urljoin(url, link.strip())))
    except ValueError:
        raise not_allowed("A page links to what is not a URL that can be fetched.") from None


def _text(value: Any) -> str | None:
    """A cursor or a link as text; None where a page says that there is none."""
    if value is NOWHERE or value is None or value is False:
        return None
    if isinstance(value, str | int | float):
        return str(value)
    raise JobFault(
        "INVALID_ANSWER", "What a page says of the next one is neither a text nor a number.", "DEPENDENCY"
    )
