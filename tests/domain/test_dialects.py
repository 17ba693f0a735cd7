"""What callers say of a dialect is refused where nothing could be read with it, with its place."""

from typing import Any

import pytest

from headgate.domain.dialects import checked_dialect
from headgate.errors import UserFault
from headgate.pipelines.dialect import GivenDialect

PATH = ("data", "text", "dialect")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"encoding": "klingon"}, "encoding"),
        ({"encoding": ""}, "encoding"),
        ({"encoding": "base64"}, "encoding"),
        ({"encoding": "idna"}, "encoding"),
        ({"encoding": "utf-8\x00"}, "encoding"),
        ({"delimiter": ""}, "delimiter"),
        ({"delimiter": "\n"}, "delimiter"),
        ({"delimiter": "a"}, "delimiter"),
        ({"delimiter": "::"}, "delimiter"),
        ({"delimiter": ", ;"}, "delimiter"),
        ({"delimiter": "│"}, "delimiter"),
        ({"delimiter": "\ud800"}, "delimiter"),
        ({"quote": '""'}, "quote"),
        ({"quote": "q"}, "quote"),
        ({"quote": "«"}, "quote"),
        ({"quote": "\r"}, "quote"),
        ({"quote": ",", "delimiter": ","}, "quote"),
        ({"escape": "é"}, "escape"),
        ({"escape": " ", "delimiter": ", "}, "escape"),
        ({"escape": ";", "delimiter": ";"}, "escape"),
        ({"newline": "\n\n"}, "newline"),
        ({"newline": ""}, "newline"),
        ({"skip_rows": -1}, "skipRows"),
        ({"skip_rows": 10_001}, "skipRows"),
    ],
)
def test_nonsense_is_refused_with_its_place(given: dict[str, Any], field: str) -> None:
    with pytest.raises(UserFault) as refused:
        checked_dialect(GivenDialect(**given), PATH)
    assert (refused.value.code, refused.value.path) == ("INVALID_DIALECT", (*PATH, field))


@pytest.mark.parametrize(
    ("given", "checked"),
    [
        ({}, {}),
        ({"encoding": "UTF-8"}, {"encoding": "utf-8"}),
        ({"encoding": "utf-8-sig"}, {"encoding": "utf-8"}),
        ({"encoding": "latin-1"}, {"encoding": "iso8859-1"}),
        ({"delimiter": ", ", "quote": "", "escape": ""}, {"delimiter": ", ", "quote": "", "escape": ""}),
        ({"delimiter": "§", "quote": "'"}, {"delimiter": "§", "quote": "'"}),
        ({"escape": '"'}, {"escape": ""}),
        ({"escape": "'", "quote": "'"}, {"escape": "", "quote": "'"}),
        (
            {"newline": "\r", "skip_rows": 0, "has_header": False},
            {"newline": "\r", "skip_rows": 0, "has_header": False},
        ),
    ],
)
def test_what_can_be_read_is_taken_under_its_usual_name(
    given: dict[str, Any], checked: dict[str, Any]
) -> None:
    assert checked_dialect(GivenDialect(**given), PATH).to_json() == checked
