"""Docstrings of kinds and other settings, as clients and pages show them."""

import inspect

from headgate.pipelines.kinds import Settings


def paragraphs_of(model: type[Settings]) -> list[str]:
    """The paragraphs of a model's docstring, one line each; the first says what it is or does."""
    return unwrapped(inspect.getdoc(model) or "")


def unwrapped(text: str) -> list[str]:
    """The paragraphs of a text, one line each."""
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
