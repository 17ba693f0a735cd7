"""Pages about every kind, written from the kinds themselves."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.alias_generators import to_snake

from headgate.pipelines import catalog, yaml_text
from headgate.pipelines.catalog import Entry
from tools.reference.markdown import GENERATED, table

NOUNS = (
    ("sources", "Where rows come from: `source` in a spec.", catalog.sources),
    ("steps", "What changes rows on their way, one after the other: `steps` in a spec.", catalog.steps),
    ("checks", "What rows must keep: `checks` in a spec.", catalog.checks),
    ("sinks", "Where good rows go: `sinks` in a spec.", catalog.sinks),
    ("templates", "Whole specs under a name: `template` in place of a spec.", catalog.templates),
)
WORDS = {"string": "text", "integer": "whole number", "boolean": "true or false", "object": "object"}
BOUNDS = {
    "minimum": "at least {}",
    "exclusiveMinimum": "above {}",
    "maximum": "at most {}",
    "exclusiveMaximum": "below {}",
}


def pages() -> dict[str, str]:
    """Every page by its path below the folder of pages."""
    found = {"README.md": _index()}
    for noun, _, entries in NOUNS:
        found |= {_path(noun, entry): _page(noun, entry) for entry in entries()}
    return found


def _path(noun: str, entry: Entry) -> str:
    name = entry.name.replace(".", "_") if noun == "templates" else to_snake(entry.name)
    return f"{noun}/{name}.md"


def _index() -> str:
    lines = [GENERATED, "", "# Kinds", "", "What a pipeline can be built from, with an example of each."]
    for noun, meaning, entries in NOUNS:
        rows = [[f"[{entry.name}]({_path(noun, entry)})", entry.summary] for entry in entries()]
        lines += ["", f"## {noun.capitalize()}", "", meaning, "", *table(["kind", "what it does"], rows)]
    return "\n".join(lines) + "\n"


def _page(noun: str, entry: Entry) -> str:
    rows = list(_settings(entry.settings, entry.settings.get("$defs", {})))
    settings = table(["setting", "type", "default", "meaning"], rows) if rows else ["There are none."]
    parts = [
        [GENERATED],
        [f"# {entry.name}"],
        [f"One of the [{noun}](../README.md#{noun})."],
        *([paragraph] for paragraph in entry.text),
        ["## Settings"],
        settings,
        ["## Example"],
        *([[entry.needs]] if entry.needs else []),
        ["```yaml", *yaml_text.write(entry.example).splitlines(), "```"],
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _settings(
    schema: Mapping[str, Any], defined: Mapping[str, Any], within: str = "", seen: tuple[str, ...] = ()
) -> Iterator[list[str]]:
    """A row for each setting of an object, those of objects below it too; what can't be left out comes first."""
    required = set(schema.get("required", ()))
    properties = schema.get("properties", {})
    for name in sorted(properties, key=lambda name: name not in required):
        said, names = _resolved(properties[name], defined)
        default = "needed" if name in required else _default(properties[name])
        yield [f"`{within}{name}`", _type(said, defined), default, said.get("description", "")]
        if not set(names) & set(seen):
            item, of_item = _resolved(said.get("items", {}), defined)
            below = f"{within}{name}{'[]' if item else ''}."
            yield from _settings(item or said, defined, below, (*seen, *names, *of_item))


def _resolved(schema: Mapping[str, Any], defined: Mapping[str, Any]) -> tuple[Mapping[str, Any], list[str]]:
    """What a schema says, with what it refers to, and the name of that."""
    if "$ref" not in schema:
        return schema, []
    name = schema["$ref"].rpartition("/")[2]
    return {**defined[name], **schema}, [name]


def _type(schema: Mapping[str, Any], defined: Mapping[str, Any]) -> str:
    """A type in words."""
    said, _ = _resolved(schema, defined)
    if choices := said.get("anyOf") or said.get("oneOf"):
        return " or ".join(dict.fromkeys(_type(choice, defined) for choice in choices))
    if "enum" in said:
        return ", ".join(f"`{value}`" for value in said["enum"])
    if "const" in said:
        return f"`{said['const']}`"
    if said.get("type") == "array":
        return f"list of {_type(said.get('items', {}), defined)}"
    return _plain_type(said)


def _plain_type(said: Mapping[str, Any]) -> str:
    types = said.get("type", [])
    words = [WORDS.get(each, each) for each in ([types] if isinstance(types, str) else types)]
    bounds = [text.format(f"{said[key]:,}") for key, text in BOUNDS.items() if key in said]
    return ", ".join([" or ".join(words) or "anything", *bounds])


def _default(schema: Mapping[str, Any]) -> str:
    return f"`{json.dumps(schema['default'], ensure_ascii=False)}`" if "default" in schema else ""
