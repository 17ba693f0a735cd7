"""Frozen dataclasses as GraphQL asks for them and answers them: a field `created_at` is `createdAt` there."""

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

Shape = TypeVar("Shape")
Reader = Callable[[Any], Any]


def selection(shape: type[Any]) -> str:
    """Write what has to be asked for to fill all fields of a dataclass, and of those in it."""
    hints = get_type_hints(shape)
    return " ".join(_selected(each.name, hints[each.name]) for each in fields(shape))


def read(shape: type[Shape], answer: Mapping[str, Any]) -> Shape:
    """Make a dataclass of an answer that has at least what was selected."""
    known: Any = shape
    return shape(**{name: reader(answer[key]) for name, key, reader in _readers(known)})


def camel(name: str) -> str:
    """Write a name as GraphQL does."""
    first, *rest = name.split("_")
    return first + "".join(map(str.capitalize, rest))


def _selected(name: str, hint: Any) -> str:
    inner = _inner(hint)
    if is_dataclass(inner) and isinstance(inner, type):
        return f"{camel(name)} {{ {selection(inner)} }}"
    return camel(name)


def _inner(hint: Any) -> Any:
    """Find the type of a value, within `| None` and `tuple[..., ...]`."""
    if get_origin(hint) in (types.UnionType, Union):
        return _inner(next(each for each in get_args(hint) if each is not type(None)))
    return _inner(get_args(hint)[0]) if get_origin(hint) is tuple else hint


@lru_cache
def _readers(shape: type[Any]) -> list[tuple[str, str, Reader]]:
    hints = get_type_hints(shape)
    return [(each.name, camel(each.name), _reader(hints[each.name])) for each in fields(shape)]


def _reader(hint: Any) -> Reader:
    inner = _inner(hint)
    if is_dataclass(inner) and isinstance(inner, type):
        return lambda value: _each(value, lambda one: read(inner, one))
    if inner is datetime:
        return lambda value: _each(value, datetime.fromisoformat)
    return lambda value: tuple(value) if isinstance(value, list) and get_origin(hint) is tuple else value


def _each(value: Any, reader: Reader) -> Any:
    if isinstance(value, list):
        return tuple(map(reader, value))
    return None if value is None else reader(value)
