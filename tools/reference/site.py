"""What mkdocs is told beside `mkdocs.yml`: pages about the API, and lists of pages that nobody has to keep by hand."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from tools.reference.api import api_pages
from tools.reference.api_nouns import NOUNS

LISTED = "*"
"""Ends an entry of the navigation that stands for all pages of a folder, such as `decisions/*`."""
API = "api/"
SEARCH = 'data-md-component="search" role="dialog"'
"""How the theme writes its search."""


def on_config(config: MkDocsConfig) -> None:
    """Put all pages of a folder in the place of `folder/*`."""
    docs = Path(config.docs_dir)
    config.nav = [_expanded(entry, docs) for entry in config.nav or []]


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages about the API."""
    for name, text in api_pages().items():
        files.append(File.generated(config, API + name, content=text))


def on_post_page(output: str, **_: object) -> str:
    """Give the theme's search a name for those who can't see it."""
    return output.replace(SEARCH, f'{SEARCH} aria-label="Search"')


def _expanded(entry: Any, docs: Path) -> Any:
    if isinstance(entry, dict):
        return {title: _expanded(below, docs) for title, below in entry.items()}
    if isinstance(entry, list):
        return [page for each in entry for page in _pages(each, docs)]
    return entry


def _pages(entry: Any, docs: Path) -> Iterator[Any]:
    if not isinstance(entry, str) or not entry.endswith(LISTED):
        yield _expanded(entry, docs)
    elif entry.startswith(API):
        yield from ({noun.title: f"{API}{noun.name}.md"} for noun in NOUNS)
    else:
        folder = entry.removesuffix(LISTED)
        yield from (f"{folder}{path.name}" for path in sorted((docs / folder).glob("*.md")))
