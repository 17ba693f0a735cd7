"""A file comes in through the console: it is looked at, checked and only then ingested."""

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, Page, Request, Route, expect

from tests.acceptance.processes import Headgate
from tests.browser.asking import ask, dataset
from tests.browser.conftest import OpenPage, check_accessibility

HEADER = "name;age;email\n"
PEOPLE = HEADER + "".join(f"Person {n};{20 + n % 50};p{n}@example.org\n" for n in range(60))
BAD = PEOPLE + "Methuselah;969;old@example.org\n"
MAX_UPLOAD_BYTES = 32_000_000
PIECE_BYTES = 16 * 1024 * 1024
CRAWL_BYTES_A_SECOND = 100_000
FULL_SPEED = -1
ARRIVED = """
query ($name: String!) { files(filter: {nameContains: $name}) { edges { node { status sha256 } } } }
"""
JOBS = '{ jobs(filter: {dataset: "once"}) { totalCount } }'
DROP = """
([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  for (const type of ["dragenter", "dragover", "drop"])
    document.body.dispatchEvent(new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
}
"""
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def own_headgate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headgate]:
    """A server with a limit of its own, for a test that kills it; it comes back at the same address."""
    home: Path = tmp_path_factory.mktemp("own") / "home"
    settings = {"HEADGATE_MAX_UPLOAD_BYTES": str(MAX_UPLOAD_BYTES), "HEADGATE_WORKERS": "1"}
    headgate = Headgate(home, settings).start()
    headgate.settings = {**settings, "HEADGATE_PORT": headgate.url.rsplit(":", 1)[1]}
    yield headgate
    headgate.stop()


def choose(page: Page, name: str, content: bytes) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files(FilePayload(name=name, mimeType="text/csv", buffer=content))


def choose_path(page: Page, path: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files").click()
    chooser.value.set_files(path)


def write_long(path: Path) -> bytes:
    """Write a file of more than one piece, which no packing makes shorter; answers its content."""
    content = b"a,b\n" + b"".join(b"%d,%s\n" % (n, os.urandom(24).hex().encode()) for n in range(400_000))
    path.write_bytes(content)
    return content


def is_second_piece(request: Request) -> bool:
    return request.headers.get("upload-offset") == str(PIECE_BYTES)


@contextmanager
def in_the_second_piece(page: Page, path: Path) -> Iterator[None]:
    """Choose a file and wait for its second piece, which crawls until this is left: it can't arrive meanwhile."""
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")

    def send_at(bytes_a_second: int) -> None:
        conditions = {
            "offline": False,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": bytes_a_second,
        }
        network.send("Network.emulateNetworkConditions", conditions)

    def crawl(route: Route) -> None:
        if is_second_piece(route.request):
            send_at(CRAWL_BYTES_A_SECOND)
        route.continue_()

    page.route("**/uploads/*", crawl)
    with page.expect_request(is_second_piece):
        choose_path(page, path)
    yield
    page.unroute("**/uploads/*")
    send_at(FULL_SPEED)


def hear_uploads(page: Page) -> list[Request]:
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if "/uploads" in request.url else None)
    return sent


def begun(sent: list[Request]) -> int:
    """How often the bytes were sent from the first one on: once by whoever goes on where they stopped."""
    pieces = [request.headers["upload-offset"] for request in sent if request.method == "PATCH"]
    assert [request.method for request in sent].count("POST") == 1
    return pieces.count("0")


