"""What pages are made of."""

from collections.abc import Sequence

GENERATED = "<!-- Written by `make schema`: change the code, not this page. -->"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table's lines."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines]


def page(*parts: str | Sequence[str]) -> str:
    """A page of paragraphs and tables, with a blank line between them; empty ones are left out."""
    texts = [part if isinstance(part, str) else "\n".join(part) for part in parts]
    return "\n\n".join(text for text in texts if text) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
