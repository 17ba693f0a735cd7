"""Jobs in the console: the list, a job to its end, its errors, and correcting them where they stand."""

import csv
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.acceptance.processes import Headgate
from tests.browser.asking import ask, dataset
from tests.browser.conftest import OpenPage, check_accessibility

INGEST = """
mutation ($input: IngestInput!) { ingest(input: $input) { job { id status } errors { message } } }
"""
START = """
mutation ($input: IngestMappingsInput!) { ingestMappings(input: $input) { job { id } errors { message } } }
"""
BATCH = (
    "mutation ($input: IngestBatchInput!) { ingestBatch(input: $input) { job { id } errors { message } } }"
)
VALIDATE = "mutation ($input: ValidateInput!) { validate(input: $input) { job { id } errors { message } } }"
ENDPOINT = "mutation ($input: EndpointInput!) { createEndpoint(input: $input) { errors { message } } }"
PEOPLE = """\
name,age,country
Ada,36,Germany
Bob,old,Gemany
Eve,200,France
Kim,20,Spian
"""
RULES = {
    "contract": {"columns": [{"name": "age", "type": "INTEGER"}]},
    "checks": [
        {"range": {"columns": ["age"], "min": 0, "max": 150}},
        {"oneOf": {"columns": ["country"], "values": ["Germany", "France", "Spain"]}},
    ],
}
LOST = "The connection to the server was lost"
PHONE = {"width": 390, "height": 800}


def new_name(what: str = "people") -> str:
    return f"{what}_{uuid4().hex[:12]}"


def text(content: str) -> dict[str, Any]:
    return {"text": {"format": "CSV", "content": content}}


def ingest(headgate: Headgate, name: str, content: str = PEOPLE, **more: object) -> str:
    """Ingest a text and wait for its job; answers the job's id."""
    given = {"data": text(content), "dataset": name, "spec": RULES, "waitSeconds": 30, **more}
    payload = ask(headgate, INGEST, input=given)["ingest"]
    assert not payload["errors"], payload["errors"]
    return str(payload["job"]["id"])


def start_slow_job(headgate: Headgate, *, latency_ms: int = 100, items: int = 200) -> str:
    """Start a job that takes seconds, in small steps; answers its id."""
    endpoint = new_name("slow")
    settings = {"latencyMs": latency_ms, "successRate": 1}
    ask(headgate, ENDPOINT, input={"name": endpoint, "kind": "SIMULATED", "settings": settings})
    mappings = [
        {"id": f"item {number}", "source": endpoint, "target": endpoint, "transformation": {}}
        for number in range(items)
    ]
    return str(ask(headgate, START, input={"mappings": mappings})["ingestMappings"]["job"]["id"])


def expect_status(page: Page, status: str) -> None:
    expect(page.get_by_role("heading", level=1).get_by_text(status, exact=True)).to_be_visible()


def field(page: Page, row: int, column: str) -> Locator:
    return page.get_by_role("textbox", name=f"Row {row}, {column}")


