"""The schema as clients see it."""

from collections.abc import Iterator
from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
    is_specified_scalar_type,
)

from headgate.graphql.schema import HeadgateSchema

SDL = Path(__file__).parents[2] / "schema.graphql"


def test_the_file_at_the_root_is_current(schema: HeadgateSchema) -> None:
    assert SDL.read_text() == schema.as_str() + "\n"


def _named(schema: GraphQLSchema) -> Iterator[tuple[str, str | None]]:
    """Name everything that can carry a description, with it."""
    for name, type_ in schema.type_map.items():
        if name.startswith("__") or is_specified_scalar_type(type_):
            continue
        yield name, type_.description
        if isinstance(type_, GraphQLEnumType):
            for value, definition in type_.values.items():
                yield f"{name}.{value}", definition.description
        elif isinstance(type_, GraphQLInputObjectType):
            for field, input_field in type_.fields.items():
                yield f"{name}.{field}", input_field.description
        elif isinstance(type_, GraphQLObjectType | GraphQLInterfaceType):
            for field, output in type_.fields.items():
                yield f"{name}.{field}", output.description
                for argument, definition_ in output.args.items():
                    yield f"{name}.{field}({argument})", definition_.description


def test_everything_has_a_description_that_is_a_sentence() -> None:
    described = dict(_named(build_schema(SDL.read_text())))
    assert len(described) > 200
    assert [name for name, text in described.items() if not text or not text.endswith((".", ".)"))] == []


def test_no_argument_has_null_as_its_default() -> None:
    assert "= null" not in SDL.read_text()
