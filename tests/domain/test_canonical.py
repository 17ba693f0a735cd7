"""Specs are kept in one form: as they were given, without what says nothing."""

from typing import Any

import pytest

from headgate.domain.canonical import MAX_BYTES, MAX_LEVELS, are_same, canonical, check_size
from headgate.errors import UserFault


def test_parts_come_in_order_and_settings_as_they_were_given() -> None:
    spec = {
        "sinks": [{"dataset": {"keys": ["a"], "name": "x", "mode": "UPSERT"}}],
        "source": {"records": {"records": [{"b": None, "a": 1}]}},
    }
    kept = canonical(spec)
    assert kept == spec
    assert list(kept) == ["source", "sinks"]
    assert list(kept["sinks"][0]["dataset"]) == ["keys", "name", "mode"]


def test_what_says_nothing_is_left_out_at_every_level() -> None:
    column = {"name": "a", "type": "DATE", "format": None, "nullable": False}
    spec = {
        "contract": {"columns": [column]},
        "steps": [],
        "checks": [{"range": {"columns": ["a"], "min": 0, "max": None}}],
        "acceptance": None,
        "retry": {"maxAttempts": 2},
        "timeoutSeconds": 5,
    }
    assert canonical(spec) == {
        "contract": {"columns": [{"name": "a", "type": "DATE", "nullable": False}]},
        "checks": [{"range": {"columns": ["a"], "min": 0}}],
        "retry": {"maxAttempts": 2},
        "timeoutSeconds": 5,
    }


def test_settings_get_the_names_of_specs() -> None:
    given = {"retry": {"max_attempts": 2, "initial_delay_s": 1, "maxDelaySeconds": 3}}
    assert canonical(given) == {"retry": {"maxAttempts": 2, "initialDelaySeconds": 1, "maxDelaySeconds": 3}}


def test_defaults_are_not_written_into_a_spec() -> None:
    assert canonical({"retry": {}, "schedule": {"cron": "@daily"}}) == {
        "retry": {},
        "schedule": {"cron": "@daily"},
    }


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ({"a": 1, "b": [1]}, {"b": [1], "a": 1}, True),
        ({"a": 5}, {"a": 5.0}, True),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": 1}, {"a": True}, False),
        ({"a": [{"b": 0}]}, {"a": [{"b": False}]}, False),
        ({"a": "1"}, {"a": 1}, False),
        ({"a": None}, {}, False),
    ],
    ids=range(7),
)
def test_specs_are_the_same_where_they_say_the_same(
    first: dict[str, Any], second: dict[str, Any], same: bool
) -> None:
    assert are_same(first, second) is same


def _nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value", ["x" * MAX_BYTES, _nested(MAX_LEVELS), _nested(900), 2**80, "\ud800"], ids=range(5)
)
def test_what_is_too_large_or_too_deep_or_no_json_is_refused(value: Any) -> None:
    with pytest.raises(UserFault, match="INVALID_SPEC") as refused:
        check_size({"source": value}, ("yaml",))
    assert refused.value.path == ("yaml",)


def test_what_is_just_small_enough_is_taken() -> None:
    check_size({"source": "x" * (MAX_BYTES - 20)}, ())
    check_size({"source": _nested(MAX_LEVELS - 1)}, ())
