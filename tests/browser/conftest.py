"""A real browser, cut off from everything but the server that a test asks."""

import os
import shutil
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

from tests.acceptance.processes import Headgate

ARGUMENTS = (
    "--no-sandbox",  # it runs as root in containers, and opens pages of our own only
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
NAMES = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT_MS = 15_000

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium: the one that HEADGATE_TEST_CHROMIUM names, else that of this machine."""
    path = os.environ.get("HEADGATE_TEST_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert path, "Install Chromium (Debian's package is called chromium), or name it in HEADGATE_TEST_CHROMIUM."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def headgate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headgate]:
    """A running server for every test that leaves it running."""
    settings = {"HEADGATE_WORKERS": "1", "HEADGATE_RATE_LIMIT": "0", "HEADGATE_ANONYMOUS_RATE_LIMIT": "0"}
    headgate = Headgate(tmp_path_factory.mktemp("browser") / "home", settings).start()
    yield headgate
    headgate.stop()


@pytest.fixture
def open_page(browser: Browser, headgate: Headgate) -> Iterator[OpenPage]:
    """Open pages of the server, signed in by a link as `role` says, or as nobody.

    A request to anywhere else is refused, and fails the test, as do errors of scripts and breaches of the policy.
    """
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def refuse(route: Route) -> None:
        faults.append(f"asked for {route.request.url}")
        route.abort()

    def open_page(path: str, *, role: str | None = "ADMIN", **options: object) -> Page:
        context = browser.new_context(base_url=headgate.url, locale="en-GB", timezone_id="UTC", **options)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        context.route(lambda url: urlsplit(url).netloc != urlsplit(headgate.url).netloc, refuse)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda told: faults.append(told.text) if told.type == "error" else None)
        page.goto(path if role is None else f"{path}#token={headgate.token(role)}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults
