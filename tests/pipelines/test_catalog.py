"""The catalog says of every kind what a stranger needs to use it."""

from typing import Any

import pytest

from headgate.pipelines import catalog
from headgate.pipelines.catalog import Entry
from headgate.pipelines.checks.registry import check_kinds
from headgate.pipelines.sinks.registry import sink_kinds
from headgate.pipelines.sources.registry import source_kinds
from headgate.pipelines.steps.registry import step_kinds
from headgate.pipelines.templates.registry import templates

LISTS: list[tuple[Any, Any]] = [
    (catalog.sources, source_kinds),
    (catalog.steps, step_kinds),
    (catalog.checks, check_kinds),
    (catalog.sinks, sink_kinds),
    (catalog.templates, templates),
]
NAMES = [entries.__name__ for entries, _ in LISTS]


@pytest.mark.parametrize(("entries", "kinds"), LISTS, ids=NAMES)
def test_every_kind_has_an_entry(entries: Any, kinds: Any) -> None:
    assert [entry.name for entry in entries()] == list(kinds())


def _entry(entries: list[Entry], name: str) -> Entry:
    return next(entry for entry in entries if entry.name == name)


def test_an_example_is_a_whole_spec() -> None:
    check = _entry(catalog.checks(), "range")
    assert check.summary.startswith("Each value lies between bounds")
    assert len(check.text) == 2
    assert check.example == {
        "source": {"records": {"records": [{"spend": 12.5}, {"spend": -1}]}},
        "checks": [{"range": {"columns": ["spend"], "min": 0, "max": 10_000}}],
        "sinks": [{"dataset": {"name": "example_range"}}],
    }


@pytest.mark.parametrize("entries", [entries for entries, _ in LISTS], ids=NAMES)
def test_every_example_reads_something(entries: Any) -> None:
    for entry in entries():
        assert entry.example["source"] != {"records": {"records": []}}, entry.name


def test_what_an_example_needs_is_said() -> None:
    assert _entry(catalog.checks(), "range").needs is None
    assert _entry(catalog.checks(), "reference").needs == "The example needs a dataset campaigns."


@pytest.mark.parametrize("entries", [entries for entries, _ in LISTS], ids=NAMES)
def test_every_setting_is_described(entries: Any) -> None:
    for entry in entries():
        assert entry.summary.endswith("."), entry.name
        defined = entry.settings.get("$defs", {})
        for schema in (entry.settings, *defined.values()):
            for name, said in schema.get("properties", {}).items():
                meant = defined.get(said.get("$ref", "").rpartition("/")[2], {})
                assert said.get("description") or meant.get("description"), f"{entry.name}: {name}"
