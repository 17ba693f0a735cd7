"""The documentation is a site in which every link leads somewhere, and which asks nobody else for anything."""

import re
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

pytestmark = pytest.mark.xdist_group("site")

FETCHED = ("script[src]", "link[rel=stylesheet]", "link[rel=preconnect]", "img[src]", "iframe[src]")
OUTSIDE = re.compile(r"(?:https?:)?//")


def _addresses(page: Path) -> list[str]:
    html = LexborHTMLParser(page.read_bytes())
    return [
        node.attributes.get("src") or node.attributes.get("href") or ""
        for node in html.css(",".join(FETCHED))
    ]


def test_pages_fetch_nothing_from_outside(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 100
    asked = {address for page in pages for address in _addresses(page)}
    assert any(address.endswith(".css") for address in asked)
    assert [address for address in asked if OUTSIDE.match(address)] == []


def test_style_sheets_fetch_nothing_from_outside(site: Path) -> None:
    text = "".join(path.read_text() for path in site.rglob("*.css"))
    fetched = re.findall(r"(?:url\(|@import\s+)[\"']?([^\"')\s;]+)", text)
    assert [address for address in fetched if OUTSIDE.match(address)] == []


def test_each_type_and_operation_of_the_api_has_a_place_to_link_to(site: Path) -> None:
    jobs = LexborHTMLParser((site / "api" / "jobs.html").read_bytes())
    for anchor in (
        "Job",
        "JobConnection",
        "JobStatus",
        "query-job",
        "mutation-cancel",
        "subscription-jobProgress",
    ):
        assert jobs.css_first(f'[id="{anchor}"]') is not None, anchor
    text = " ".join(jobs.body.text().split()) if jobs.body else ""
    assert "Subscription, answers JobEvent!. Needs the role VIEWER." in text


def test_words_of_every_page_can_be_searched_for(site: Path) -> None:
    index = (site / "search" / "search_index.json").read_text()
    assert "api/jobs.html#Job" in index
    assert "reference/errors.html#rows" in index


def test_the_search_has_a_name_for_those_who_cannot_see_it(site: Path) -> None:
    search = LexborHTMLParser((site / "index.html").read_bytes()).css_first("[role=dialog]")
    assert search is not None
    assert search.attributes.get("aria-label") == "Search"
