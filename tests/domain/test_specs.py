"""Specs that make no sense are refused with the path to each fault."""

from typing import Any

import pytest

from headgate.domain.specs import check_spec, datasets_named
from headgate.errors import UserFault

CONTRACT = {"columns": [{"name": "a", "type": "DATE"}]}
REFERENCE = {"reference": {"columns": ["a"], "dataset": "customers"}}
RANGE = {"range": {"columns": ["a"], "max": 1}}


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        ({"contract": {"columns": []}}, ("contract", "columns"), "The contract can't be set so: columns: list should"),
        ({"contract": {}}, ("contract", "columns"), "columns: is required"),
        (
            {"contract": {"columns": [{"name": "a", "type": "DATE", "format": "%Y"}]}},
            ("contract", "columns", "0"),
            "columns.0: '%Y' is no format that tells a DATE in full, as %d.%m.%Y does",
        ),
        (
            {"contract": {**CONTRACT, "typeMismatch": "IGNORE"}},
            ("contract", "typeMismatch"),
            "typeMismatch: should be 'EVOLVE', 'FREEZE', 'DISCARD_ROW' or 'DISCARD_VALUE'",
        ),
        ({"acceptance": {"maxRejectedPercent": 101}}, ("acceptance", "maxRejectedPercent"), "The acceptance can't"),
        ({"acceptance": {"colour": 1}}, ("acceptance", "colour"), "colour: there is no such setting"),
        ({"checks": [RANGE, {"range": {"columns": ["a"], "min": "x"}}]}, ("checks", "1", "range", "min"), "The check"),
        ({"checks": [{"oneOf": {"columns": ["a"], "values": ["\ud800"]}}]}, ("checks",), "surrogates not allowed"),
        ({"checks": [{"oneOf": {"columns": ["a"], "values": [2**70]}}]}, ("checks",), "Integer exceeds 64-bit range"),
        ({"checks": [{"nothing": {}}]}, ("checks", "0", "nothing"), "There is no check nothing"),
    ],
)  # fmt: skip
def test_specs_that_make_no_sense_are_refused(spec: Any, path: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserFault) as fault:
        check_spec(spec)
    assert (fault.value.code, fault.value.path) == ("INVALID_SPEC", ("spec", *path))
    assert message in fault.value.message


def test_the_datasets_that_checks_name_are_found_where_they_are_first_named() -> None:
    other = {"reference": {"columns": ["b"], "dataset": "orders"}}
    spec = {"checks": [RANGE, REFERENCE, other, REFERENCE]}
    assert datasets_named(spec) == {
        "customers": ("checks", "1", "reference", "dataset"),
        "orders": ("checks", "2", "reference", "dataset"),
    }
    assert datasets_named({}) == datasets_named({"checks": None}) == {}


@pytest.mark.parametrize("kind", ["file", "text"])
def test_a_dialect_that_makes_no_sense_is_refused_where_it_stands(kind: str) -> None:
    data = {"text": {"format": "CSV", "content": "a"}}.get(kind, {})
    with pytest.raises(UserFault) as fault:
        check_spec({"source": {kind: {**data, "dialect": {"delimiter": "abc"}}}})
    assert fault.value.path == ("spec", "source", kind, "dialect", "delimiter")
