"""Every kind of check is found, those of other packages too."""

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

import polars as pl
import pytest

from headgate.pipelines import kinds
from headgate.pipelines.checks import registry
from headgate.pipelines.checks.check import Check, Table
from headgate.pipelines.checks.registry import check_kinds
from headgate.pipelines.rules import Finding
from tests.pipelines.checks.harness import faults, findings_of, table_of

KINDS = [
    *("date", "email", "expression", "freshness", "length", "numeric", "oneOf", "pattern"),
    *("range", "reference", "required", "rowCount", "schema", "type", "unique", "url"),
]


class Even(Check):
    """The input has an even number of rows."""

    kind: ClassVar[str] = "even"
    example: ClassVar[dict[str, Any]] = {}

    def rules(self, table: Table) -> Iterator[Finding]:
        if table.records % 2:
            yield self.finding("ODD", None, "The number of rows is odd.")


@pytest.fixture
def plugged_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    entry = EntryPoint("even", f"{__name__}:Even", registry.ENTRY_POINTS)
    monkeypatch.setattr(EntryPoint, "load", lambda self: Even)
    monkeypatch.setattr(
        kinds, "entry_points", lambda group: [entry] if group == registry.ENTRY_POINTS else []
    )
    check_kinds.cache_clear()
    yield
    check_kinds.cache_clear()


def test_every_kind_is_there_by_its_name() -> None:
    assert list(check_kinds()) == KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_says_what_it_does_with_an_example_that_works(kind: str) -> None:
    model = check_kinds()[kind]
    assert model.kind == kind
    assert model.__doc__
    assert model.from_example().to_json() == model.example
    assert all(info.description for info in model.model_fields.values())


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "reference"])
def test_the_example_lets_some_of_its_records_pass_but_not_all_unless_it_is_about_their_number(
    kind: str,
) -> None:
    model = check_kinds()[kind]
    table = table_of(pl.DataFrame(model.records))
    check = model.from_example()
    failing = {row for row, _, _ in faults(check, table)}
    assert findings_of(check, table) == []
    assert (len(failing) == 0) if model.of_whole_input else (0 < len(failing) < len(model.records))


@pytest.mark.usefixtures("plugged_in")
def test_a_kind_of_another_package_is_one_of_them() -> None:
    assert list(check_kinds()) == sorted([*KINDS, "even"])
    (finding,) = findings_of(check_kinds()["even"].from_example(), table_of({"x": ["1"]}))
    assert (finding.code, finding.check) == ("ODD", "even")
