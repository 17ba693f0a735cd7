"""Datasets in the console: their rows, what their columns are like, their versions."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

import headgate.client as api
from tests.acceptance.processes import Headgate
from tests.browser.asking import dataset
from tests.browser.conftest import OpenPage, check_accessibility

LOANS = Path(__file__).parents[2] / "demo" / "loans.csv"
ROWS = 5_000
COUNTRIES = ("DE", "FR", "IT", "ES")
METRICS = tuple(f"metric_{number:02}" for number in range(24))
PHONE = {"width": 390, "height": 844}
VIEWS = ("rows", "columns", "versions")
NOTE = "What somebody wrote about it at length, and more of it than a cell can show: "


@pytest.fixture(scope="session")
def client(headgate: Headgate) -> Iterator[api.Headgate]:
    """A client of the server that the pages are of."""
    with api.Headgate(headgate.url, headgate.token()) as client:
        yield client


@pytest.fixture(scope="session")
def events(client: api.Headgate, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a dataset of 5,000 rows and 30 columns, of each common type."""
    path = tmp_path_factory.mktemp("events") / "events.csv"
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "day", "country", "paid", "note", "amount", *METRICS])
        table.writerows(_event(number) for number in range(ROWS))
    contract = {"columns": [{"name": "day", "type": "DATE"}]}
    spec = {"contract": contract, "sinks": [{"dataset": {"name": "events"}}]}
    assert client.wait(client.ingest(path, spec=spec)).status == "SUCCEEDED"
    return "events"


def _event(number: int) -> list[object]:
    day = date(2025, 1, 1) + timedelta(days=number % 365)
    note = "" if number % 4 == 0 else f"{NOTE}{number}"
    metrics = [number * place % 97 for place in range(len(METRICS))]
    return [
        number,
        day.isoformat(),
        COUNTRIES[number % 4],
        str(number % 3 == 0).lower(),
        note,
        f"{number % 250}.5",
        *metrics,
    ]


@pytest.fixture(scope="session")
def loans(client: api.Headgate) -> str:
    """The name of a dataset of loan applications, twice in version 1."""
    for _ in range(2):
        client.wait(client.ingest(LOANS, dataset="loans"))
    return "loans"


@pytest.fixture
def make_dataset(headgate: Headgate, client: api.Headgate) -> Iterator[str]:
    """A dataset of a test's own, with one row in version 0."""
    name = f"own-{uuid4().hex[:8]}"
    _add(client, name, 1)
    yield name
    if dataset(headgate, name):
        client.ask("mutation ($name: String!) { deleteDataset(name: $name) { deletedId } }", name=name)


def _add(client: api.Headgate, name: str, value: int) -> None:
    assert client.wait(client.ingest(records=[{"value": value}], dataset=name)).status == "SUCCEEDED"


def _place(page: Page, text: str) -> None:
    expect(page.get_by_text(re.compile(rf"^Rows {text}$"))).to_be_visible()


def _add_condition(page: Page, column: str, condition: str, value: str = "") -> None:
    page.get_by_role("combobox", name="Column", exact=True).select_option(column)
    page.get_by_role("combobox", name="Condition", exact=True).select_option(condition)
    if value:
        page.get_by_role("textbox", name="Value", exact=True).fill(value)
    page.get_by_role("button", name="Add the condition").click()


def _cells(page: Page, column: str) -> list[str]:
    """The texts that a column shows, from above."""
    names = page.locator(".rows thead .heading-name").all_inner_texts()
    return page.locator(f".rows tbody tr > :nth-child({names.index(column) + 2})").all_inner_texts()


