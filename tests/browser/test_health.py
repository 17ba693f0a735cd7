"""The page of health."""

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage, check_accessibility


def test_every_part_and_every_worker_is_shown(open_page: OpenPage) -> None:
    page = open_page("/health", viewport={"width": 390, "height": 800})
    expect(page.get_by_text("Everything works.")).to_be_visible()
    for part in ("database", "store", "queue", "workers"):
        expect(page.get_by_role("heading", name=part).first).to_be_visible()
    expect(page.get_by_role("region", name="Workers").get_by_role("row")).to_have_count(2)
    check_accessibility(page)


def test_what_is_shown_is_marked_as_old_while_the_server_cannot_be_reached(open_page: OpenPage) -> None:
    page = open_page("/health", refuses=True)
    expect(page.get_by_text("Everything works.")).to_be_visible()
    page.context.set_offline(True)
    expect(page.get_by_text("this is how it was at")).to_be_visible()
    expect(page.get_by_text("Everything works.")).to_be_visible()
    page.context.set_offline(False)
    expect(page.get_by_text("this is how it was at")).to_have_count(0, timeout=15_000)
