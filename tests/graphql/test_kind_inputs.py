"""Inputs are generated from kinds whatever their parts are called."""

from typing import Any, ClassVar

import strawberry
from pydantic import Field
from strawberry.scalars import JSON

from headgate.graphql.kinds import choice_of, settings_of
from headgate.pipelines.kinds import Kind, Settings


def _part(setting: str) -> type[Settings]:
    """A model called Part, with one setting."""
    values = {"__annotations__": {setting: str}, "__module__": __name__, setting: Field(description="One.")}
    return type("Part", (Settings,), values)


FirstPart, SecondPart = _part("red"), _part("blue")


class First(Kind):
    """The first."""

    kind: ClassVar[str] = "first"
    example: ClassVar[dict[str, Any]] = {"part": {"red": "x"}}

    part: FirstPart = Field(description="Its part.")  # type: ignore[valid-type]


class Second(Kind):
    """The second."""

    kind: ClassVar[str] = "second"
    example: ClassVar[dict[str, Any]] = {"parts": [{"blue": "x"}], "part": {"red": "y"}}

    parts: list[SecondPart] = Field(description="Its parts.")  # type: ignore[valid-type]
    part: FirstPart | None = Field(default=None, description="Another one.")  # type: ignore[valid-type]


def test_parts_of_one_name_have_inputs_of_their_own() -> None:
    choice = choice_of({"first": First, "second": Second}, "ThingInput", "A thing.")

    @strawberry.type
    class Query:
        @strawberry.field
        def said(self, thing: choice) -> JSON:  # type: ignore[valid-type]
            return JSON(settings_of(thing))

    schema = strawberry.Schema(Query)
    for kind in (First, Second):
        given = {kind.kind: kind.example}
        found = schema.execute_sync("query ($thing: ThingInput!) { said(thing: $thing) }", {"thing": given})
        assert (found.errors, found.data) == (None, {"said": given})
    assert {"PartInput", "SecondThingPartInput"} <= schema._schema.type_map.keys()
