"""The source `scrape` makes rows of pages, keeps what sites ask of programs, and never runs in circles."""

import json
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.endpoints import retrying
from headgate.pipelines.endpoints.client import Client
from headgate.pipelines.endpoints.outside import Endpoint, Outside
from headgate.pipelines.orders import Stopped
from headgate.pipelines.sources.scrape import ScrapeSource
from headgate.pipelines.sources.source import Fetching
from tests.pipelines.intake import unheard
from tests.restapi import CUT, TOKEN, Reply, RestApi, serving_api, unavailable

OFFERS: dict[str, Any] = {
    "item": "li.offer",
    "fields": [
        {"name": "title", "selector": "h2"},
        {"name": "price", "selector": ".price"},
        {"name": "link", "selector": "a", "attribute": "href"},
        {"name": "id", "attribute": "data-id"},
    ],
    "next": "a.next",
    "delaySeconds": 0,
}


def html(text: str, **headers: str) -> Reply:
    return Reply(content=text.encode(), headers={"Content-Type": "text/html; charset=utf-8", **headers})


def offer(number: int) -> str:
    return (
        f'<li class=offer data-id="{number}"><h2> Öffer\n <b>{number}</b> </h2>'
        f'<span class=price>{number} €</span><a href="../o/{number}?a=1&amp;b=2">more</a>'
    )


def row(number: int, base: str) -> dict[str, str]:
    link = f"{base}/o/{number}?a=1&b=2"
    return {"title": f"Öffer {number}", "price": f"{number} €", "link": link, "id": str(number)}


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[RestApi]:
    """Two pages with offers, the second without a next one."""
    monkeypatch.setattr(retrying, "FIRST_WAIT_S", 0.001)
    with serving_api() as site:
        site.routes["/s/1"] = lambda asked: html(
            f'<ul>{offer(1)}{offer(2)}</ul><a class=next href="2">next</a>'
        )
        site.routes["/s/2"] = lambda asked: html(f"<ul>{offer(3)}</ul>")
        yield site


class Scraping:
    def __init__(self, site: RestApi, folder: Path) -> None:
        self.site, self.folder = site, folder
        self.secrets: dict[str, str] = {}

    def run(
        self, path: str = "/s/1", *, watch: Any = unheard, max_bytes: int = 1 << 20, **settings: Any
    ) -> list[Any]:
        folder = self.folder / str(len(list(self.folder.iterdir())))
        folder.mkdir()
        where = {"path": path} if "endpoint" in settings else {"url": self.site.url, "path": path}
        source = ScrapeSource.model_validate({**where, **OFFERS, **settings})
        endpoint = Endpoint("shop", "HTTP", {"url": self.site.url}, self.secrets)
        outside = Outside({"shop": endpoint}, [ip_network("127.0.0.0/8")], 20)
        fetched = source.fetch(Fetching(folder, outside, max_bytes, watch))
        lines = [line for file in fetched.files for line in (folder / file.name).read_bytes().splitlines()]
        return [json.loads(line) for line in lines]

    def fault(self, path: str = "/s/1", **settings: Any) -> JobFault:
        with pytest.raises(JobFault) as failed:
            self.run(path, **settings)
        return failed.value


@pytest.fixture
def scraping(site: RestApi, tmp_path: Path) -> Scraping:
    return Scraping(site, tmp_path)