def heading(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def go_on_to(page: Page, step: str) -> None:
    page.get_by_role("navigation", name="Steps").get_by_role("link", name=step).click()


def test_a_bad_row_is_seen_before_anything_is_ingested_and_kept_out_when_it_is(
    open_page: OpenPage, headgate: Headgate
) -> None:
    page = open_page("/upload")
    expect(page.get_by_role("button", name="Choose files")).to_be_visible()
    page.evaluate(DROP, ["bad-people.csv", BAD])
    heading(page, "What was found")
    expect(page.get_by_role("definition").filter(has_text="semicolon")).to_be_visible()
    expect(page.get_by_role("region", name="Columns").get_by_role("row", name="age INTEGER")).to_be_visible()
    expect(page.get_by_role("cell", name="Person 3", exact=True)).to_be_visible()
    check_accessibility(page)

    page.get_by_role("button", name="Go on to the checks").click()
    expect(page.get_by_text("All 61 sampled values are different")).not_to_have_count(0)
    page.get_by_role("button", name="Adjust Range of age").click()
    page.get_by_label("Max", exact=True).fill("120")
    page.get_by_role("button", name="Done Range of age").click()
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_text("1 of 61 rows would be rejected.")).to_be_visible()
    row = page.get_by_role("region", name="Rows with faults").get_by_role("row", name="Methuselah")
    expect(row).to_contain_text("at most 120")
    expect(row.get_by_label("Wrong: 969")).to_be_visible()
    check_accessibility(page)
    assert dataset(headgate, "bad_people") is None

    page.get_by_role("button", name="Go on to ingest").click()
    page.get_by_label("Dataset").fill("bad_people")
    check_accessibility(page)
    page.get_by_role("button", name="Ingest the file").click()
    page.wait_for_url("**/jobs/job_*")
    expect(page.get_by_text("Partly accepted").first).to_be_visible()
    assert dataset(headgate, "bad_people")["rowCount"] == 60


def test_a_file_that_was_read_wrongly_is_read_as_one_says(open_page: OpenPage) -> None:
    page = open_page("/upload")
    choose(page, "bars.csv", b"a,b|c\n1,2|3\n4,5|6\n")
    heading(page, "What was found")
    page.get_by_text("Read it in another way").click()
    page.get_by_label("Delimiter").select_option("|")
    page.get_by_role("button", name="Read it so").click()
    expect(page.get_by_role("region", name="First records").get_by_role("cell", name="4,5")).to_be_visible()
    page.get_by_label("Encoding").fill("klingon")
    page.get_by_role("button", name="Read it so").click()
    expect(page.get_by_role("alert").filter(has_text="There is no encoding")).to_be_visible()


def test_the_plan_survives_a_reload_and_the_way_back(open_page: OpenPage) -> None:
    page = open_page("/upload")
    choose(page, "kept.csv", PEOPLE.encode())
    heading(page, "What was found")
    page.get_by_label("Hold every row to these types").check()
    page.get_by_label("age needs a value").check()
    go_on_to(page, "Ingest")
    page.get_by_label("Dataset").fill("not yet a name!")
    page.get_by_role("button", name="Ingest the file").click()
    expect(page.get_by_role("alert").filter(has_text="letter")).to_be_visible()
    page.reload()
    expect(page.get_by_label("Dataset")).to_have_value("not yet a name!")
    page.go_back()
    expect(page.get_by_label("age needs a value")).to_be_checked()


