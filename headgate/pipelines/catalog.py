"""The catalog: every kind that a pipeline can be built from, with its settings and an example that runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic.alias_generators import to_snake

from headgate.pipelines.checks.registry import check_kinds
from headgate.pipelines.docstrings import paragraphs_of, unwrapped
from headgate.pipelines.kinds import Kind
from headgate.pipelines.settings_schema import settings_schema
from headgate.pipelines.sinks.registry import sink_kinds
from headgate.pipelines.sources.registry import source_kinds
from headgate.pipelines.steps.registry import step_kinds
from headgate.pipelines.templates.registry import templates as all_templates
from headgate.pipelines.templates.template import Template

NO_SETTINGS = {"type": "object", "properties": {}, "additionalProperties": False}


@dataclass(frozen=True, slots=True)
class Entry:
    """One kind or template: `text` is all that is said about it, and `example` a whole spec that shows it.

    `settings` is a JSON Schema. `needs` says what has to be there before the example can run; None where nothing has.
    """

    name: str
    text: tuple[str, ...]
    settings: dict[str, Any]
    example: dict[str, Any]
    needs: str | None = None

    @property
    def summary(self) -> str:
        """What it is or does."""
        return self.text[0]


def sources() -> list[Entry]:
    """Where rows come from."""
    return _entries(source_kinds(), lambda kind: {"source": _set(kind), "sinks": [_dataset(kind)]})


def steps() -> list[Entry]:
    """What changes rows on their way."""
    return _entries(
        step_kinds(),
        lambda kind: {"source": _records(kind), "steps": [_set(kind)], "sinks": [_dataset(kind)]},
    )


def checks() -> list[Entry]:
    """What rows must keep, and what a whole input must be like."""
    return _entries(
        check_kinds(),
        lambda kind: {"source": _records(kind), "checks": [_set(kind)], "sinks": [_dataset(kind)]},
    )


def sinks() -> list[Entry]:
    """Where good rows go."""
    return _entries(sink_kinds(), lambda kind: {"source": _records(kind), "sinks": [_set(kind)]})


def templates() -> list[Entry]:
    """Whole specs under a name."""
    return [
        Entry(name, tuple(unwrapped(template.summary)), NO_SETTINGS, _with_records(template))
        for name, template in all_templates().items()
    ]


def _with_records(template: Template) -> dict[str, Any]:
    records = [dict(record) for record in template.records]
    return {"source": {"records": {"records": records}}, **template.spec}


K = TypeVar("K", bound=Kind)


def _entries(kinds: Mapping[str, type[K]], example: Callable[[type[K]], dict[str, Any]]) -> list[Entry]:
    return [
        Entry(name, tuple(paragraphs_of(kind)), settings_schema(kind), example(kind), _needs(kind))
        for name, kind in kinds.items()
    ]


def _set(kind: type[Kind]) -> dict[str, Any]:
    return {kind.kind: kind.example}


def _records(kind: type[Kind]) -> dict[str, Any]:
    return {"records": {"records": [dict(record) for record in kind.records]}}


def _dataset(kind: type[Kind]) -> dict[str, Any]:
    """A sink that shows what came of the example."""
    return {"dataset": {"name": f"example_{to_snake(kind.kind)}"}}


def _needs(kind: type[Kind]) -> str | None:
    """Name what the example of a kind refers to."""
    endpoints = [
        f"an endpoint {name} of the kind {' or '.join(of)}"
        for setting, of in kind.endpoints.items()
        if (name := kind.example.get(setting)) is not None
    ]
    datasets = [f"a dataset {name}" for setting in kind.datasets if (name := kind.example.get(setting))]
    needs = [*endpoints, *datasets, *kind.needs]
    return f"The example needs {' and '.join(needs)}." if needs else None
