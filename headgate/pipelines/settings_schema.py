"""Settings as JSON Schema, in the words of specs and without a trace of how they are checked."""

from functools import cache
from typing import Any

from headgate.pipelines.docstrings import unwrapped
from headgate.pipelines.kinds import Settings

NAMED = frozenset({"properties", "$defs", "patternProperties"})
"""The keywords under which schemas stand by names of their own."""
NESTED = frozenset({"items", "prefixItems", "additionalProperties", "anyOf", "oneOf", "allOf", "not"})
"""The keywords under which schemas stand."""
NULL = {"type": "null"}


@cache
def settings_schema(model: type[Settings]) -> dict[str, Any]:
    """The settings of a model as JSON Schema (draft 2020-12); what may be left out is not there, and never null."""
    schema: dict[str, Any] = _plain(model.model_json_schema(by_alias=True))
    return schema


def _plain(schema: Any) -> Any:
    """A schema without titles and nulls, or a list of such."""
    if isinstance(schema, list):
        return [_plain(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    said = {keyword: _member(keyword, value) for keyword, value in _without_null(schema).items()}
    return {keyword: value for keyword, value in said.items() if keyword != "title"}


def _member(keyword: str, value: Any) -> Any:
    if keyword in NAMED:
        return {name: _plain(each) for name, each in value.items()}
    if keyword == "description":
        return "\n\n".join(unwrapped(value))
    return _plain(value) if keyword in NESTED else value


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """What a schema says of values other than null."""
    schema = {keyword: value for keyword, value in schema.items() if (keyword, value) != ("default", None)}
    choices = [choice for choice in schema.get("anyOf", ()) if choice != NULL]
    if len(choices) == 1:
        return {**choices[0], **{keyword: value for keyword, value in schema.items() if keyword != "anyOf"}}
    return {**schema, "anyOf": choices} if choices else schema