def _is_too_wide(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def test_rows_are_filtered_sorted_and_paged_and_the_address_keeps_it(
    open_page: OpenPage, events: str
) -> None:
    page = open_page(f"/datasets/{events}")
    _place(page, "1 to 100 of 5,000")
    _add_condition(page, "country", "is", "DE")
    _place(page, "1 to 100 of 1,250")
    _add_condition(page, "amount", "is at least", "100")
    _place(page, "1 to 100 of 750")
    page.get_by_role("button", name="id", exact=True).click()
    page.get_by_role("button", name="id", exact=True).click()
    expect(page.get_by_role("columnheader", name="id", exact=False).first).to_have_attribute(
        "aria-sort", "descending"
    )
    expect(page.locator(".rows tbody tr").first).to_contain_text("4996")
    page.get_by_role("button", name="Next 100").click()
    _place(page, "101 to 200 of 750")
    page.reload()
    _place(page, "101 to 200 of 750")
    assert set(_cells(page, "country")) == {"DE"}
    page.get_by_role("button", name="Next 100").click()
    _place(page, "201 to 300 of 750")
    page.get_by_role("button", name="Previous 100").click()
    _place(page, "101 to 200 of 750")
    page.get_by_role("button", name="Remove the condition country is DE").click()
    _place(page, "1 to 100 of 3,000")


def test_values_of_each_type_can_be_asked_for(open_page: OpenPage, events: str) -> None:
    page = open_page(f"/datasets/{events}")
    _add_condition(page, "day", "is at most", "2025-01-10")
    _place(page, "1 to 100 of 140")
    _add_condition(page, "note", "is missing")
    _place(page, "1 to 35 of 35")
    assert set(_cells(page, "note")) == {"null"}
    _add_condition(page, "paid", "is")
    expect(page.get_by_text(re.compile(r"^Rows 1 to \d+ of 1\d$"))).to_be_visible()
    assert set(_cells(page, "paid")) == {"true"}
    page.get_by_role("combobox", name="Column", exact=True).select_option("country")
    page.get_by_role("combobox", name="Condition", exact=True).select_option("is one of")
    page.get_by_label("Values, with commas between").fill("FR, IT")
    page.get_by_role("button", name="Add the condition").click()
    expect(page.get_by_role("heading", name="No row meets all conditions")).to_be_visible()


def test_a_condition_that_makes_no_sense_is_refused_in_words_and_can_be_taken_back(
    open_page: OpenPage, events: str
) -> None:
    page = open_page(f"/datasets/{events}")
    _add_condition(page, "id", "is more than", "many")
    expect(page.get_by_role("alert")).to_contain_text('"many" can\'t be compared with the INTEGER column id.')
    page.get_by_role("button", name="Remove the condition id is more than many").click()
    _place(page, "1 to 100 of 5,000")


def test_columns_are_chosen_and_a_long_value_is_shown_as_a_whole(open_page: OpenPage, events: str) -> None:
    page = open_page(f"/datasets/{events}")
    page.get_by_text("All 30 columns").click()
    page.get_by_label("Find a column").fill("not")
    page.get_by_role("button", name="Show only note").click()
    expect(page.locator(".rows thead .heading-name")).to_have_text(["note"])
    page.keyboard.press("Escape")
    page.get_by_role("button", name=re.compile("^What somebody")).first.click()
    expect(page.get_by_role("dialog", name="note")).to_contain_text(f"{NOTE}1")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_histograms_hold_every_value(open_page: OpenPage, events: str) -> None:
    page = open_page(f"/datasets/{events}?view=columns")
    for column in ("id", "day", "amount"):
        card = page.get_by_role("region", name=re.compile(rf"^{column} "))
        expect(card.get_by_role("img", name=re.compile(f"^Histogram of {column} in 20 bars"))).to_be_visible()
        expect(card.locator(".bin-bar")).to_have_count(20)
        card.get_by_text("As a table").click()
        counts = card.locator("tbody td:last-child").all_inner_texts()
        assert sum(int(count.replace(",", "")) for count in counts) == ROWS
    missing = page.get_by_role("region", name=re.compile("^note "))
    expect(missing).to_contain_text("1,250 missing (25%)")
    page.get_by_role("region", name=re.compile("^country ")).get_by_role("link", name="FR").click()
    _place(page, "1 to 100 of 1,250")


def test_a_download_has_the_rows_and_columns_that_are_shown(open_page: OpenPage, events: str) -> None:
    condition = '[{"column":"id","lt":40},{"column":"country","eq":"DE"}]'
    page = open_page(f'/datasets/{events}?filter={condition}&columns=["id","country"]')
    _place(page, "1 to 10 of 10")
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download").click()
    rows = list(csv.reader(io.StringIO(downloading.value.path().read_text())))
    assert rows == [["id", "country"], *([str(number), "DE"] for number in range(0, 40, 4))]


def test_an_old_version_is_looked_at_and_restored(
    open_page: OpenPage, headgate: Headgate, client: api.Headgate, make_dataset: str
) -> None:
    _add(client, make_dataset, 2)
    page = open_page(f"/datasets/{make_dataset}?view=versions")
    expect(page.get_by_role("row", name=re.compile("^1 "))).to_contain_text("Shown")
    expect(page.get_by_role("button", name="Restore version 1")).to_have_count(0)
    page.get_by_role("link", name="Look at version 0").click()
    expect(page.get_by_text("This is version 0.")).to_be_visible()
    _place(page, "1 to 1 of 1")
    page.get_by_role("button", name="Restore version 0").click()
    page.get_by_role("dialog").get_by_role("button", name="Restore version 0").click()
    expect(page.get_by_text("This is version 0.")).to_have_count(0)
    _place(page, "1 to 1 of 1")
    expect(page.get_by_text("Version2")).to_be_visible()
    assert dataset(headgate, make_dataset)["rowCount"] == 1


def test_a_new_version_is_announced_and_shown_once_somebody_wants_it(
    open_page: OpenPage, client: api.Headgate, make_dataset: str
) -> None:
    page = open_page(f"/datasets/{make_dataset}")
    _place(page, "1 to 1 of 1")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    _add(client, make_dataset, 2)
    expect(page.get_by_text("Version 1 is there, with 2 rows. This is version 0.")).to_be_visible()
    _place(page, "1 to 1 of 1")
    page.get_by_role("button", name="Show version 1").click()
    _place(page, "1 to 2 of 2")


def test_a_dataset_is_deleted_once_that_was_confirmed_and_those_who_read_it_are_told(
    open_page: OpenPage, headgate: Headgate, make_dataset: str
) -> None:
    reader = open_page(f"/datasets/{make_dataset}", role="VIEWER")
    _place(reader, "1 to 1 of 1")
    expect(reader.get_by_text("Live", exact=True)).to_be_visible()
    page = open_page(f"/datasets/{make_dataset}", role="OPERATOR")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Go back").click()
    assert dataset(headgate, make_dataset) is not None
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete the dataset").click()
    expect(page.get_by_role("heading", name="Datasets", exact=True)).to_be_visible()
    expect(reader.get_by_role("heading", name=f"{make_dataset} was deleted")).to_be_visible()
    assert dataset(headgate, make_dataset) is None


def test_datasets_are_found_by_name_and_new_ones_come_by_themselves(
    open_page: OpenPage, client: api.Headgate, make_dataset: str
) -> None:
    page = open_page("/datasets")
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    page.get_by_label("Find a dataset by name").fill(make_dataset.upper())
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_role("link", name=make_dataset)).to_be_visible()
    page.get_by_label("Find a dataset by name").fill(f"{make_dataset}-next")
    expect(page.get_by_role("heading", name=re.compile("^No dataset has"))).to_be_visible()
    _add(client, f"{make_dataset}-next", 1)
    page.get_by_role("link", name=f"{make_dataset}-next").click()
    _place(page, "1 to 1 of 1")


