"""Pipelines in the console: made, read, changed, run, paused and deleted."""

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Page, expect

from tests.acceptance.processes import Headgate
from tests.browser.asking import ask, dataset
from tests.browser.conftest import OpenPage, check_accessibility

LOANS = Path(__file__).parents[2] / "demo" / "loans.csv"
PHONE = {"width": 390, "height": 844}
VIEWS = ("overview", "yaml", "jobs", "versions")
YAML = """\
description: Doubles what comes in.
source:
  records: {{records: [{{value: 1}}, {{value: 2}}, {{value: -3}}]}}
steps:
  - filter: {{sql: "value > -10"}}
  - derive: {{columns: [{{name: twice, sql: "value * 2"}}]}}
checks:
  - range: {{columns: [value], min: 0}}
  - required: {{columns: [value]}}
sinks:
  - dataset: {{name: {name}, mode: REPLACE}}
schedule: {{cron: "0 6 * * *", timezone: Europe/Berlin}}
"""
CREATE = "mutation ($input: CreatePipelineInput!) { createPipeline(input: $input) { errors { message } } }"
UPDATE = "mutation ($input: UpdatePipelineInput!) { updatePipeline(input: $input) { errors { message } } }"
RUN = """
mutation ($name: String!) { runPipeline(input: {name: $name, waitSeconds: 20}) { job { status } } }
"""
PIPELINE = "query ($name: String!) { pipeline(name: $name) { version enabled spec } }"


@pytest.fixture
def make_pipeline(headgate: Headgate) -> Iterator[str]:
    """A pipeline of a test's own, which doubles two of three records."""
    name = f"own-{uuid4().hex[:8]}"
    made = ask(headgate, CREATE, input={"name": name, "yaml": YAML.format(name=name)})
    assert not made["createPipeline"]["errors"]
    yield name
    ask(headgate, "mutation ($name: String!) { deletePipeline(name: $name) { deletedId } }", name=name)


def _parts(page: Page) -> list[str]:
    """What the drawing shows, in its order."""
    expect(page.locator("g.node").first).to_be_visible()
    return page.locator("g.node .node-kind").all_text_contents()


def _is_too_wide(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth"))


def test_a_mistake_in_yaml_is_told_at_its_line_and_once_mended_the_pipeline_runs(
    open_page: OpenPage, headgate: Headgate
) -> None:
    name = f"made-{uuid4().hex[:8]}"
    page = open_page("/pipelines?new")
    page.get_by_label("Name").fill(name)
    spec = page.get_by_label("Spec")
    example = spec.input_value().replace("sold-by-country", name)
    spec.fill(example.replace("aggregate:", "agregate:").replace("min: 0", "mni: 0"))
    page.get_by_role("button", name="Make the pipeline").click()
    problems = page.get_by_role("alert").get_by_role("listitem")
    expect(problems).to_have_count(2)
    expect(problems.nth(0)).to_contain_text("steps[1].agregate")
    expect(problems.nth(0)).to_contain_text("There is no step agregate")
    problems.nth(0).get_by_role("button", name="Line 10").click()
    expect(spec).to_be_focused()
    page.keyboard.type("  - aggregate:")
    expect(spec).to_have_value(example.replace("min: 0", "mni: 0"))
    spec.fill(example)
    page.get_by_role("button", name="Make the pipeline").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    assert _parts(page) == ["records", "derive", "aggregate", "range", "dataset"]
    page.get_by_role("button", name="Run now").click()
    page.wait_for_url(re.compile("/jobs/job_"))
    expect(page.get_by_text("Succeeded").first).to_be_visible()
    assert [row["orders"] for row in dataset(headgate, name)["rows"]["records"]] == [2, 1]


def test_text_that_is_no_yaml_is_told_with_its_line_and_a_bad_name_beside_the_name(
    open_page: OpenPage,
) -> None:
    page = open_page("/pipelines?new")
    page.get_by_label("Name").fill("9 lives")
    page.get_by_role("button", name="Make the pipeline").click()
    expect(page.get_by_text("A pipeline's name is a letter")).to_be_visible()
    page.get_by_label("Name").fill("lives")
    page.get_by_label("Spec").fill("source:\n  dataset: {name: sales\nsteps: []\n")
    page.get_by_role("button", name="Make the pipeline").click()
    expect(page.get_by_role("button", name="Line 3")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("lives")


def test_a_template_becomes_a_pipeline_that_runs_on_a_file(open_page: OpenPage) -> None:
    name = f"loans-{uuid4().hex[:8]}"
    page = open_page("/pipelines?new", role="OPERATOR")
    page.get_by_label("Name").fill(name)
    page.get_by_label("A template, as it is").check()
    page.get_by_role("radio", name=re.compile(r"^loans\.applications")).check()
    page.get_by_role("button", name="Make the pipeline").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_role("button", name="Run now")).to_have_count(0)
    page.get_by_label("Run on a file").set_input_files(LOANS)
    page.wait_for_url(re.compile("/jobs/job_"))
    expect(page.get_by_text(re.compile("Partly accepted|Succeeded")).first).to_be_visible()


def test_a_part_of_the_drawing_shows_its_settings_by_keyboard_too(
    open_page: OpenPage, make_pipeline: str
) -> None:
    page = open_page(f"/pipelines/{make_pipeline}", viewport=PHONE)
    assert _parts(page) == ["records", "filter", "derive", "range", "required", "dataset"]
    page.get_by_role("button", name=re.compile("^Step derive")).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Step: derive")).to_contain_text("value * 2")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_role("region", name="Check: range")).to_contain_text("min")
    page.get_by_text("The same as a list").click()
    expect(page.locator(".spec-list > li")).to_have_count(6)


def test_a_change_makes_a_version_whose_difference_is_shown_and_which_can_be_gone_back_from(
    open_page: OpenPage, headgate: Headgate, make_pipeline: str
) -> None:
    page = open_page(f"/pipelines/{make_pipeline}?view=yaml")
    page.get_by_role("button", name="Edit").click()
    spec = page.get_by_label("Spec")
    spec.fill(spec.input_value().replace("value * 2", "value * 3"))
    page.get_by_label("What is new in it").fill("Three times")
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_text("Saved as version 2.")).to_be_visible()
    page.get_by_role("link", name="Versions").click()
    expect(page.get_by_text("Three times")).to_be_visible()
    page.get_by_text("What changed since version 1").click()
    expect(page.locator(".diff .removed")).to_have_text(re.compile(r"value \* 2"))
    expect(page.locator(".diff .added")).to_have_text(re.compile(r"value \* 3"))
    page.get_by_role("button", name="Go back to version 1").click()
    page.get_by_role("button", name="Use version 1").click()
    expect(page.get_by_role("heading", name="Version 3")).to_be_visible()
    steps = ask(headgate, PIPELINE, name=make_pipeline)["pipeline"]["spec"]["steps"]
    assert steps[1]["derive"]["columns"][0]["sql"] == "value * 2"


