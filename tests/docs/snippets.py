"""Blocks of code in the documentation, and what its comments say about them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).parent.parent.parent / "docs"
BLOCK = re.compile(
    r"(?:^ *<!-- test: (?P<mark>[^>]*) -->\n)?^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
SHOWN_ONLY = frozenset({"text"})
"""Languages of blocks in which nothing can be run: what a program prints, or the form of a command."""


class Block(NamedTuple):
    """One block of code; `mark` is what the comment above it says."""

    mark: str
    language: str
    text: str

    @property
    def is_run(self) -> bool:
        """Whether no comment says that it can't be."""
        return not self.mark.startswith("not run")


def blocks(page: str, *languages: str) -> Sequence[Block]:
    """The blocks of a page in their order; those in these languages, where some are given."""
    found = BLOCK.finditer((DOCS / page).read_text())
    every = [
        Block(one["mark"] or "", one["language"], _outdented(one["text"], one["indent"])) for one in found
    ]
    return [block for block in every if not languages or block.language in languages]


def pages() -> Sequence[str]:
    """The pages that are written by hand, and are not about decisions."""
    return sorted(path.name for path in DOCS.glob("*.md"))


def _outdented(text: str, indent: str) -> str:
    return re.sub(f"^{indent}", "", text, flags=re.MULTILINE)
