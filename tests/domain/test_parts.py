"""Parts of specs that people give are read, or refused with all that is wrong with them."""

from typing import Any

import pytest

from headgate.domain.parts import MAX_PARTS, parse_kinds
from headgate.errors import UserFault
from headgate.pipelines.checks.registry import check_kinds, checks_from_json


def refused(*checks: Any) -> UserFault:
    with pytest.raises(UserFault) as fault:
        parse_kinds(check_kinds(), "check", checks, ("checks",))
    assert fault.value.code == "INVALID_SPEC"
    return fault.value


def test_checks_are_read_and_say_in_a_spec_what_was_given() -> None:
    given = [{kind: model.example} for kind, model in check_kinds().items()]
    checks = parse_kinds(check_kinds(), "check", given, ("checks",))
    assert [{check.kind: check.to_json()} for check in checks] == given
    assert checks_from_json(given) == checks


def test_every_mistake_is_told_with_the_path_to_it() -> None:
    good = {"numeric": {"columns": ["a"]}}
    fault = refused(good, {"range": {"min": "soon", "max": True, "colour": 1}}, {"none": {}})
    assert {(*each.path[1:], each.message.rpartition("set so: ")[2]) for each in fault.all} == {
        ("1", "range", "columns", "columns: is required."),
        (
            *("1", "range", "min"),
            "min: 'soon' is no date such as 2024-12-31, nor a moment such as 2024-12-31T23:59:59Z.",
        ),
        (
            *("1", "range", "max"),
            "max: give a finite number, or text with a date such as 2024-12-31.",
        ),
        ("1", "range", "colour", "colour: there is no such setting."),
        ("2", "none", f"There is no check none; there are {', '.join(check_kinds())}."),
    }


@pytest.mark.parametrize(
    ("check", "path", "message"),
    [
        ({"range": {"columns": ["a"]}}, ("range",), "give min, max or both"),
        ({"oneOf": {"columns": ["a"], "values": [1, None]}}, ("oneOf", "values", "1"), "values.1: give a text"),
        ({"required": {"columns": []}}, ("required", "columns"), "columns: list should have at least 1 item"),
        ({"expression": {"sql": "a >"}}, ("expression", "sql"), "unexpected '>' at line 1, column 3"),
        ({"nothing": {}}, ("nothing",), "There is no check nothing; there are date, email"),
        ({"numeric": None}, ("numeric",), "should be a valid dictionary"),
        ({"numeric": {}, "email": {}}, (), "an object with one key"),
        ({}, (), "an object with one key"),
        ("numeric", (), "an object with one key"),
        ({5: {}}, ("5",), "There is no check 5"),
        ({"numeric": {"columns": ["a"], "maxFailedPercent": 101}}, ("numeric", "maxFailedPercent"), "less than"),
        ({"numeric": {"columns": ["a"], "severity": "FATAL"}}, ("numeric", "severity"), "'ERROR' or 'WARNING'"),
    ],
)  # fmt: skip
def test_a_check_that_is_none_is_refused(check: Any, path: tuple[str, ...], message: str) -> None:
    fault = refused(check)
    assert fault.path == ("checks", "0", *path)
    assert message in fault.message


def test_more_checks_than_anybody_needs_are_refused() -> None:
    assert refused(*[{"rowCount": {"min": 1}}] * (MAX_PARTS + 1)).path == ("checks",)
