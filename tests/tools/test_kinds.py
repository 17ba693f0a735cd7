"""The pages about kinds are written from the kinds."""

import re

from headgate.pipelines import catalog, yaml_text
from tools.reference.kinds import pages


def test_each_kind_has_a_page_to_which_the_index_leads() -> None:
    found = pages()
    links = re.findall(r"\]\(([a-z0-9_/]+\.md)\)", found["README.md"])
    assert sorted(links) == sorted(found.keys() - {"README.md"})
    assert "checks/row_count.md" in links


def test_a_page_says_what_the_kind_does_how_it_is_set_and_shows_it() -> None:
    page = pages()["checks/unique.md"]
    assert "No two rows have the same values in these columns" in page
    assert "| `columns` | list of text | needed | The columns that tell rows apart together. |" in page
    assert "| `inDataset` | true or false | `false` | Whether a row fails too" in page
    [example] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    [entry] = [entry for entry in catalog.checks() if entry.name == "unique"]
    assert yaml_text.read(example) == entry.example
