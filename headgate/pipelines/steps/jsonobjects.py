"""JSON objects that stand in the texts of a column: their fields, as far as they are nested."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from headgate.errors import JobFault
from headgate.pipelines.steps.jsontext import JsonKind, dtype_for, kind_of, parse, values_as
from headgate.pipelines.steps.step import StepTable

MAX_FIELDS = 2_000
"""Names that are no names of fields, such as numbers of customers, would make columns without end."""
FIELD_KINDS = pl.List(pl.String())

Path = tuple[str, ...]
"""The names on the way to a field."""


@dataclass(frozen=True, slots=True)
class Objects:
    """The objects in the texts of a column, and the type that each of their fields has."""

    column: str
    dtypes: Mapping[Path, pl.DataType]
    depth: int

    @property
    def paths(self) -> Iterable[Path]:
        """The fields."""
        return self.dtypes

    def opened(self, names: Sequence[str]) -> pl.Expr:
        """The objects as structs, in which the fields have these names."""

        def opened(texts: pl.Series) -> pl.Series:
            found = [
                {} if text is None else dict(_leaves(parse(text), self.depth)) for text in texts.to_list()
            ]
            columns = [
                pl.Series(name, values_as([leaves.get(path) for leaves in found], dtype), dtype=dtype)
                for (path, dtype), name in zip(self.dtypes.items(), names, strict=True)
            ]
            return pl.DataFrame(columns, height=len(texts)).to_struct(texts.name)

        schema = dict(zip(names, self.dtypes.values(), strict=True))
        return _text(self.column).map_batches(opened, return_dtype=pl.Struct(schema), is_elementwise=True)


def are_objects(column: str) -> pl.Expr:
    """Whether a text holds a JSON object, or JSON's null."""

    def hold(texts: pl.Series) -> pl.Series:
        held = [None if text is None else isinstance(parse(text), dict | None) for text in texts.to_list()]
        return pl.Series(texts.name, held, dtype=pl.Boolean)

    return _text(column).map_batches(hold, return_dtype=pl.Boolean, is_elementwise=True)


def found_objects(table: StepTable, column: str, depth: int) -> Objects:
    """Find the fields of all objects of a column and their types, in a pass before. Raises JobFault."""
    kinds = _text(column).map_batches(_kinds(depth), return_dtype=FIELD_KINDS, is_elementwise=True)
    found = table.frame.select(kinds.explode().drop_nulls().unique().alias("field"))
    most = MAX_FIELDS * (len(JsonKind) + 1)
    types: dict[Path, set[JsonKind]] = {}
    for field in table.scan(found.head(most + 1)).to_series().to_list():
        kind, *path = json.loads(field)
        types.setdefault(tuple(path), set()).update([] if kind is None else [JsonKind(kind)])
    if len(types) > MAX_FIELDS:
        message = f"The column {column} has more than {MAX_FIELDS:,} different fields."
        raise JobFault("TOO_MANY_FIELDS", message, "DATA", details={"column": column, "max": MAX_FIELDS})
    return Objects(column, {path: dtype_for(types[path]) for path in sorted(types)}, depth)


def _text(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String)


def _leaves(value: Any, depth: int, way: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The fields of what a text holds, down to a depth."""
    if isinstance(value, dict) and depth > 0:
        for name, inner in value.items():
            yield from _leaves(inner, depth - 1, (*way, name))
    elif way:
        yield way, value


def _kinds(depth: int) -> Callable[[pl.Series], pl.Series]:
    """What names the fields of each text, and of which kind they are."""

    def name(text: str | None) -> list[str] | None:
        if text is None:
            return None
        return [json.dumps([kind_of(value), *path]) for path, value in _leaves(parse(text), depth)]

    def names(texts: pl.Series) -> pl.Series:
        return pl.Series(texts.name, [name(text) for text in texts.to_list()], dtype=FIELD_KINDS)

    return names
