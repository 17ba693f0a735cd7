"""Pages of HTML: read whatever their encoding is, and never for longer than they deserve."""

import codecs
import re
from collections import Counter
from typing import Annotated

from pydantic import AfterValidator
from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from headgate.errors import JobFault
from headgate.pipelines.endpoints.client import Answer
from headgate.pipelines.endpoints.transport import invalid
from headgate.pipelines.sources.pagination import joined

TYPES = ("", "text/html", "application/xhtml+xml")
CHARSET = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9_.:-]+)""", re.IGNORECASE)
HEAD_BYTES = 1024
"""A page says by then what its encoding is."""
TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9:-]*)[^<>]*?(/?)>")
MAX_DEPTH = 2_000
"""The time to read a page grows with the square of its depth: 200,000 levels take minutes."""
EMPTY = {
    "area",
    "base",
    "br",
    "col",
    "embed",
    "hr",
    "img",
    "input",
    "link",
    "meta",
    "param",
    "source",
    "track",
    "wbr",
}
OF_TABLES = {"tr", "td", "th", "thead", "tbody", "tfoot", "colgroup"}
OF_LISTS = {"p", "li", "dt", "dd", "option", "optgroup", "rp", "rt", "html", "head", "body"}
NEVER_CLOSED = EMPTY | OF_TABLES | OF_LISTS
"""Elements that are empty, or end by themselves where the next one begins."""
LINKS = ("href", "src", "action")


def _checked(selector: str) -> str:
    try:
        LexborHTMLParser("").css(selector)
    except SelectolaxError:
        raise ValueError("this is not a CSS selector, such as div.offer > a") from None
    return selector


Selector = Annotated[str, AfterValidator(_checked)]


class HtmlPage:
    """A page as it came."""

    def __init__(self, answer: Answer) -> None:
        """Read an answer. Raises JobFault (INVALID_ANSWER) where it is no page."""
        kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in TYPES:
            raise invalid("The answer is no page of HTML.")
        text = _text(answer)
        if _is_deep(text):
            raise invalid("The page is nested too deeply.")
        self.url = answer.url
        self._tree = LexborHTMLParser(text)
        base = self._tree.css_first("base[href]")
        self._base = joined(self.url, attribute_of(base, "href") or "") if base else self.url

    def items(self, selector: str) -> list[LexborNode]:
        """The elements that a selector means, in the page's order."""
        return self._tree.css(selector)

    def value(self, item: LexborNode, selector: str | None, attribute: str | None) -> str | None:
        """The text of the first such element in an item, or its attribute; None where there is none.

        Blanks are one at most, and links are whole.
        """
        node = item if selector is None else _within(item, selector)
        if node is None:
            return None
        if attribute is None:
            return " ".join(node.text().split())
        value = attribute_of(node, attribute)
        return self.link(value) if value and attribute.lower() in LINKS else value

    def link(self, href: str) -> str:
        """Where a link in this page leads; as it is where that is not to another page."""
        try:
            return joined(self._base, href)
        except JobFault:
            return href

    def following(self, selector: str) -> str | None:
        """Where the first such link leads; None where there is none, or it leads nowhere but to a place in the page.

        Raises JobFault (URL_NOT_ALLOWED) for what can't be fetched.
        """
        node = next(iter(self._tree.css(selector)), None)
        href = (attribute_of(node, "href") or "").strip() if node is not None else ""
        return None if not href or href.startswith("#") else joined(self._base, href).partition("#")[0]


def attribute_of(node: LexborNode, name: str) -> str | None:
    """An attribute; the empty text where it has no value, None where it is not there."""
    attributes = node.attributes
    return None if name not in attributes else attributes[name] or ""


def _within(item: LexborNode, selector: str) -> LexborNode | None:
    """The first element inside of an item: it is none of its own."""
    return next((each for each in item.css(selector) if each != item), None)


def _text(answer: Answer) -> str:
    """The content in the encoding that its header names, or itself, else in UTF-8; what is none there is replaced."""
    head = answer.content[:HEAD_BYTES].decode("latin-1")
    for said in (answer.headers.get("content-type", ""), head):
        named = CHARSET.search(said)
        if named and _is_encoding(named[1]):
            return answer.content.decode(named[1], "replace")
    return answer.content.decode("utf-8-sig", "replace")


def _is_encoding(name: str) -> bool:
    try:
        return codecs.lookup(name)._is_text_encoding
    except LookupError:
        return False


def _is_deep(text: str) -> bool:
    """Whether more elements are open at once than pages have; a rough count."""
    count: Counter[str] = Counter()
    depth = 0
    for tag in TAG.finditer(text):
        closes, name, closes_itself = tag[1], tag[2].lower(), tag[3]
        is_drawing = count["svg"] > 0 or count["math"] > 0
        if closes_itself if is_drawing else name in NEVER_CLOSED:
            continue
        change = 1 if not closes else -1 if count[name] else 0
        count[name] += change
        depth += change
        if depth > MAX_DEPTH:
            return True
    return False
