"""Pipelines as YAML: the name and the description, then the parts of the spec."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headgate.errors import UserFault
from headgate.pipelines import yaml_text

PARTS = (
    *("source", "contract", "steps", "checks", "acceptance", "sinks"),
    *("schedule", "retry", "timeoutSeconds"),
)
"""The parts of a spec, in the order in which they are written."""


@dataclass(frozen=True, slots=True)
class YamlPipeline:
    """What a YAML text says; name and description are None where it doesn't say them."""

    name: str | None
    description: str | None
    spec: dict[str, Any]


def to_yaml(name: str, description: str | None, spec: Mapping[str, Any]) -> str:
    """Write a pipeline: the same pipeline is always the same text."""
    about = {"name": name} if description is None else {"name": name, "description": description}
    return yaml_text.write(about | _ordered(spec))


def spec_to_yaml(spec: Mapping[str, Any]) -> str:
    """Write what a pipeline does, and not what it is called: the same spec is always the same text."""
    return yaml_text.write(_ordered(spec))


def from_yaml(text: str) -> YamlPipeline:
    """Read a pipeline; what its spec says is not checked here.

    Raises UserFault (INVALID_YAML), whose message names the line and the column where that makes sense.
    """
    said = yaml_text.read(text)
    if not isinstance(said, dict):
        raise UserFault("INVALID_YAML", "A pipeline is an object with keys such as source, steps and sinks.")
    return YamlPipeline(_text(said, "name"), _text(said, "description"), said)


def _ordered(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {part: spec[part] for part in (*PARTS, *sorted(spec.keys() - set(PARTS))) if part in spec}


def _text(said: dict[str, Any], key: str) -> str | None:
    """Take the text out that stands under a key."""
    value = said.pop(key, None)
    if value is None or isinstance(value, str):
        return value
    raise UserFault("INVALID_YAML", f"The {key} has to be a text: put it in quotes.", (key,))
