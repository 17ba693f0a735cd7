"""Every kind of step is found, says what it does, and works on its own records."""

import pytest

from headgate.pipelines.steps.registry import step_kinds
from tests.pipelines.steps.harness import run, table_of

KINDS = [
    *(
        "bin",
        "cast",
        "datetime",
        "deduplicate",
        "drop",
        "dropMissing",
        "encode",
        "explode",
        "fill",
        "flatten",
    ),
    *("mask", "normalize", "rename", "replace", "select", "sort", "trim"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_says_what_it_does_with_an_example_that_works(kind: str) -> None:
    model = step_kinds()[kind]
    assert model.__doc__
    assert model.from_example().to_json() == model.example
    assert all(info.description for info in model.model_fields.values())
    table = table_of({name: [row[name] for row in model.records] for name in model.records[0]})
    result = run(model.from_example(), table)
    assert result.rejected == []
    assert result.rows != [dict(row) for row in model.records]