def test_a_file_goes_through_a_template_that_was_uploaded_before(
    open_page: OpenPage, headgate: Headgate
) -> None:
    page = open_page("/upload", viewport={"width": 390, "height": 800})
    choose(page, "earlier.csv", PEOPLE.encode())
    heading(page, "What was found")
    go_on_to(page, "File")
    page.get_by_role("button", name="Use earlier.csv").first.click()
    go_on_to(page, "Checks")
    page.get_by_label("A template").check()
    page.get_by_role("combobox", name="Template").select_option("hubspot.contacts")
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_text("Everything about this check")).to_be_visible()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= page.evaluate("innerWidth")
    check_accessibility(page)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.csv", b"", "empty"),
        ("picture.csv", PNG, "Convert the file first"),
        ("large.csv", b"a\n" + b"1\n" * (MAX_UPLOAD_BYTES // 2), f"up to {MAX_UPLOAD_BYTES} bytes"),
    ],
    ids=["empty", "no text", "too large"],
)
def test_what_cannot_be_used_is_told_in_the_words_of_the_api(
    open_page: OpenPage, own_headgate: Headgate, name: str, content: bytes, words: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    page = open_page("/upload", on=own_headgate, refuses=True)
    choose_path(page, tmp_path / name)
    transfer = page.get_by_role("list", name="Files on their way").get_by_role("listitem", name=name)
    expect(transfer.get_by_text("Not uploaded")).to_be_visible()
    expect(transfer.get_by_role("alert")).to_contain_text(words)
    expect(transfer.get_by_role("alert")).not_to_have_text("The server refused this file.")


def test_an_upload_goes_on_by_itself_when_the_server_was_killed_in_the_middle(
    open_page: OpenPage, own_headgate: Headgate, tmp_path: Path
) -> None:
    content = write_long(tmp_path / "long.csv")
    page = open_page("/upload", on=own_headgate, refuses=True)
    sent = hear_uploads(page)
    with in_the_second_piece(page, tmp_path / "long.csv"):
        own_headgate.kill()
    transfer = page.get_by_role("list", name="Files on their way").get_by_role("listitem", name="long.csv")
    expect(transfer.get_by_text("Trying again")).to_be_visible()
    own_headgate.start()
    expect(page.get_by_role("heading", name="What was found")).to_be_visible(timeout=40_000)
    [edge] = ask(own_headgate, ARRIVED, name="long.csv")["files"]["edges"]
    assert (edge["node"]["status"], edge["node"]["sha256"]) == ("READY", sha256(content).hexdigest())
    assert begun(sent) == 1


def test_a_file_that_was_left_half_sent_goes_on_when_it_is_chosen_again(
    open_page: OpenPage, own_headgate: Headgate, tmp_path: Path
) -> None:
    content = write_long(tmp_path / "half.csv")
    page = open_page("/upload", on=own_headgate, refuses=True)
    sent = hear_uploads(page)
    with in_the_second_piece(page, tmp_path / "half.csv"):
        page.reload()
    expect(page.get_by_text("Choose the same file again to go on.")).to_be_visible()
    choose_path(page, tmp_path / "half.csv")
    expect(page.get_by_role("heading", name="What was found")).to_be_visible()
    [edge] = ask(own_headgate, ARRIVED, name="half.csv")["files"]["edges"]
    assert (edge["node"]["status"], edge["node"]["sha256"]) == ("READY", sha256(content).hexdigest())
    assert begun(sent) == 1


def test_an_ingest_whose_answer_was_lost_is_started_once_when_it_is_sent_again(
    open_page: OpenPage, headgate: Headgate
) -> None:
    page = open_page("/upload", refuses=True)
    choose(page, "once.csv", PEOPLE.encode())
    heading(page, "What was found")
    go_on_to(page, "Ingest")
    page.get_by_label("Dataset").fill("once")

    def lose_answer(route: Route) -> None:
        if "IngestFile" not in (route.request.post_data or ""):
            return route.continue_()
        route.fetch()
        return route.abort()

    page.route("**/graphql", lose_answer)
    page.get_by_role("button", name="Ingest the file").click()
    expect(page.get_by_role("alert").filter(has_text="Check that it is running")).to_be_visible()
    page.unroute("**/graphql")
    page.get_by_role("button", name="Ingest the file").click()
    page.wait_for_url("**/jobs/job_*")
    assert ask(headgate, JOBS)["jobs"]["totalCount"] == 1


def test_a_viewer_checks_a_file_and_is_offered_no_upload_and_no_ingest(
    open_page: OpenPage, headgate: Headgate
) -> None:
    sender = open_page("/upload")
    choose(sender, "seen.csv", PEOPLE.encode())
    heading(sender, "What was found")
    page = open_page("/upload", role="VIEWER")
    expect(page.get_by_text("not upload any")).to_be_visible()
    expect(page.get_by_role("button", name="Choose files")).to_have_count(0)
    page.get_by_role("button", name="Use seen.csv").first.click()
    expect(page.get_by_text("Read it in another way")).to_have_count(0)
    go_on_to(page, "Checks")
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_text("All 60 rows pass.")).to_be_visible()
    expect(page.get_by_role("button", name="Go on to ingest")).to_have_count(0)
