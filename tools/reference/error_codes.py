"""Every code of an error, with where it shows: found in the source itself, so that none is missed."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import get_args

from headgate.errors import FailureCategory

SOURCE = Path(__file__).parent.parent.parent / "headgate"
CODE = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
SHORTEST = 3
CALLERS = frozenset({"cli", "client"})
"""Parts that ask a server: they pass on its codes."""
CATEGORIES = frozenset(get_args(FailureCategory))
OUTAGE = "Unavailable"
OUTAGE_STATUS = 503
OTHER_CONSTANTS = frozenset({"DATASET_FOLDER"})
"""Constants of modules that look like codes."""


class Place(StrEnum):
    """Where an error with a code shows."""

    REQUEST = "request"
    ANSWER = "answer"
    ROW = "row"
    JOB = "job"


RAISERS = {
    "Refusal": Place.REQUEST,
    "error_entry": Place.REQUEST,
    "UserFault": Place.ANSWER,
    "check_storable": Place.ANSWER,
    "note": Place.ANSWER,
    "_Refused": Place.ROW,
    "_reject": Place.ROW,
    "Fault": Place.ROW,
    "Finding": Place.ROW,
    "Rule": Place.ROW,
    "finding": Place.ROW,
    "rule": Place.ROW,
    "unique_rule": Place.ROW,
    "JobFault": Place.JOB,
    "ProcessDied": Place.JOB,
    "TaskFault": Place.JOB,
    "TimedOut": Place.JOB,
    "_require": Place.JOB,
}
"""Calls that take a code among their arguments."""
LAYERS = {
    "server": Place.REQUEST,
    "graphql": Place.REQUEST,
    "errors.py": Place.REQUEST,
    "domain": Place.ANSWER,
}
"""Where codes of a layer show that are found by their name alone; those of layers below show with jobs."""


@dataclass
class Sighting:
    """What the source says about one code."""

    places: set[Place] = field(default_factory=set)
    statuses: set[int] = field(default_factory=set)
    categories: set[str] = field(default_factory=set)


@cache
def sightings(source: Path = SOURCE) -> Mapping[str, Sighting]:
    """Every code with where it was seen, in the order of the alphabet."""
    found: defaultdict[str, Sighting] = defaultdict(Sighting)
    for path in source.rglob("*.py"):
        part = path.relative_to(source).parts[0]
        if part in CALLERS:
            continue
        layer = LAYERS.get(part, Place.JOB)
        tree = ast.parse(path.read_text())
        constants = dict(_constants(tree))
        for code in constants.values():
            found[code].places |= {layer} if not found[code].places else set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                _note_call(node, constants, found)
            for code in _named(node):
                found[code].places.add(layer)
            for code in _outages(node):
                found[code].places |= {Place.REQUEST, Place.JOB}
                found[code].statuses.add(OUTAGE_STATUS)
                found[code].categories.add("SYSTEM")
    return dict(sorted(found.items()))


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            for code in _codes(node.value):
                if len(code) > SHORTEST and "_" in code and code not in OTHER_CONSTANTS:
                    yield node.targets[0].id, code


def _note_call(call: ast.Call, constants: Mapping[str, str], found: Mapping[str, Sighting]) -> None:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    place = RAISERS.get(name)
    if place is None:
        return
    values = [value for argument in call.args[:4] for value in _codes(argument, constants)]
    for code in values:
        if code not in CATEGORIES:
            found[code].places.add(place)
            found[code].categories |= CATEGORIES & set(values)
            found[code].statuses |= set(_statuses(call))


def _named(node: ast.AST) -> Iterator[str]:
    """The codes of `code = …`, of parameters and dicts with that name, and of errors' own constructors."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if getattr(target, "id", "") == "code" and node.value is not None:
            yield from _codes(node.value)
    elif isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        yield from (
            code for key, value in pairs if getattr(key, "value", "") == "code" for code in _codes(value)
        )
    elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "__init__" and node.args:
        yield from _codes(node.args[0])
    elif isinstance(node, ast.arguments):
        for name, default in zip(reversed(node.args), reversed(node.defaults), strict=False):
            yield from _codes(default) if name.arg == "code" else ()


def _outages(node: ast.AST) -> Iterator[str]:
    """The codes of a class of errors that say that something can't be used now: each is told wherever it is met."""
    if isinstance(node, ast.ClassDef) and any(
        getattr(base, "id", "").endswith(OUTAGE) for base in node.bases
    ):
        for part in ast.walk(node):
            yield from _named(part)


def _codes(node: ast.AST, constants: Mapping[str, str] | None = None) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from _codes(node.body, constants)
        yield from _codes(node.orelse, constants)
    elif isinstance(node, ast.Name) and node.id in (constants or {}):
        yield (constants or {})[node.id]
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _is_code(node.value):
        yield node.value


def _is_code(text: str) -> bool:
    return len(text) >= SHORTEST and CODE.fullmatch(text) is not None


def _statuses(call: ast.Call) -> Iterator[int]:
    for argument in call.args:
        if (
            isinstance(argument, ast.Constant)
            and isinstance(argument.value, int)
            and argument.value in range(400, 600)
        ):
            yield argument.value
