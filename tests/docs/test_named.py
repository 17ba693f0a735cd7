"""What pages name is there, and what is there is named."""

import re

import httpx
import pytest

from headgate.settings import Settings, describe
from tests.acceptance.processes import Headgate
from tests.docs.snippets import DOCS, pages

OF_CLIENTS = {"HEADGATE_URL", "HEADGATE_TOKEN"}


def _text(page: str) -> str:
    return (DOCS / page).read_text()


@pytest.mark.parametrize("page", pages())
def test_settings_that_a_page_names_are_there(page: str) -> None:
    known = {row.variable for row in describe(Settings.model_construct())} | OF_CLIENTS
    named = set(re.findall(r"`(HEADGATE_[A-Z_]+[A-Z])`", _text(page)))
    assert sorted(named - known) == []


@pytest.mark.parametrize("page", pages())
def test_files_of_the_repository_that_a_page_names_are_there(page: str) -> None:
    named = re.findall(
        r"`((?:deploy|demo|examples|docs)/[\w./-]+|Dockerfile|compose\.yaml|\.env\.example)`", _text(page)
    )
    assert [name for name in named if not (DOCS.parent / name).exists()] == []


@pytest.mark.xdist_group("docs")
def test_every_metric_is_explained_in_the_words_that_prometheus_gets(headgate: Headgate) -> None:
    told = httpx.get(f"{headgate.url}/metrics", trust_env=False).text
    # Beside each counter that has counted something, Prometheus' library tells when it began.
    metrics = dict(re.findall(r"^# HELP (?!\w+_created )(\w+?)(?:_total)? (.*)$", told, re.MULTILINE))
    rows = re.findall(r"^\| `(headgate_\w+)` \| [^|]+ \| ([^|]+) \|", _text("operate.md"), re.MULTILINE)
    assert dict(rows) == metrics