def expect_no_sideways_scroll(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_bad_cells_are_corrected_in_place_until_their_job_has_succeeded(
    open_page: OpenPage, headgate: Headgate
) -> None:
    name = new_name()
    page = open_page(f"/jobs/{ingest(headgate, name)}")
    expect_status(page, "Partly accepted")
    rows = page.get_by_role("region", name="What became of the rows")
    expect(rows.get_by_text("3 rejected")).to_be_visible()
    check_accessibility(page)
    page.get_by_role("button", name="Accept 2 suggestions").click()
    field(page, 2, "age").fill("30")
    field(page, 3, "age").fill("300")
    check_accessibility(page)
    page.get_by_role("button", name="Send corrections").click()
    expect(page.get_by_text("2 rows are good now")).to_be_visible()
    expect(rows.get_by_text("1 rejected")).to_be_visible()
    expect(page.get_by_text("The value must be at least 0 and at most 150.")).to_be_visible()
    expect(field(page, 3, "age")).to_have_value("300")
    field(page, 3, "age").fill("33")
    page.get_by_role("button", name="Send corrections").click()
    expect_status(page, "Succeeded")
    expect(rows.get_by_text("4 accepted")).to_be_visible()
    expect(page.get_by_text("None is open any more.")).to_be_visible()
    page.get_by_role("link", name=f"See the rows in {name}").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    records = dataset(headgate, name)["rows"]["records"]
    assert sorted((each["name"], each["age"], each["country"]) for each in records) == [
        ("Ada", 36, "Germany"),
        ("Bob", 30, "Germany"),
        ("Eve", 33, "France"),
        ("Kim", 20, "Spain"),
    ]


def test_a_kind_of_error_narrows_the_rows_and_stands_in_the_address(
    open_page: OpenPage, headgate: Headgate
) -> None:
    page = open_page(f"/jobs/{ingest(headgate, new_name())}")
    rows = page.get_by_role("table", name="Rows with errors")
    expect(rows.get_by_role("rowheader")).to_have_count(3)
    page.get_by_role("button", name=re.compile("country ENUM")).click()
    expect(rows.get_by_role("rowheader")).to_have_count(2)
    page.reload()
    expect(rows.get_by_role("rowheader")).to_have_count(2)
    page.get_by_label("country of the 2 rows shown").fill("Spain")
    page.get_by_role("button", name="Fill in").click()
    expect(field(page, 2, "country")).to_have_value("Spain")
    page.get_by_role("button", name=re.compile("country ENUM")).click()
    expect(rows.get_by_role("rowheader")).to_have_count(3)
    expect(field(page, 2, "country")).to_have_value("Spain")
    field(page, 2, "age").focus()
    page.keyboard.press("Enter")
    expect(field(page, 2, "country")).to_be_focused()


def test_rejected_rows_are_downloaded_corrected_elsewhere_and_sent_back(
    open_page: OpenPage, headgate: Headgate, tmp_path: Path
) -> None:
    page = open_page(f"/jobs/{ingest(headgate, new_name())}")
    with page.expect_download() as errors:
        page.get_by_role("button", name="Errors as CSV").click()
    with Path(errors.value.path()).open() as file:
        assert {line["code"] for line in csv.DictReader(file)} == {"TYPE", "ENUM", "RANGE"}
    with page.expect_download() as rows:
        page.get_by_role("button", name="Rejected rows as CSV").click()
    edited = Path(rows.value.path()).read_text()
    for bad, good in (("old", "31"), ("Gemany", "Germany"), ("200", "20"), ("Spian", "Spain")):
        edited = edited.replace(f",{bad}", f",{good}", 1)
    corrected = tmp_path / "corrected.csv"
    corrected.write_text(edited)
    page.get_by_label("Send corrected rows").set_input_files(corrected)
    expect(page.get_by_text("3 rows are good now")).to_be_visible()
    expect_status(page, "Succeeded")


def test_rejected_rows_are_tried_again_by_a_job_of_their_own(open_page: OpenPage, headgate: Headgate) -> None:
    job = ingest(headgate, new_name())
    page = open_page(f"/jobs/{job}")
    page.get_by_role("button", name="Try the 3 rejected rows again").click()
    again = page.get_by_role("link", name="an earlier ingest")
    expect(again).to_be_visible()
    expect_status(page, "Failed")
    expect(page.get_by_role("heading", name="The data was not accepted")).to_be_visible()
    again.click()
    expect_status(page, "Partly accepted")
    expect(page.get_by_text("Later jobs for it")).to_be_visible()


def test_a_running_job_moves_until_it_is_canceled(open_page: OpenPage, headgate: Headgate) -> None:
    job = start_slow_job(headgate)
    page = open_page(f"/jobs/{job}")
    bar = page.get_by_role("progressbar")
    expect(bar).to_have_attribute("value", re.compile("[1-9]"))
    before = float(bar.get_attribute("value") or 0)
    page.wait_for_function("before => document.querySelector('progress').value > before", arg=before)
    check_accessibility(page)
    page.get_by_role("button", name="Cancel the job").click()
    dialog = page.get_by_role("dialog", name="Cancel this job?")
    check_accessibility(page)
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Cancel the job").click()
    dialog.get_by_label("At once").check()
    dialog.get_by_role("button", name="Cancel the job").click()
    expect_status(page, "Canceled")
    expect(page.get_by_role("button", name="Try it again")).to_be_visible()
    page.get_by_text("Events", exact=True).click()
    expect(page.get_by_text("It was asked to stop at once.")).to_be_visible()


def test_the_list_shows_jobs_as_they_come_and_go(open_page: OpenPage, headgate: Headgate) -> None:
    name = new_name()
    ingest(headgate, name)
    page = open_page(f"/jobs?dataset={name}")
    jobs = page.get_by_role("table", name="Jobs").get_by_role("rowheader")
    expect(jobs).to_have_count(1)
    check_accessibility(page)
    # While a pointer is over the list, nothing moves below it.
    jobs.first.hover()
    ingest(headgate, name, "name,age,country\nAda,36,Germany\n")
    page.get_by_role("button", name="Show 1 new job").click()
    expect(jobs).to_have_count(2)
    page.get_by_role("heading", name="Jobs", exact=True).hover()
    ingest(headgate, name)
    expect(jobs).to_have_count(3)
    ingest(headgate, new_name())
    page.get_by_role("button", name=re.compile("Succeeded")).click()
    expect(jobs).to_have_count(1)
    assert "status=SUCCEEDED" in page.url
    page.reload()
    expect(jobs).to_have_count(1)
    page.get_by_role("button", name="Clear the filter").click()
    expect(jobs.nth(3)).to_be_visible()


def test_a_long_list_is_read_page_by_page_and_found_again_on_the_way_back(
    open_page: OpenPage, headgate: Headgate
) -> None:
    name = new_name()
    items = [{"data": text("a\n1\n"), "dataset": name} for _ in range(30)]
    ask(headgate, BATCH, input={"items": items, "waitSeconds": 30})
    page = open_page(f"/jobs?dataset={name}")
    jobs = page.get_by_role("table", name="Jobs").get_by_role("rowheader")
    expect(jobs).to_have_count(25)
    page.get_by_role("button", name="Load more jobs").click()
    expect(jobs).to_have_count(30)
    jobs.last.get_by_role("link", name=name).click()
    expect_status(page, "Succeeded")
    page.go_back()
    expect(jobs).to_have_count(30)
    expect(jobs.last).to_be_in_viewport()


def test_a_batch_shows_its_items_and_leads_to_them(open_page: OpenPage, headgate: Headgate) -> None:
    good, bad = new_name("good"), new_name("bad")
    items = [
        {"data": text("age\n1\n"), "dataset": good, "spec": {"contract": RULES["contract"]}},
        {"data": text("age\nx\n"), "dataset": bad, "spec": {"contract": RULES["contract"]}},
    ]
    job = ask(headgate, BATCH, input={"items": items, "waitSeconds": 30})["ingestBatch"]["job"]["id"]
    page = open_page(f"/jobs/{job}")
    expect(page.get_by_text("1 failed")).to_be_visible()
    expect(page.get_by_text("1 succeeded")).to_be_visible()
    page.get_by_role("link", name=bad).click()
    expect_status(page, "Failed")
    expect(page.get_by_role("link", name="a batch")).to_be_visible()


def test_a_validation_shows_its_report(open_page: OpenPage, headgate: Headgate) -> None:
    given = {"data": text(PEOPLE), **RULES, "waitSeconds": 30}
    job = ask(headgate, VALIDATE, input=given)["validate"]["job"]["id"]
    page = open_page(f"/jobs/{job}")
    expect(page.get_by_text("Not passed: 4 issues found. Nothing was stored.")).to_be_visible()
    expect(page.get_by_role("table", name="Report").get_by_role("rowheader")).to_have_text(
        ["ENUM", "RANGE", "TYPE"]
    )
    expect(page.get_by_role("button", name="Send corrections")).to_have_count(0)


def test_a_viewer_sees_errors_but_nothing_to_change_them_with(
    open_page: OpenPage, headgate: Headgate
) -> None:
    page = open_page(f"/jobs/{ingest(headgate, new_name())}", role="VIEWER")
    expect(page.get_by_role("table", name="Rows with errors").get_by_text("Gemany")).to_be_visible()
    expect(page.get_by_role("button", name="Errors as CSV")).to_be_visible()
    for name in ("Try the", "Accept", "Edit", "Send corrected"):
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    expect(page.get_by_role("textbox")).to_have_count(0)
    check_accessibility(page)


def test_jobs_fit_a_phone_in_the_dark(open_page: OpenPage, headgate: Headgate) -> None:
    names = [f"a_rather_long_name_of_a_column_{number}" for number in range(25)]
    wide = "\n".join([",".join(["age", "country", *names]), ",".join(["old", *["x" * 200] * 26])])
    name = new_name("wide_" + "very_" * 15)
    job = ingest(headgate, name, wide)
    page = open_page(f"/jobs?dataset={name}", viewport=PHONE, color_scheme="dark")
    expect(page.get_by_role("link", name=name).first).to_be_visible()
    expect_no_sideways_scroll(page)
    check_accessibility(page)
    page.goto(f"/jobs/{job}")
    expect(field(page, 1, "age")).to_be_visible()
    expect_no_sideways_scroll(page)
    check_accessibility(page)


@pytest.fixture(scope="module")
def own_headgate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headgate]:
    """A server that tests may stop and start again at the same address."""
    headgate = Headgate(tmp_path_factory.mktemp("own") / "home", {"HEADGATE_WORKERS": "1"}).start()
    headgate.settings = {**headgate.settings, "HEADGATE_PORT": headgate.url.rpartition(":")[2]}
    yield headgate
    if headgate.process is not None:
        headgate.kill()


