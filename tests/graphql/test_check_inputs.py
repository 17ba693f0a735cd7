"""The inputs of checks are generated from their models."""

from typing import Any

import pytest
import strawberry
from graphql import GraphQLInputObjectType, GraphQLNonNull, get_named_type
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig

from headgate.domain.parts import parse_kinds
from headgate.graphql.checks import Check, CheckInput
from headgate.graphql.kinds import settings_of
from headgate.graphql.scalars import SCALARS
from headgate.pipelines.checks.registry import check_kinds


@strawberry.type
class Query:
    @strawberry.field
    def specs(self, checks: list[CheckInput]) -> JSON:
        return [settings_of(check) for check in checks]  # type: ignore[return-value]

    @strawberry.field
    def check(self) -> Check:
        return Check.from_json(
            {
                "kind": "range",
                "severity": "WARNING",
                "settings": {"columns": ["a"], "min": 0},
                "reason": "Never below.",
            }
        )


SCHEMA = strawberry.Schema(Query, config=StrawberryConfig(scalar_map=SCALARS))
SPECS = "query ($checks: [CheckInput!]!) { specs(checks: $checks) }"


def specs(checks: Any) -> Any:
    result = SCHEMA.execute_sync(SPECS, {"checks": checks})
    assert not result.errors, result.errors
    assert result.data is not None
    return result.data["specs"]


def input_type(name: str) -> GraphQLInputObjectType:
    found = SCHEMA._schema.type_map[name]
    assert isinstance(found, GraphQLInputObjectType)
    return found


@pytest.mark.parametrize("kind", check_kinds())
def test_the_example_of_each_kind_goes_through_the_schema_unchanged_and_is_a_check(kind: str) -> None:
    given = [{kind: check_kinds()[kind].example}]
    assert specs(given) == given
    (check,) = parse_kinds(check_kinds(), "check", specs(given), ("checks",))
    assert check == check_kinds()[kind].from_example()


@pytest.mark.parametrize("kind", check_kinds())
def test_each_input_has_the_settings_of_its_kind_described_and_required_where_they_are(kind: str) -> None:
    model = check_kinds()[kind]
    choice = input_type("CheckInput").fields[kind]
    fields = input_type(get_named_type(choice.type).name).fields
    assert choice.description
    assert fields.keys() == {info.alias for info in model.model_fields.values()}
    for info in model.model_fields.values():
        field = fields[str(info.alias)]
        assert isinstance(field.type, GraphQLNonNull) == info.is_required()
        assert field.description


def test_a_check_is_of_exactly_one_kind() -> None:
    both = {"numeric": {"columns": ["a"]}, "email": {"columns": ["a"]}}
    for wrong in ({}, both):
        assert SCHEMA.execute_sync(SPECS, {"checks": [wrong]}).errors


def test_what_is_null_is_left_out_and_values_stay_what_they_are() -> None:
    given = {"columns": ["a"], "min": 0, "max": 2**60, "exclusiveMin": None, "severity": "WARNING"}
    (spec,) = specs([{"range": given}])
    assert spec == {"range": {"columns": ["a"], "min": 0, "max": 2**60, "severity": "WARNING"}}
    values: list[Any] = [1, 1.5, "1", True]
    assert specs([{"oneOf": {"columns": ["a"], "values": values}}])[0]["oneOf"]["values"] == values


def test_a_check_says_its_kind_severity_settings_and_reason() -> None:
    result = SCHEMA.execute_sync("{ check { kind severity settings reason } }")
    assert result.data == {
        "check": {
            "kind": "range",
            "severity": "WARNING",
            "settings": {"columns": ["a"], "min": 0},
            "reason": "Never below.",
        }
    }
