"""What is around every page of the console."""

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage


def test_a_link_signs_in_and_its_token_leaves_the_address_bar(open_page: OpenPage) -> None:
    page = open_page("/")
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    assert page.evaluate("location.href").endswith("/jobs")


def test_a_stranger_is_asked_to_sign_in(open_page: OpenPage) -> None:
    page = open_page("/datasets", role=None)
    expect(page.get_by_label("Password")).to_be_visible()
