"""Settings as JSON Schema hold what specs say, and nothing of how they are checked."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from pydantic import Field

from headgate.pipelines.checks.registry import check_kinds
from headgate.pipelines.kinds import Settings
from headgate.pipelines.settings_schema import settings_schema


class Colour(StrEnum):
    """A colour."""

    RED = "RED"


class Part(Settings):
    """A part,
    in two lines.
    """

    title: str | None = Field(default=None, max_length=9, description="What it is called.")


class Whole(Settings):
    """A whole.

    It has parts.
    """

    all_parts: list[Part] = Field(description="The parts.")
    colour: Colour | None = Field(default=None, description="Its colour.")
    weight: int | str | None = Field(default=None, description="What it weighs.")
    is_new: bool = Field(default=True, description="Whether it is new.")


def test_a_model_is_told_in_the_words_of_specs() -> None:
    assert settings_schema(Whole) == {
        "$defs": {
            "Colour": {"description": "A colour.", "enum": ["RED"], "type": "string"},
            "Part": {
                "additionalProperties": False,
                "description": "A part, in two lines.",
                "properties": {
                    "title": {"description": "What it is called.", "maxLength": 9, "type": "string"}
                },
                "type": "object",
            },
        },
        "additionalProperties": False,
        "description": "A whole.\n\nIt has parts.",
        "properties": {
            "allParts": {"description": "The parts.", "items": {"$ref": "#/$defs/Part"}, "type": "array"},
            "colour": {"$ref": "#/$defs/Colour", "description": "Its colour."},
            "weight": {"anyOf": [{"type": "integer"}, {"type": "string"}], "description": "What it weighs."},
            "isNew": {"default": True, "description": "Whether it is new.", "type": "boolean"},
        },
        "required": ["allParts"],
        "type": "object",
    }


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    if isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def test_no_kind_shows_a_name_of_python() -> None:
    schemas = {kind: settings_schema(model) for kind, model in check_kinds().items()}
    assert not [text for text in _texts(schemas) if "_" in text and text.islower()]