def test_a_page_says_that_the_server_is_silent_until_it_answers(
    open_page: OpenPage, own_headgate: Headgate
) -> None:
    page = open_page("/jobs", on=own_headgate, refuses=True)
    page.clock.install()
    page.reload()
    live = page.get_by_text("Live", exact=True)
    expect(live).to_be_visible()
    assert own_headgate.process is not None
    own_headgate.process.send_signal(signal.SIGSTOP)
    try:
        page.clock.fast_forward("00:10")
        page.clock.fast_forward("00:05")
        expect(page.get_by_text(LOST)).to_be_visible()
    finally:
        own_headgate.process.send_signal(signal.SIGCONT)
    expect(live).to_be_visible()
    expect(page.get_by_text(LOST)).to_be_hidden()


def test_what_was_typed_outlives_a_server_that_is_killed(open_page: OpenPage, own_headgate: Headgate) -> None:
    page = open_page(f"/jobs/{ingest(own_headgate, new_name())}", on=own_headgate, refuses=True)
    field(page, 2, "age").fill("30")
    own_headgate.kill()
    expect(page.get_by_text(LOST)).to_be_visible()
    page.get_by_role("button", name="Send corrections").click()
    expect(page.get_by_role("alert").get_by_text("Check that it is running")).to_be_visible()
    expect(field(page, 2, "age")).to_have_value("30")
    own_headgate.start()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.get_by_text(LOST)).to_be_hidden()
    page.get_by_role("button", name="Accept 2 suggestions").click()
    page.get_by_role("button", name="Send corrections").click()
    expect(page.get_by_text("2 rows are good now")).to_be_visible()


def test_an_address_of_no_job_says_so(open_page: OpenPage) -> None:
    page = open_page("/jobs/job_01m8165ah5e35a5tksq73we5tc")
    expect(page.get_by_role("heading", name="There is no such job")).to_be_visible()
