"""Paths into JSON lead to what lies there."""

from typing import Any

import pytest

from headgate.pipelines.jsonpaths import NOWHERE, found_at

DOCUMENT = {"data": {"items": [{"id": 7}, None]}, "a": None, "": 1}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("data.items.0.id", 7),
        ("data.items.1", None),
        ("a", None),
        ("", DOCUMENT),
        ("data.items.2", NOWHERE),
        ("data.items.-1", NOWHERE),
        ("data.items.x", NOWHERE),
        ("a.b", NOWHERE),
        ("data.items.0.id.x", NOWHERE),
        (".", NOWHERE),
    ],
)
def test_a_path_leads_to_what_lies_there_or_nowhere(path: str, found: Any) -> None:
    assert found_at(DOCUMENT, path) is found
