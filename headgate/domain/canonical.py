"""Specs in the one form in which they are kept: as they were given, without what says nothing."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from headgate.domain.parts import Path
from headgate.domain.retry_policy import RetryPolicy
from headgate.domain.schedules import Schedule
from headgate.domain.specs import PARTS, Spec
from headgate.errors import UserFault
from headgate.pipelines.acceptance import Acceptance
from headgate.pipelines.checks.registry import check_kinds
from headgate.pipelines.contract import Contract
from headgate.pipelines.kinds import Kind, Settings
from headgate.pipelines.sinks.registry import sink_kinds
from headgate.pipelines.sources.registry import source_kinds
from headgate.pipelines.steps.registry import step_kinds

MAX_BYTES = 128 << 10
"""The size of the largest spec that is kept, as JSON: what is larger is data, and belongs into a file."""
MAX_LEVELS = 40

KINDS: Mapping[str, Callable[[], Mapping[str, type[Kind]]]] = {
    "source": source_kinds,
    "steps": step_kinds,
    "checks": check_kinds,
    "sinks": sink_kinds,
}
MODELS: Mapping[str, type[Settings]] = {
    "contract": Contract,
    "acceptance": Acceptance,
    "schedule": Schedule,
    "retry": RetryPolicy,
}


def canonical(spec: Spec) -> dict[str, Any]:
    """A checked spec with its parts in order, without parts that are empty and settings that are null."""
    return {part: _part(part, spec[part]) for part in PARTS if spec.get(part) not in (None, [])}


def are_same(first: Spec, second: Spec) -> bool:
    """Whether two canonical specs say the same: 5.0 is 5, and the order of settings says nothing."""
    return bool(_comparable(first) == _comparable(second))


def check_size(spec: Spec, at: Path) -> None:
    """Raise UserFault (INVALID_SPEC) for a spec that is too large or too deep to be kept and shown."""
    if _is_deeper(spec, MAX_LEVELS):
        raise UserFault("INVALID_SPEC", f"A spec has at most {MAX_LEVELS} levels.", at)
    try:
        size = len(orjson.dumps(spec))
    except TypeError as error:
        raise UserFault("INVALID_SPEC", f"This can't be kept: {error}.", at) from error
    if size > MAX_BYTES:
        message = f"The spec has {size} bytes as JSON; at most {MAX_BYTES} are kept. Data goes into a file."
        raise UserFault("INVALID_SPEC", message, at)


def _is_deeper(value: object, levels: int) -> bool:
    if not isinstance(value, Mapping | list):
        return False
    items = value.values() if isinstance(value, Mapping) else value
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in items)


def _comparable(value: Any) -> Any:
    """The same with booleans apart from numbers, which Python takes for equal."""
    if isinstance(value, Mapping):
        return {key: _comparable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_comparable(each) for each in value]
    return (bool, value) if isinstance(value, bool) else value


def _part(name: str, given: Any) -> Any:
    if name in MODELS:
        return _settings(MODELS[name].model_validate(given), given)
    if name not in KINDS:
        return given
    kinds = KINDS[name]()
    return [_kind(kinds, each) for each in given] if isinstance(given, list) else _kind(kinds, given)


def _kind(kinds: Mapping[str, type[Kind]], given: Mapping[str, Any]) -> dict[str, Any]:
    ((kind, settings),) = given.items()
    return {kind: _settings(kinds[kind].model_validate(settings), settings)}


def _settings(model: Settings, given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that a model was made of, by their names in specs."""
    names = {attribute: info.alias or attribute for attribute, info in type(model).model_fields.items()}
    attributes = {name: attribute for attribute, name in names.items()}
    return {
        names.get(key, key): _setting(getattr(model, attributes.get(key, key)), value)
        for key, value in given.items()
        if value is not None
    }


def _setting(read: object, given: Any) -> Any:
    if isinstance(read, Settings) and isinstance(given, Mapping):
        return _settings(read, given)
    if isinstance(read, list) and isinstance(given, list) and len(read) == len(given):
        return [_setting(*pair) for pair in zip(read, given, strict=True)]
    return given
