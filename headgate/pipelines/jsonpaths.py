"""Paths into JSON: names of fields and numbers of items, with dots between them."""

from typing import Any

NOWHERE = object()
"""What lies at the end of a path that a document doesn't have."""


def found_at(document: Any, path: str) -> Any:
    """What lies at a path such as `data.items.0.id`, or NOWHERE; an empty path leads to the document itself."""
    for part in path.split(".") if path else ():
        if isinstance(document, dict):
            document = document.get(part, NOWHERE)
        elif isinstance(document, list) and part.isdecimal() and int(part) < len(document):
            document = document[int(part)]
        else:
            return NOWHERE
    return document
