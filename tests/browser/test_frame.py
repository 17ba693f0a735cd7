"""What is around every page of the console."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, check_accessibility


def test_a_link_signs_in_and_its_token_leaves_the_address_bar(open_page: OpenPage) -> None:
    page = open_page("/")
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    assert page.evaluate("location.href").endswith("/jobs")
    check_accessibility(page)


def test_a_stranger_is_asked_to_sign_in(open_page: OpenPage) -> None:
    page = open_page("/datasets", role=None)
    expect(page.get_by_label("Password")).to_be_visible()
    check_accessibility(page)


def test_what_is_not_accessible_is_told_with_its_element(open_page: OpenPage) -> None:
    page = open_page("/datasets", role=None)
    page.get_by_label("Password").evaluate("field => { field.parentElement.replaceWith(field); }")
    with pytest.raises(AssertionError, match=r"label \(critical\)[\s\S]*password"):
        check_accessibility(page)
    check_accessibility(page, known=[("label", "password")])
