"""GraphiQL in a real browser that reaches nothing but the server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from headgate.sample.loading import load
from tests.acceptance.processes import INGEST, Headgate
from tests.browser.asking import PASSWORD, ask, new_user
from tests.browser.conftest import OpenPage, check_accessibility

EXAMPLES = 10
TEXT_OF_EDITOR = """([name, part]) => new Promise((resolve, reject) => {
  const model = __MONACO.editor.getModels().find(({ uri }) => uri.path.endsWith(`-${name}.json`));
  const tell = () => model.getValue() && model.getValue().includes(part) && resolve(model.getValue());
  setTimeout(() => reject(new Error(`no ${part} in ${name}, but: ${model.getValue()}`)), 15000);
  model.onDidChangeContent(tell);
  tell();
})"""
"""Waits, as the policy lets nobody evaluate text in the page time and again."""
OF_GRAPHIQL = (
    (
        "nested-interactive",
        ".graphiql-tab",
    ),  # a tab is a list item with a button for itself and one to close it
    ("nested-interactive", "li:nth-child"),
    ("label-content-name-mismatch", ".graphiql-history-item-label"),  # each is called "Set active"
    ("label", ".graphiql-explorer-"),  # its fields for values have their name beside them alone
    ("select-name", "select"),  # so has its choice of what to add
)
"""What axe finds in parts of GraphiQL that nobody can change from outside."""
SAVED_TABS = {
    "activeTabIndex": 0,
    "tabs": [
        {
            "id": "1",
            "title": "Mine",
            "query": "query Mine { health { version } }",
            "variables": "",
            "headers": None,
            "operationName": "Mine",
            "response": None,
        }
    ],
}


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headgate]:
    """A server with the sample data."""
    headgate = Headgate(tmp_path_factory.mktemp("sampled") / "home", {"HEADGATE_WORKERS": "1"}).start()
    load(headgate.url, headgate.token(), timeout_s=60)
    yield headgate
    headgate.stop()


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headgate]:
    """A server that shows its schema to administrators alone."""
    home = tmp_path_factory.mktemp("production") / "home"
    headgate = Headgate(home, {"HEADGATE_WORKERS": "1", "HEADGATE_PRODUCTION": "true"}).start()
    yield headgate
    headgate.stop()


def answer(page: Page, part: str = "") -> str:
    """Wait until something is answered that has this in it, and answer it all."""
    text: str = page.evaluate(TEXT_OF_EDITOR, ["response", part])
    return text


def run(page: Page) -> Any:
    """Run the operation of the open tab; answers the response."""
    page.get_by_role("button", name="Execute query").click()
    return json.loads(answer(page))


def open_tab(page: Page, name: str) -> None:
    tab = page.get_by_role("tab", name=name)
    tab.get_by_role("button", name=name).click()
    expect(tab).to_have_attribute("aria-selected", "true")


def knows_the_schema(page: Page) -> None:
    """Wait until GraphiQL has read the schema."""
    page.get_by_role("button", name="Show Documentation Explorer").click()
    expect(page.get_by_role("link", name="Subscription", exact=True)).to_be_visible()


def test_a_link_signs_in_and_the_first_tab_runs(open_page: OpenPage, sampled: Headgate) -> None:
    page = open_page("/graphiql", on=sampled)
    expect(page.get_by_text("Signed in as admin@localhost (ADMIN)")).to_be_visible()
    assert page.evaluate("location.href").endswith("/graphiql")
    data = run(page)["data"]
    assert data["viewer"]["role"] == "ADMIN"
    assert "loans" in [edge["node"]["name"] for edge in data["datasets"]["edges"]]


def test_every_example_runs_as_it_stands(open_page: OpenPage, sampled: Headgate) -> None:
    page = open_page("/graphiql", on=sampled)
    tabs = page.get_by_role("tab")
    expect(tabs).to_have_count(EXAMPLES)
    expect(page.get_by_text("Signed in as")).to_be_visible()
    for name in [tab.inner_text().strip() for tab in tabs.all()]:
        open_tab(page, name)
        if name == "Watch":
            continue  # the test below
        if name == "Correct":
            page.evaluate(TEXT_OF_EDITOR, ["variables", "job_"])
        said = run(page)
        assert "errors" not in said, (name, said)
        payloads = [value for value in said["data"].values() if isinstance(value, dict)]
        assert not any(payload.get("errors") for payload in payloads), (name, said)


def test_a_subscription_tells_events_until_it_is_stopped(open_page: OpenPage, sampled: Headgate) -> None:
    page = open_page("/graphiql", on=sampled)
    open_tab(page, "Watch")
    with page.expect_websocket() as opened:
        page.get_by_role("button", name="Execute query").click()
    # What happens before the server has taken the subscription is not told.
    started = [_ingest(sampled) for _ in range(3)]
    told = answer(page, "SUCCEEDED")
    assert any(job in told for job in started)
    with opened.value.expect_event("close"):
        page.get_by_role("button", name="Stop query").click()
    expect(page.get_by_role("button", name="Execute query")).to_be_visible()
    later = _ingest(sampled)
    assert later not in answer(page)


def _ingest(headgate: Headgate) -> str:
    given = {"data": {"records": [{"id": 1}]}, "dataset": "watched", "waitSeconds": 30}
    job: str = ask(headgate, INGEST, input=given)["ingest"]["job"]["id"]
    return job


def test_the_documentation_tells_what_the_schema_says(open_page: OpenPage, sampled: Headgate) -> None:
    page = open_page("/graphiql", on=sampled)
    knows_the_schema(page)
    page.get_by_role("link", name="Mutation", exact=True).click()
    page.get_by_role("link", name="correctErrors", exact=True).click()
    expect(page.get_by_text("checks them again and ingests those that pass now")).to_be_visible()


def test_the_explorer_builds_an_operation(open_page: OpenPage, sampled: Headgate) -> None:
    page = open_page("/graphiql", on=sampled)
    open_tab(page, "Health")
    knows_the_schema(page)
    page.get_by_role("button", name="Show GraphiQL Explorer").click()
    page.locator(".graphiql-explorer-health [data-field-name='timestamp']").click()
    expect(page.get_by_role("region", name="Operation Editor")).to_contain_text("timestamp")
    assert run(page)["data"]["health"]["timestamp"]


def test_the_history_keeps_what_was_run(open_page: OpenPage, sampled: Headgate) -> None:
    page = open_page("/graphiql", on=sampled)
    open_tab(page, "Health")
    run(page)
    page.reload()
    page.get_by_role("button", name="Show History").click()
    kept = page.get_by_role("region", name="History").get_by_role("listitem")
    # Run while GraphiQL still has the operation's name of the tab before, it is kept twice.
    expect(kept.filter(has_text="Health").first).to_be_visible()


def test_keys_run_an_operation(open_page: OpenPage, sampled: Headgate) -> None:
    page = open_page("/graphiql", on=sampled)
    open_tab(page, "Health")
    page.get_by_role("region", name="Operation Editor").locator(".view-lines").click()
    page.keyboard.press("Control+Enter")
    assert json.loads(answer(page))["data"]["health"]["status"] == "HEALTHY"


def test_saved_tabs_stay_and_examples_can_be_brought_back(open_page: OpenPage, sampled: Headgate) -> None:
    page = open_page("/", on=sampled)
    page.evaluate("tabs => localStorage.setItem('graphiql:tabState', tabs)", json.dumps(SAVED_TABS))
    page.goto("/graphiql")
    expect(page.get_by_role("tab")).to_have_count(1)
    assert "version" in run(page)["data"]["health"]
    page.get_by_role("button", name="Show Examples").click()
    examples = page.get_by_role("region", name="Examples").get_by_role("listitem")
    expect(examples).to_have_count(EXAMPLES)
    examples.filter(has_text="filtered and sorted").get_by_role("button").click()
    expect(page.get_by_role("tab")).to_have_count(2)
    assert run(page)["data"]["dataset"]["rows"]["records"]
    page.get_by_role("tab", name="Mine").get_by_role("button", name="Mine").click()
    examples.filter(has_text="filtered and sorted").get_by_role("button").click()
    expect(page.get_by_role("tab", name="Rows")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("tab")).to_have_count(2)


def test_a_stranger_can_paste_a_token(open_page: OpenPage, sampled: Headgate) -> None:
    page = open_page("/graphiql", on=sampled, role=None, refuses=True)
    expect(page.get_by_text("Nobody is signed in.", exact=True)).to_be_visible()
    page.get_by_role("button", name="Sign in or paste a token").click()
    page.get_by_label("Token").fill("what I remember of it")
    page.get_by_role("button", name="Use the token").click()
    expect(page.get_by_text("This token is not, or no longer, good.")).to_be_visible()
    expect(page.get_by_label("Token")).to_have_value("what I remember of it")
    check_accessibility(page, known=OF_GRAPHIQL)
    page.get_by_label("Token").fill(f"Bearer {sampled.token('VIEWER')}")
    page.get_by_role("button", name="Use the token").click()
    expect(page.get_by_text("(VIEWER)")).to_be_visible()
    knows_the_schema(page)


def test_a_stranger_can_sign_in_with_a_password(open_page: OpenPage, sampled: Headgate) -> None:
    email = new_user(sampled)["email"]
    page = open_page("/graphiql", on=sampled, role=None)
    page.get_by_role("button", name="Sign in or paste a token").click()
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_text(f"Signed in as {email} (OPERATOR)")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()


def test_a_token_that_has_expired_is_told_of(open_page: OpenPage, sampled: Headgate) -> None:
    expired = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxIiwiZXhwIjoxfQ.c2lnbmVk"
    page = open_page(f"/graphiql#token={expired}", on=sampled, role=None, refuses=True)
    expect(page.get_by_text("The token is wrong or has expired.")).to_be_visible()
    expect(page.get_by_role("button", name="Sign in or paste a token")).to_be_visible()
    assert run(page)["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_in_production_administrators_see_the_schema_and_others_are_told(
    open_page: OpenPage, production: Headgate
) -> None:
    page = open_page("/graphiql", on=production)
    knows_the_schema(page)
    page = open_page("/graphiql", on=production, role="VIEWER")
    page.get_by_role("button", name="Show Documentation Explorer").click()
    expect(page.get_by_text("Error fetching schema")).to_be_visible()
    assert run(page)["data"]["viewer"]["role"] == "VIEWER"


def test_a_server_that_is_gone_is_told_in_words(open_page: OpenPage, sampled: Headgate) -> None:
    page = open_page("/graphiql", on=sampled, refuses=True)
    knows_the_schema(page)
    page.route("**/graphql", lambda route: route.abort("connectionrefused"))
    assert "the server or the network is down" in run(page)["errors"][0]["message"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_of_it_is_accessible_in_both_schemes(open_page: OpenPage, sampled: Headgate, scheme: str) -> None:
    page = open_page("/graphiql", on=sampled, color_scheme=scheme)
    run(page)
    check_accessibility(page, known=OF_GRAPHIQL)
    knows_the_schema(page)
    check_accessibility(page, known=OF_GRAPHIQL)
    for pane in ("GraphiQL Explorer", "History", "Examples"):
        page.get_by_role("button", name=f"Show {pane}").click()
        expect(page.get_by_role("button", name=f"Hide {pane}")).to_be_visible()
        check_accessibility(page, known=OF_GRAPHIQL)


def test_editors_turn_dark_with_the_system(open_page: OpenPage, sampled: Headgate) -> None:
    page = open_page("/graphiql", on=sampled, color_scheme="light")
    editor = page.get_by_role("region", name="Operation Editor").locator(".monaco-editor").first
    expect(editor).not_to_have_class("vs-dark")
    page.emulate_media(color_scheme="dark")
    expect(editor).to_contain_class("vs-dark")
