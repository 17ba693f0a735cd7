"""Inputs that are generated from the models of kinds: a new kind is in the schema with nothing written for it."""

import inspect
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import strawberry
from pydantic.alias_generators import to_camel, to_pascal
from pydantic.fields import FieldInfo
from strawberry.scalars import JSON
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from headgate.graphql.scalars import BigInt
from headgate.pipelines.docstrings import paragraphs_of
from headgate.pipelines.kinds import Kind, Settings

PACKAGE = __name__.partition(".")[0]
MAX_INT = 2**31 - 1
"""The largest Int of GraphQL."""
SCALARS = (str, float, bool)
PARTS: dict[str, type[Settings]] = {}
"""The models of parts of settings, by the name that inputs of the schema have from them."""


def choice_of(kinds: Mapping[str, type[Kind]], name: str, description: str) -> type:
    """An input that takes the settings of exactly one of these kinds."""
    members = {
        kind: (input_of(model, f"{kind[0].upper()}{kind[1:]}{name}"), paragraphs_of(model)[0])
        for kind, model in kinds.items()
    }
    fields = {
        kind: strawberry.field(name=kind, default=strawberry.UNSET, description=summary)
        for kind, (_, summary) in members.items()
    }
    types = {kind: type_ | None for kind, (type_, _) in members.items()}
    return strawberry.input(
        type(name, (), {"__annotations__": types, **fields}), one_of=True, description=description
    )


@cache
def input_of(model: type[Settings], name: str) -> type:
    """An input with the settings of a model, those first that can't be left out."""
    types: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for attribute, info in sorted(model.model_fields.items(), key=lambda item: not item[1].is_required()):
        type_ = _type(info.annotation, info, name)
        default = {} if info.is_required() else {"default": strawberry.UNSET}
        types[attribute] = type_ if info.is_required() else type_ | None
        fields[attribute] = strawberry.field(
            name=_alias(attribute, info), description=_described(info), **default
        )
    text = "\n\n".join(paragraphs_of(model))
    return strawberry.input(type(name, (), {"__annotations__": types, **fields}), description=text)


def _alias(attribute: str, info: FieldInfo) -> str:
    return info.alias or attribute


def _described(info: FieldInfo) -> str:
    """What a setting means, and what it is where it is left out."""
    meaning = info.description or ""
    default = None if info.is_required() else info.get_default(call_default_factory=True, validated_data={})
    if default is None or default in ([], ""):
        return meaning
    return f"{meaning} By default {_shown(default)}."


def _shown(default: object) -> str:
    if isinstance(default, bool):
        return "true" if default else "false"
    return ", ".join(map(str, default)) if isinstance(default, list) else str(default)


def _type(annotation: Any, info: FieldInfo, within: str) -> Any:
    """The type in the schema for a type in a model, whose own type there has a name already."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type(arguments[0], info, within)
    if origin in (Union, UnionType):
        given = [each for each in arguments if each is not NoneType]
        return _type(given[0], info, within) if len(given) == 1 else JSON
    if origin is list:
        return list[_type(arguments[0], info, within)]  # type: ignore[misc]
    if annotation is int:
        return int if _largest(info) <= MAX_INT else BigInt
    if annotation in SCALARS:
        return annotation
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return annotation if _is_own(annotation) else _enum_of(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Settings):
        return input_of(annotation, _name_of(annotation, within))
    return JSON


def _name_of(model: type[Settings], within: str) -> str:
    """What the input for a part of another one is called: by its model, unless another model is called so."""
    name = f"{_named(model).removesuffix('Settings')}Input"
    return name if PARTS.setdefault(name, model) is model else f"{within.removesuffix('Input')}{name}"


@cache
def _enum_of(kind: type[StrEnum]) -> type[StrEnum]:
    """Let the schema use an enum of another package."""
    return strawberry.enum(kind, name=_named(kind), description=inspect.getdoc(kind))


def _is_own(part: type) -> bool:
    return _package(part) == PACKAGE


def _package(part: type) -> str:
    return part.__module__.partition(".")[0]


def _named(part: type) -> str:
    """What the schema calls a model or an enum: by its name, that of its package before it where that is another."""
    return part.__name__ if _is_own(part) else f"{to_pascal(_package(part))}{part.__name__}"


def _largest(info: FieldInfo) -> float:
    """The largest integer that a setting can be."""
    return min((bound.le for bound in info.metadata if hasattr(bound, "le")), default=float("inf"))


def settings_of(given: object) -> dict[str, Any]:
    """What an input holds, as a spec says it; what is left out or null is not there."""
    definition: StrawberryObjectDefinition = given.__strawberry_definition__  # type: ignore[attr-defined]
    values = {_name(field): getattr(given, field.python_name) for field in definition.fields}
    return {name: _plain(value) for name, value in values.items() if value not in (None, strawberry.UNSET)}


def _name(field: StrawberryField) -> str:
    """What a field is called in the schema: by a name of its own, or else as it is in Python."""
    return field.graphql_name or to_camel(field.python_name)


def _plain(value: object) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if hasattr(value, "__strawberry_definition__") and not isinstance(value, StrEnum):
        return settings_of(value)
    return value.value if isinstance(value, StrEnum) else value
