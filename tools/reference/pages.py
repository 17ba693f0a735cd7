"""All pages that are written from the code."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from tools.reference import kinds
from tools.reference.commands import commands_page
from tools.reference.errors import errors_page
from tools.reference.roles import roles_page
from tools.reference.settings import settings_page

FOLDERS = ("kinds", "reference")
"""Folders of the documentation that hold written pages only."""


@cache
def pages() -> Mapping[str, str]:
    """Every page by its path in the documentation."""
    return {
        **{f"kinds/{path}": text for path, text in kinds.pages().items()},
        "reference/cli.md": commands_page(),
        "reference/errors.md": errors_page(),
        "reference/roles.md": roles_page(),
        "reference/settings.md": settings_page(),
    }


def written(docs: Path) -> dict[str, str]:
    """The pages as they stand in a folder of documentation."""
    found = (path for folder in FOLDERS for path in (docs / folder).rglob("*.md"))
    return {path.relative_to(docs).as_posix(): path.read_text() for path in found}


def write(docs: Path) -> None:
    """Let a folder of documentation hold these pages, and no others of their kind."""
    wanted = pages()
    for old in written(docs).keys() - wanted.keys():
        (docs / old).unlink()
    for name, text in wanted.items():
        path = docs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