def test_a_change_that_somebody_else_made_meanwhile_is_not_written_over(
    open_page: OpenPage, headgate: Headgate, make_pipeline: str
) -> None:
    page = open_page(f"/pipelines/{make_pipeline}?view=yaml")
    page.get_by_role("button", name="Edit").click()
    yaml = YAML.format(name=make_pipeline)
    ask(headgate, UPDATE, input={"name": make_pipeline, "yaml": yaml.replace("* 2", "* 5")})
    page.get_by_label("Spec").fill(yaml.replace("* 2", "* 4"))
    page.get_by_role("button", name="Save as a new version").click()
    expect(page.get_by_role("alert").get_by_text("version")).to_be_visible()
    expect(page.get_by_label("Spec")).to_have_value(yaml.replace("* 2", "* 4"))
    assert ask(headgate, PIPELINE, name=make_pipeline)["pipeline"]["version"] == 2


def test_a_pipeline_is_paused_resumed_and_deleted(
    open_page: OpenPage, headgate: Headgate, make_pipeline: str
) -> None:
    page = open_page(f"/pipelines/{make_pipeline}", role="OPERATOR")
    expect(page.get_by_text("on the clocks of Europe/Berlin")).to_be_visible()
    expect(page.get_by_text(re.compile("Next .* in "))).to_be_visible()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("It is paused: nothing starts.")).to_be_visible()
    expect(page.get_by_role("button", name="Run now")).to_have_count(0)
    assert ask(headgate, PIPELINE, name=make_pipeline)["pipeline"]["enabled"] is False
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_role("button", name="Run now")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete the pipeline").click()
    expect(page.get_by_role("heading", name="Pipelines", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name=make_pipeline)).to_have_count(0)
    assert ask(headgate, PIPELINE, name=make_pipeline)["pipeline"] is None


def test_jobs_and_figures_come_by_themselves_and_a_viewer_changes_nothing(
    open_page: OpenPage, headgate: Headgate, make_pipeline: str
) -> None:
    page = open_page(f"/pipelines/{make_pipeline}?view=jobs", role="VIEWER")
    expect(page.get_by_role("heading", name="It never ran")).to_be_visible()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    ask(headgate, RUN, name=make_pipeline)
    row = page.get_by_role("region", name="Jobs").locator("tbody tr")
    expect(row).to_contain_text("Partly accepted")
    assert row.get_by_role("cell").all_inner_texts()[2:5] == ["2", "1", "1"]
    for view in VIEWS:
        page.goto(f"/pipelines/{make_pipeline}?view={view}")
        expect(page.locator("#main h1")).to_have_text(make_pipeline)
        buttons = page.get_by_role("button", name=re.compile("^(Run|Pause|Delete|Edit|Go back)"))
        expect(buttons).to_have_count(0)
    page.goto("/pipelines?new")
    expect(page.get_by_role("link", name=make_pipeline)).to_be_visible()
    expect(page.get_by_text("New pipeline")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_each_part_is_accessible_and_fits_a_phone(
    open_page: OpenPage, headgate: Headgate, make_pipeline: str, scheme: str
) -> None:
    ask(headgate, RUN, name=make_pipeline)
    page = open_page("/pipelines?new", viewport=PHONE, color_scheme=scheme)
    expect(page.get_by_label("Spec")).to_be_visible()
    check_accessibility(page)
    page.goto("/pipelines")
    expect(page.get_by_role("link", name=make_pipeline)).to_be_visible()
    check_accessibility(page)
    assert not _is_too_wide(page)
    for view in VIEWS:
        page.goto(f"/pipelines/{make_pipeline}?view={view}")
        expect(page.locator("g.node, pre, tbody, .pipeline-versions").first).to_be_visible()
        check_accessibility(page)
        assert not _is_too_wide(page)
