"""Signing in, staying so, and signing out."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.processes import Headgate
from tests.browser.asking import PASSWORD, ask, new_user
from tests.browser.conftest import OpenPage, check_accessibility

DEACTIVATE = "mutation ($id: ID!) { updateUser(id: $id, input: {active: false}) { errors { code } } }"
SESSION = "JSON.parse(localStorage.getItem('headgate.session'))"
IS_TAKEN = """
([token]) => fetch("/graphql", {
  method: "POST",
  headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
  body: JSON.stringify({ query: "{ viewer { role } }" }),
}).then((answer) => answer.json()).then((answer) => answer.data?.viewer != null)
"""


@pytest.fixture(scope="module")
def strict_headgate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headgate]:
    """A server whose tokens last four seconds, and that lets three sign-ins fail."""
    home: Path = tmp_path_factory.mktemp("strict") / "home"
    settings = {
        "HEADGATE_TOKEN_HOURS": str(4 / 3600),
        "HEADGATE_LOGIN_ATTEMPTS": "3",
        "HEADGATE_WORKERS": "1",
    }
    headgate = Headgate(home, settings).start()
    yield headgate
    headgate.stop()


def sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def test_whoever_signs_in_gets_to_the_page_of_the_address(open_page: OpenPage, headgate: Headgate) -> None:
    user = new_user(headgate)
    page = open_page("/health", role=None)
    check_accessibility(page)
    sign_in(page, user["email"])
    heading(page, "Health")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()


def test_a_wrong_password_is_refused_and_the_address_stays(open_page: OpenPage, headgate: Headgate) -> None:
    user = new_user(headgate)
    page = open_page("/", role=None)
    sign_in(page, user["email"], "not this one")
    expect(page.get_by_role("alert")).to_contain_text("The address or the password is wrong")
    expect(page.get_by_label("E-mail")).to_have_value(user["email"])


def test_signing_out_ends_the_session_on_the_server_and_in_all_tabs(
    open_page: OpenPage, headgate: Headgate
) -> None:
    page = open_page("/", role=None, refuses=True)
    sign_in(page, new_user(headgate)["email"])
    heading(page, "Jobs")
    other = page.context.new_page()
    other.goto("/health")
    heading(other, "Health")
    token = page.evaluate(SESSION)["accessToken"]
    page.get_by_role("button", name="Account").click()
    check_accessibility(page)
    with page.expect_response(lambda answer: "Logout" in (answer.request.post_data or "")):
        page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    expect(other.get_by_text("You are signed out.")).to_be_visible()
    assert not page.evaluate(IS_TAKEN, [token])


def test_who_loses_access_is_told_at_once_and_the_address_stays(
    open_page: OpenPage, headgate: Headgate
) -> None:
    user = new_user(headgate)
    page = open_page("/health", role=None, refuses=True)
    sign_in(page, user["email"])
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    ask(headgate, DEACTIVATE, id=user["id"])
    expect(page.get_by_text("Your session has ended")).to_be_visible()
    assert page.evaluate("location.pathname") == "/health"


def test_a_link_with_a_wrong_token_says_so(open_page: OpenPage) -> None:
    page = open_page("/jobs#token=no.such.token", role=None, refuses=True)
    expect(page.get_by_text("The token of your link is wrong or has expired")).to_be_visible()


def test_a_changed_password_ends_other_sessions_and_keeps_this_one(
    open_page: OpenPage, headgate: Headgate
) -> None:
    user = new_user(headgate)
    page, elsewhere = (open_page("/", role=None, refuses=True) for _ in range(2))
    for each in (page, elsewhere):
        sign_in(each, user["email"])
        expect(each.get_by_text("Live", exact=True)).to_be_visible()
    page.get_by_role("button", name="Account").click()
    page.get_by_text("Change the password").click()
    page.get_by_label("New password").fill("another horse battery staple")
    page.get_by_label("Present password").fill("not this one")
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_role("button", name="Change it").click()
    expect(page.get_by_text("Changed.")).to_be_visible()
    expect(elsewhere.get_by_text("Your session has ended")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()


def test_tokens_are_renewed_before_they_end_by_one_of_all_tabs(
    open_page: OpenPage, strict_headgate: Headgate
) -> None:
    # The link's administrator makes the user before their own four seconds are over.
    user = new_user(strict_headgate)
    page = open_page("/health", role=None, on=strict_headgate)
    sign_in(page, user["email"])
    heading(page, "Health")
    other = page.context.new_page()
    other.goto("/health")
    first = page.evaluate(SESSION)["accessToken"]
    for each in (page, other):
        each.wait_for_function(f"(first) => {SESSION}.accessToken !== first", arg=first)
    second = page.evaluate(SESSION)["accessToken"]
    page.wait_for_function(f"(second) => {SESSION}.accessToken !== second", arg=second)
    for each in (page, other):
        expect(each.get_by_text("Live", exact=True)).to_be_visible()
        expect(each.get_by_label("Password", exact=True)).to_have_count(0)


def test_too_many_attempts_are_told_with_the_wait(open_page: OpenPage, strict_headgate: Headgate) -> None:
    page = open_page("/", role=None, on=strict_headgate)
    for _ in range(4):
        with page.expect_response("**/graphql"):
            sign_in(page, "somebody@example.org", "a guess")
        expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_role("alert")).to_contain_text("Try again in")
