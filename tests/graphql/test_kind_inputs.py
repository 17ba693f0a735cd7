"""Inputs are generated from kinds whatever their parts are called."""

from enum import StrEnum
from typing import Any, ClassVar

import strawberry
from pydantic import Field
from strawberry.scalars import JSON

from headgate.graphql.enums import Role as OwnRole
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
    names = schema._schema.type_map.keys()
    assert {"TestsPartInput", "SecondThingTestsPartInput"} <= names


class Role(StrEnum):
    """How it is seen."""

    LEFT = "LEFT"
    RIGHT = "RIGHT"


class Turning(Kind):
    """Has a setting whose type is called like one that the schema has already."""

    kind: ClassVar[str] = "turning"
    example: ClassVar[dict[str, Any]] = {"role": "LEFT", "roles": ["RIGHT"]}

    role: Role = Field(description="One.")
    roles: list[Role] = Field(description="Several.")


def test_what_another_package_brings_is_called_after_it_too() -> None:
    choice = choice_of({"turning": Turning}, "TurnInput", "A turn.")

    @strawberry.type
    class Query:
        @strawberry.field
        def said(self, turn: choice) -> JSON:  # type: ignore[valid-type]
            return JSON(settings_of(turn))

        @strawberry.field
        def role(self) -> OwnRole:
            return OwnRole.ADMIN

    schema = strawberry.Schema(Query)
    given = {"turning": Turning.example}
    found = schema.execute_sync("query ($turn: TurnInput!) { said(turn: $turn) role }", {"turn": given})
    assert (found.errors, found.data) == (None, {"said": given, "role": "ADMIN"})
    assert {"Role", "TestsRole"} <= schema._schema.type_map.keys()
    described = schema._schema.type_map["TestsRole"].description
    assert described == "How it is seen."