class TestRows:
    def test_items_of_all_pages_become_rows(self, site: RestApi, scraping: Scraping) -> None:
        assert scraping.run() == [row(number, site.url) for number in (1, 2, 3)]
        assert site.paths() == ["/robots.txt", "/s/1", "/s/2"]

    def test_without_a_next_link_there_is_one_page(self, scraping: Scraping) -> None:
        assert len(scraping.run(next=None)) == 2

    def test_what_an_item_lacks_is_null(self, site: RestApi, scraping: Scraping) -> None:
        site.routes["/s/1"] = lambda asked: html(
            '<li class=offer><h2></h2><a>x</a><p class=price></p><a href="/y">'
        )
        assert scraping.run() == [{"title": "", "price": "", "link": None, "id": None}]

    def test_a_value_is_looked_for_inside_of_the_item(self, site: RestApi, scraping: Scraping) -> None:
        site.routes["/s/1"] = lambda asked: html("<div><a>outer <a>x</a></a><div>inner</div></div>")
        fields = [{"name": "v", "selector": "div"}]
        assert scraping.run(item="div", fields=fields) == [{"v": "inner"}, {"v": None}]

    def test_links_are_resolved_by_the_base_of_the_page(self, site: RestApi, scraping: Scraping) -> None:
        page = '<base href="http://cdn.example.org/x/"><li class=offer><a href="y">a</a>'
        site.routes["/s/1"] = lambda asked: html(page)
        assert scraping.run()[0]["link"] == "http://cdn.example.org/x/y"

    @pytest.mark.parametrize("href", ["mailto:a@example.org", "javascript:void(0)", "http://["])
    def test_a_link_to_no_page_stays_as_it_is(self, site: RestApi, scraping: Scraping, href: str) -> None:
        site.routes["/s/1"] = lambda asked: html(f'<li class=offer><a href="{href}">a</a>')
        assert scraping.run()[0]["link"] == href

    @pytest.mark.parametrize(
        ("content", "kind"),
        [
            ("<li class=offer><h2>Größe</h2>".encode(), "text/html"),
            ("\ufeff<li class=offer><h2>Größe</h2>".encode(), ""),
            ("<li class=offer><h2>Größe</h2>".encode("latin-1"), "text/html; charset=ISO-8859-1"),
            ("<meta charset=windows-1252><li class=offer><h2>Größe</h2>".encode("cp1252"), "text/html"),
            ("<li class=offer><h2>Größe</h2>".encode(), "text/html; charset=nonsense"),
            ("<li class=offer><h2>Größe</h2>".encode(), "application/xhtml+xml; charset=zip"),
        ],
        ids=["utf-8", "mark", "header", "meta", "nonsense", "no-text"],
    )
    def test_a_page_says_what_its_encoding_is(
        self, site: RestApi, scraping: Scraping, content: bytes, kind: str
    ) -> None:
        site.routes["/s/1"] = lambda asked: Reply(
            content=content, headers={"Content-Type": kind} if kind else {}
        )
        assert scraping.run()[0]["title"] == "Größe"

    def test_a_page_without_items_is_told(self, scraping: Scraping) -> None:
        assert scraping.fault(item="div.none").code == "RECORDS_NOT_FOUND"

    @pytest.mark.parametrize(
        "reply",
        [
            Reply(content=b"%PDF", headers={"Content-Type": "application/pdf"}),
            html("<div>" * 3_000),
            html("<svg>" + "<td>" * 3_000),
        ],
        ids=["pdf", "deep", "deep-drawing"],
    )
    def test_what_is_no_page_is_refused(self, site: RestApi, scraping: Scraping, reply: Reply) -> None:
        site.routes["/s/1"] = lambda asked: reply
        assert scraping.fault().code == "INVALID_ANSWER"

    def test_long_tables_and_drawings_are_not_deep(self, site: RestApi, scraping: Scraping) -> None:
        page = (
            "<table>" + "<tr><td>x" * 5_000 + "</table><svg>" + "<path d=a />" * 5_000 + "</svg>" + offer(1)
        )
        site.routes["/s/1"] = lambda asked: html(page)
        assert len(scraping.run()) == 1

    def test_no_more_bytes_are_taken_than_may_be(self, scraping: Scraping) -> None:
        assert scraping.fault(max_bytes=100).code == "SOURCE_TOO_LARGE"


class TestPages:
    def test_a_page_that_leads_back_fails_the_whole(self, site: RestApi, scraping: Scraping) -> None:
        site.routes["/s/2"] = lambda asked: html(f"{offer(3)}<a class=next href=/s/1#top>next</a>")
        assert scraping.fault().code == "PAGINATION_LOOP"
        assert site.paths() == ["/robots.txt", "/s/1", "/s/2"]

    @pytest.mark.parametrize("link", ["<a class=next>", "<a class=next href>", "<a class=next href='#'>"])
    def test_a_next_link_may_lead_nowhere(self, site: RestApi, scraping: Scraping, link: str) -> None:
        site.routes["/s/2"] = lambda asked: html(f"{offer(3)}{link}next</a>")
        assert len(scraping.run()) == 3

    @pytest.mark.parametrize("href", ["javascript:more()", "http://10.1.2.3/", "file:///etc/passwd"])
    def test_a_next_link_leads_to_allowed_pages_alone(
        self, site: RestApi, scraping: Scraping, href: str
    ) -> None:
        site.routes["/s/2"] = lambda asked: html(f"{offer(3)}<a class=next href='{href}'>next</a>")
        assert scraping.fault().code == "URL_NOT_ALLOWED"

    def test_more_pages_than_are_taken_fail_the_whole(self, scraping: Scraping) -> None:
        fault = scraping.fault(maxPages=1)
        assert (fault.code, fault.details) == ("TOO_MANY_PAGES", {"maxPages": 1})
        assert len(scraping.run(maxPages=2)) == 3

    def test_a_page_that_can_not_be_had_fails_the_whole(self, site: RestApi, scraping: Scraping) -> None:
        site.troubles = [None, None, *[unavailable()] * 9]
        assert scraping.fault().details == {"status": 503}

    def test_trouble_on_the_way_changes_nothing(self, site: RestApi, scraping: Scraping) -> None:
        site.troubles = [unavailable(), None, CUT, None, unavailable()]
        assert len(scraping.run()) == 3

    def test_pages_of_an_endpoint_are_asked_for_with_its_secrets(
        self, site: RestApi, scraping: Scraping
    ) -> None:
        site.guard, scraping.secrets = site.wants_bearer, {"token": TOKEN}
        assert len(scraping.run(endpoint="shop", path="s/1")) == 3

    def test_a_stop_is_heeded(self, site: RestApi, scraping: Scraping) -> None:
        def stop(stage: str, **figures: Any) -> None:
            if "/s/1" in site.paths():
                raise Stopped

        with pytest.raises(Stopped):
            scraping.run(watch=stop, delaySeconds=3_600)