def test_what_is_not_there_is_said(open_page: OpenPage, events: str) -> None:
    page = open_page("/datasets/nothing")
    expect(page.get_by_role("heading", name="There is no dataset nothing")).to_be_visible()
    page = open_page(f"/datasets/{events}?version=77")
    expect(page.get_by_role("heading", name="Version 77 can't be read")).to_be_visible()


def test_a_viewer_sees_everything_and_changes_nothing(
    open_page: OpenPage, client: api.Headgate, make_dataset: str
) -> None:
    _add(client, make_dataset, 2)
    page = open_page(f"/datasets/{make_dataset}?view=versions", role="VIEWER")
    expect(page.get_by_role("link", name="Look at version 0")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Restore|Delete"))).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_part_is_accessible(open_page: OpenPage, loans: str, scheme: str) -> None:
    page = open_page(f"/datasets?name={loans}", color_scheme=scheme)
    expect(page.get_by_role("link", name=loans, exact=True)).to_be_visible()
    check_accessibility(page)
    for view in VIEWS:
        page.goto(f"/datasets/{loans}?view={view}&version=0")
        expect(page.locator(".rows td, .histogram, .versions td").first).to_be_visible()
        check_accessibility(page)


def test_no_part_is_wider_than_a_phone(open_page: OpenPage, events: str) -> None:
    page = open_page("/datasets", viewport=PHONE)
    expect(page.get_by_role("link", name=events, exact=True)).to_be_visible()
    assert not _is_too_wide(page)
    for view in VIEWS:
        page.goto(f"/datasets/{events}?view={view}")
        expect(page.locator(".rows td, .histogram, .versions td").first).to_be_visible()
        assert not _is_too_wide(page)
