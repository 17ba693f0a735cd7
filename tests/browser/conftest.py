"""A real browser, cut off from everything but the server that a test asks."""

import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, expect, sync_playwright

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
AXE = Path(__file__).parents[2] / "ui/node_modules/axe-core/axe.min.js"
SERIOUS = ("serious", "critical")
RUN_AXE = "() => axe.run(document, { resultTypes: ['violations'] })"

NETWORK = re.compile(r"Failed to load resource|WebSocket connection to")
"""How Chromium itself tells of an answer that is an error, or of none."""

OpenPage = Callable[..., Page]


def check_accessibility(page: Page, *, known: Collection[tuple[str, str]] = ()) -> None:
    """Hold the page, as it is now, against axe: fails with every serious finding, its rule, element and reason.

    `known` are findings that cannot be mended here: a rule, and what the selectors of its elements contain.
    """
    assert AXE.exists(), "axe-core is missing: run npm ci --ignore-scripts in ui."
    page.evaluate(AXE.read_text())
    violations = [each for each in page.evaluate(RUN_AXE)["violations"] if each["impact"] in SERIOUS]
    findings = [
        f"{violation['id']} ({violation['impact']}): {violation['help']}\n  {_selector(node)}\n  {_reason(node)}"
        for violation in violations
        for node in violation["nodes"]
        if not any(rule == violation["id"] and part in _selector(node) for rule, part in known)
    ]
    assert not findings, f"{page.url} is not accessible:\n\n" + "\n\n".join(findings)


def _selector(node: dict[str, Any]) -> str:
    return " ".join(map(str, node["target"]))


def _reason(node: dict[str, Any]) -> str:
    return "\n  ".join([*node["failureSummary"].splitlines(), node["html"]])


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium: the one that HEADGATE_TEST_CHROMIUM names, else that of this machine."""
    path = os.environ.get("HEADGATE_TEST_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    assert path, (
        "Install Chromium (Debian's package is called chromium), or name it in HEADGATE_TEST_CHROMIUM."
    )
    expect.set_options(timeout=TIMEOUT_MS)
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

    A request to anywhere else is refused, and fails the test, as do errors of scripts and breaches of the policy. With
    `on` it is another server than the shared one; a test that `refuses` makes answers go wrong on purpose.
    """
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def refuse(route: Route) -> None:
        faults.append(f"asked for {route.request.url}")
        route.abort()

    def open_page(
        path: str,
        *,
        role: str | None = "ADMIN",
        on: Headgate = headgate,
        refuses: bool = False,
        **options: object,
    ) -> Page:
        def hear(told: ConsoleMessage) -> None:
            if told.type == "error" and not (refuses and NETWORK.search(told.text)):
                faults.append(told.text)

        context = browser.new_context(base_url=on.url, locale="en-GB", timezone_id="UTC", **options)  # type: ignore[arg-type]
        contexts.append(context)
        context.set_default_timeout(TIMEOUT_MS)
        context.route(lambda url: urlsplit(url).netloc != urlsplit(on.url).netloc, refuse)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", hear)
        page.goto(path if role is None else f"{path}#token={on.token(role)}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not faults