class TestRobots:
    """What a site asks for in its robots.txt is kept."""

    def say(self, site: RestApi, text: str) -> None:
        site.routes["/robots.txt"] = lambda asked: Reply(content=text.encode())

    @pytest.mark.parametrize(
        "text",
        [
            "User-agent: *\nDisallow: /s/",
            "\ufeffUser-agent: *\nDisallow: /",
            "User-agent: headgate\nDisallow: /\n\nUser-agent: *\nAllow: /",
        ],
        ids=["everybody", "mark", "us"],
    )
    def test_a_page_that_may_not_be_read_is_not(self, site: RestApi, scraping: Scraping, text: str) -> None:
        self.say(site, text)
        fault = scraping.fault()
        assert (fault.code, fault.category) == ("ROBOTS_DISALLOWED", "CONFIG")
        assert site.paths() == ["/robots.txt"]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "<html>",
            "User-agent: other\nDisallow: /",
            "User-agent: *\nDisallow: /x",
            "User-agent: *\nDisallow:",
        ],
    )
    def test_other_pages_are(self, site: RestApi, scraping: Scraping, text: str) -> None:
        self.say(site, text)
        assert len(scraping.run()) == 3

    def test_a_following_page_may_be_one_that_may_not_be_read(
        self, site: RestApi, scraping: Scraping
    ) -> None:
        self.say(site, "User-agent: *\nDisallow: /s/2")
        assert scraping.fault().code == "ROBOTS_DISALLOWED"
        assert "/s/2" not in site.paths()

    def test_so_may_the_page_that_another_one_redirects_to(self, site: RestApi, scraping: Scraping) -> None:
        self.say(site, "User-agent: *\nDisallow: /s/2")
        site.routes["/s/1"] = lambda asked: Reply(302, headers={"Location": "/s/2"})
        assert scraping.fault().code == "ROBOTS_DISALLOWED"

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
    def test_a_site_without_robots_allows_everything(
        self, site: RestApi, scraping: Scraping, status: int
    ) -> None:
        site.routes["/robots.txt"] = lambda asked: Reply(status)
        assert len(scraping.run()) == 3

    @pytest.mark.parametrize("status", [429, 500, 503])
    def test_where_nobody_can_tell_nothing_is_read(
        self, site: RestApi, scraping: Scraping, status: int
    ) -> None:
        site.routes["/robots.txt"] = lambda asked: Reply(status)
        fault = scraping.fault()
        assert (fault.code, fault.retryable) == ("ROBOTS_UNKNOWN", True)
        assert "/s/1" not in site.paths()

    @pytest.mark.parametrize(("asked_for", "set_to", "waited"), [("7", 2.5, 7), ("1", 2.5, 2.5), ("", 0, 0)])
    def test_pages_are_read_no_faster_than_is_polite(
        self,
        site: RestApi,
        scraping: Scraping,
        monkeypatch: pytest.MonkeyPatch,
        asked_for: str,
        set_to: float,
        waited: float,
    ) -> None:
        waits: list[float] = []
        monkeypatch.setattr(Client, "wait", lambda client, seconds: waits.append(seconds))
        self.say(site, f"User-agent: *\nCrawl-delay: {asked_for}")
        scraping.run(delaySeconds=set_to)
        assert waits == [waited]

    def test_each_site_is_asked_once(self, site: RestApi, scraping: Scraping) -> None:
        with serving_api() as other:
            other.routes["/s/2"] = lambda asked: html(offer(3))
            site.routes["/s/1"] = lambda asked: html(f"{offer(1)}<a class=next href={other.url}/s/2>next</a>")
            assert len(scraping.run()) == 2
            assert (site.paths(), other.paths()) == (["/robots.txt", "/s/1"], ["/robots.txt", "/s/2"])


@pytest.mark.parametrize(
    "change",
    [
        {"item": ""},
        {"item": "li >"},
        {"item": None},
        {"next": "a::attr(href)"},
        {"fields": []},
        {"fields": [{"selector": "a"}]},
        {"fields": [{"name": "a"}, {"name": "a"}]},
        {"fields": [{"name": "a", "selector": "["}]},
        {"delaySeconds": -1},
        {"maxPages": 0},
        {"url": None},
        {"colour": 1},
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ScrapeSource.model_validate({**OFFERS, "url": "https://shop.example.org", **change})


def test_the_example_can_be_set() -> None:
    assert ScrapeSource.from_example().to_json() == ScrapeSource.example
