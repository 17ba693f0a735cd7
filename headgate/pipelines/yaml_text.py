"""YAML as another spelling of JSON: what is read from it holds nothing that JSON could not say.

Plain words are read as YAML 1.2 has them: `no` and `2026-01-31` are text, and so is `007`, which is no number in JSON.
What is written has quotes wherever YAML 1.1 would take a text for something else.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any

import yaml
from yaml import Event, MappingNode, Node, ScalarNode, SequenceNode

from headgate.errors import UserFault

MAX_CHARACTERS = 1 << 18
"""The longest text that is read."""
MAX_VALUES = 1 << 18
"""So many characters and values there may be once what is named by an alias stands wherever it is named."""
MAX_DEPTH = 50
WIDTH = 100
"""What is longer than this does not stand in one line."""
UNBROKEN = -1
"""The width of lines that are never broken."""
FLOW_DEPTH = 3
"""From this level on: that of the settings of a step."""

TAG = "tag:yaml.org,2002:"
SCALAR_TAGS = {bool: "bool", int: "int", float: "float", type(None): "null"}
WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
INTEGER = re.compile(r"[-+]?[0-9]+")
MAX_INTEGER_BITS = 63


class YamlFault(UserFault):
    """What is no YAML, or is more than JSON can say; the message names the line and the column, counted from 1."""

    def __init__(self, problem: str, mark: Any) -> None:
        where = f"Line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        super().__init__("INVALID_YAML", f"{where}{problem}.")


def read(text: str) -> Any:
    """Read one document. Raises UserFault (INVALID_YAML), whose message names the line and the column."""
    if len(text) > MAX_CHARACTERS:
        raise YamlFault(f"The text has {len(text)} characters; at most {MAX_CHARACTERS} are read", None)
    try:
        return _Reading(yaml.parse(text, Loader=yaml.CSafeLoader)).document()
    except yaml.MarkedYAMLError as error:
        raise YamlFault(_problem(error), error.problem_mark or error.context_mark) from error
    except (yaml.YAMLError, UnicodeEncodeError) as error:
        raise YamlFault("The text has characters that YAML does not allow", None) from error


def _problem(error: yaml.MarkedYAMLError) -> str:
    said = " ".join(each for each in (error.problem, error.context) if each)
    return f"{said[:1].upper()}{said[1:]}" or "This is no YAML"


@dataclass(frozen=True, slots=True)
class _Named:
    """What an anchor names, with its size and how many levels there are in it."""

    size: int
    levels: int
    value: Any


@dataclass
class _Reading:
    """Makes values of events.

    `size` counts what was read; `anchors` holds what was named, None while that is being read.
    """

    events: Iterator[Event]
    size: int = 0
    anchors: dict[str, _Named | None] = field(default_factory=dict)

    def document(self) -> Any:
        """The one document that there is; None where there is none."""
        next(self.events)
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return None
        value, _ = self.value(next(self.events), 0)
        next(self.events)
        if not isinstance(event := next(self.events), yaml.StreamEndEvent):
            raise YamlFault("A second document begins; there can be only one", event.start_mark)
        return value

    def value(self, event: Event, depth: int) -> tuple[Any, int]:
        """The value that begins with an event, and how many levels there are in it."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, depth)
        if depth > MAX_DEPTH:
            raise YamlFault(f"There are more than {MAX_DEPTH} levels", event.start_mark)
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)
        if event.tag is not None:
            raise YamlFault(f"The tag {event.tag} is not allowed: a spec has none", event.start_mark)
        if event.anchor is None:
            return self._untagged(event, depth)
        size = self.size
        self.anchors[event.anchor] = None
        value, levels = self._untagged(event, depth)
        self.anchors[event.anchor] = _Named(self.size - size, levels, value)
        return value, levels

    def _untagged(self, event: Event, depth: int) -> tuple[Any, int]:
        self._grow(1, event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(depth)
        if isinstance(event, yaml.MappingStartEvent):
            return self._object(depth)
        assert isinstance(event, yaml.ScalarEvent)
        self._grow(len(event.value), event)
        return (_plain(event) if event.implicit[0] else event.value), 0

    def _list(self, depth: int) -> tuple[list[Any], int]:
        items, levels = [], 0
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            item, below = self.value(event, depth + 1)
            items.append(item)
            levels = max(levels, below)
        return items, levels + 1

    def _object(self, depth: int) -> tuple[dict[str, Any], int]:
        values: dict[str, Any] = {}
        levels = 0
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._key(event)
            if key in values:
                raise YamlFault(f"The key {key} is there twice", event.start_mark)
            values[key], below = self.value(next(self.events), depth + 1)
            levels = max(levels, below)
        return values, levels + 1

    def _key(self, event: Event) -> str:
        if not isinstance(event, yaml.ScalarEvent) or event.tag is not None:
            raise YamlFault("A key has to be a plain or quoted text", event.start_mark)
        self._grow(len(event.value), event)
        key: str = event.value
        return key

    def _alias(self, event: yaml.AliasEvent, depth: int) -> tuple[Any, int]:
        if event.anchor not in self.anchors:
            raise YamlFault(f"Nothing is named {event.anchor} before this", event.start_mark)
        if (named := self.anchors[event.anchor]) is None:
            raise YamlFault(f"What is named {event.anchor} would hold itself", event.start_mark)
        self._grow(named.size, event)
        if depth + named.levels > MAX_DEPTH:
            raise YamlFault(f"There are more than {MAX_DEPTH} levels", event.start_mark)
        return named.value, named.levels

    def _grow(self, size: int, event: Event) -> None:
        self.size += size
        if self.size > MAX_VALUES:
            raise YamlFault("There is too much here once aliases stand for what they name", event.start_mark)


def _plain(event: yaml.ScalarEvent) -> Any:
    """What a text without quotes stands for."""
    text: str = event.value
    if text in WORDS:
        return WORDS[text]
    if not NUMBER.fullmatch(text):
        return text
    number = int(text) if INTEGER.fullmatch(text) and len(text) < MAX_INTEGER_BITS else float(text)
    if not isfinite(number) or (isinstance(number, int) and number.bit_length() > MAX_INTEGER_BITS):
        raise YamlFault("The number is too large: put it in quotes if it is text", event.start_mark)
    return number


class _Writer(yaml.CSafeDumper):
    """Puts every text into quotes that either version of YAML, or `read`, would take for something else."""


_Writer.add_implicit_resolver(f"{TAG}float", re.compile(f"^{NUMBER.pattern}$"), list("-+0123456789"))


def write(value: dict[str, Any]) -> str:
    """Write an object, its keys in their order; below the first levels, what fits into one line stands in one."""
    node, _ = _node(value, 0)
    written: str = yaml.serialize(node, Dumper=_Writer, allow_unicode=True, width=UNBROKEN)
    return written


def _node(value: Any, depth: int) -> tuple[Node, float]:
    """A value laid out, and how many characters it takes in one line."""
    if isinstance(value, dict):
        return _mapping(value, depth)
    if isinstance(value, list):
        items = [_node(item, depth + 1) for item in value]
        width = sum(width + 2 for _, width in items)
        is_flow = depth >= FLOW_DEPTH and width <= WIDTH
        return SequenceNode(f"{TAG}seq", [node for node, _ in items], flow_style=is_flow), width
    return _scalar(value)


def _mapping(value: dict[str, Any], depth: int) -> tuple[Node, float]:
    pairs = [(_scalar(key), _node(item, depth + 1)) for key, item in value.items()]
    width = sum(of_key + of_item + 4 for (_, of_key), (_, of_item) in pairs)
    has_scalars_only = all(isinstance(node, ScalarNode) for _, (node, _) in pairs)
    is_flow = depth > 0 and (depth >= FLOW_DEPTH or has_scalars_only) and width <= WIDTH
    nodes = [(key, node) for (key, _), (node, _) in pairs]
    return MappingNode(f"{TAG}map", nodes, flow_style=is_flow), width


def _scalar(value: Any) -> tuple[Node, float]:
    if not isinstance(value, str):
        text = json.dumps(value)
        return ScalarNode(f"{TAG}{SCALAR_TAGS[type(value)]}", text), len(text)
    has_lines = "\n" in value
    return ScalarNode(f"{TAG}str", value, style="|" if has_lines else None), inf if has_lines else len(value)
