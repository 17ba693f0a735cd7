"""Pages about the API say all that the schema says, each thing once."""

import re
from collections import Counter
from collections.abc import Mapping

import pytest
from graphql import GraphQLField, GraphQLString

from tools.reference.api import api_pages, meaning
from tools.reference.api_nouns import NOUNS, Api


@pytest.fixture(scope="module")
def pages() -> Mapping[str, str]:
    return api_pages()


@pytest.fixture(scope="module")
def api() -> Api:
    return Api()


def test_each_type_and_each_operation_stands_on_one_page(api: Api, pages: Mapping[str, str]) -> None:
    anchors = Counter(
        anchor for text in pages.values() for anchor in re.findall(r"^##+ .* \{#(\S+)\}$", text, re.M)
    )
    operations = {f"{one.root.lower()}-{one.name}" for one in api.operations}
    assert anchors == Counter({**dict.fromkeys(api.types, 1), **dict.fromkeys(operations, 1)})


def test_modules_that_bring_operations_belong_to_a_page(api: Api) -> None:
    known = {module for noun in NOUNS for module in noun.modules}
    assert {one.module for one in api.operations} - known == set(), (
        "name these in NOUNS of tools/reference/api_nouns.py"
    )


def test_an_operation_tells_its_role_its_arguments_and_their_defaults(pages: Mapping[str, str]) -> None:
    jobs = pages["jobs.md"]
    assert "*Mutation*, answers [JobPayload](#JobPayload)!. Needs the role OPERATOR." in jobs
    assert re.search(
        r"^\| `minIntervalMs` \| \[Int\]\(shared.md#Int\) \| .* Default: `200`\. \|$", jobs, re.M
    )
    assert "Open to everybody." in pages["access.md"]


def test_what_is_deprecated_says_so_first() -> None:
    field = GraphQLField(GraphQLString, description="Its name.", deprecation_reason="Use title.")
    assert meaning(field) == "**Deprecated.** Use title. Its name."
