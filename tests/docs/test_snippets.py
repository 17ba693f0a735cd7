"""What the pages show works as it stands there: commands, Python, GraphQL and pipelines, against a real server."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, parse, validate

from tests.acceptance.endpoints import make_endpoint
from tests.acceptance.processes import Client, Headgate
from tests.docs.shells import ROOT, readers_variables, run, run_script
from tests.docs.snippets import SHOWN_ONLY, blocks, pages

RUN = {"sh", "python", "js", "graphql", "yaml"}
MOST_NOT_RUN = 12
ELSEWHERE = {"first-minute.md", "operate.md", "plugins.md", "tour.md"}
"""Pages with tests of their own: they start servers, or are about a package."""
ENDPOINTS = {
    "shop": ("HTTP", "https://shop.example.org"),
    "warehouse": ("SQL", "sqlite:////srv/warehouse.db"),
}
SAVE = """
mutation ($name: String!, $yaml: String!) {
  createPipeline(input: {name: $name, yaml: $yaml}) { pipeline { name version } errors { code message path } }
}
"""

pytestmark = pytest.mark.xdist_group("docs")


def _having(language: str) -> list[str]:
    return [page for page in pages() if page not in ELSEWHERE and blocks(page, language)]


@pytest.fixture(scope="module")
def schema() -> GraphQLSchema:
    return build_schema((ROOT / "schema.graphql").read_text())


@pytest.fixture
def environment(headgate: Headgate, tmp_path: Path) -> Mapping[str, str]:
    """What a reader's shell has: the command, the server and a token for it, and a folder to write into."""
    known = {
        "HEADGATE_HOME": str(headgate.home),
        "HEADGATE_TOKEN": headgate.token(),
        "HEADGATE_URL": headgate.url,
    }
    return {**readers_variables(tmp_path), **known}


@pytest.mark.parametrize("page", _having("sh"))
def test_commands_of_a_page_work_one_after_the_other(page: str, environment: Mapping[str, str]) -> None:
    script = "".join(block.text for block in blocks(page, "sh") if block.is_run)
    shown = run_script(script, environment)
    assert '"errors": [{' not in shown
    assert '"errors":[{' not in shown


@pytest.mark.parametrize("page", _having("python"))
def test_python_of_a_page_works_as_one_script(page: str, environment: Mapping[str, str]) -> None:
    script = "".join(block.text for block in blocks(page, "python") if block.is_run)
    run([sys.executable, "-c", script], environment)


@pytest.mark.parametrize("page", [page for page in pages() if blocks(page, "graphql")])
def test_operations_of_a_page_fit_the_schema(page: str, schema: GraphQLSchema) -> None:
    for block in blocks(page, "graphql"):
        assert validate(schema, parse(block.text)) == [], block.text


@pytest.mark.parametrize("page", _having("yaml"))
async def test_pipelines_of_a_page_can_be_saved(page: str, client: Client) -> None:
    for name, (kind, url) in ENDPOINTS.items():
        await make_endpoint(client, name, kind, {"url": url})
    secrets = {"accessKeyId": "a", "secretAccessKey": "b"}
    await make_endpoint(client, "store", "S3", {"bucket": "exports"}, secrets)
    for number, block in enumerate(blocks(page, "yaml")):
        saved: Any = await client.data(SAVE, name=f"{page.removesuffix('.md')}-{number}", yaml=block.text)
        assert saved["createPipeline"]["errors"] == [], block.text


def test_what_is_not_run_says_why_and_is_little() -> None:
    every = [(page, block) for page in pages() if page != "plugins.md" for block in blocks(page)]
    unknown = [(page, block.language) for page, block in every if block.language not in RUN | SHOWN_ONLY]
    left_out = [(page, block.mark) for page, block in every if not block.is_run]
    assert unknown == []
    assert [(page, mark) for page, mark in left_out if len(mark.partition(": ")[2]) < 10] == []
    assert len(left_out) <= MOST_NOT_RUN
