"""The scalars of the schema."""

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from headgate.domain.incoming import IncomingFile
from headgate.graphql.scalars import SCALARS, BigInt, is_plain_json

MAX = 2**53 - 1


@strawberry.type
class Query:
    @strawberry.field
    def big(self, value: BigInt | None = None) -> BigInt | None:
        return value

    @strawberry.field
    def too_big(self) -> BigInt:
        return BigInt(MAX + 1)

    @strawberry.field
    def moment(self, value: datetime) -> datetime:
        return value

    @strawberry.field
    def berlin(self) -> datetime:
        return datetime(2026, 1, 31, 8, 30, 0, 5000, tzinfo=timezone(timedelta(hours=1)))

    @strawberry.field
    def nowhere(self) -> datetime:
        return datetime(2026, 1, 31)

    @strawberry.field
    def echo(self, value: JSON) -> JSON:
        return value

    @strawberry.field
    def name(self, file: IncomingFile) -> str:
        return file.name


class QuietSchema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        pass


@pytest.fixture
def schema() -> strawberry.Schema:
    return QuietSchema(Query, config=StrawberryConfig(scalar_map=SCALARS))


async def answer(schema: strawberry.Schema, field: str, kind: str, value: object) -> Any:
    query = f"query($v: {kind}) {{ answer: {field}(value: $v) }}"
    result = await schema.execute(query, {"v": value})
    return result.data["answer"] if result.data else result.errors


async def literal(schema: strawberry.Schema, field: str, text: str) -> Any:
    result = await schema.execute(f"{{ answer: {field}(value: {text}) }}")
    return result.data["answer"] if result.data else result.errors


def is_refused(result: Any) -> bool:
    return isinstance(result, list) and isinstance(result[0], GraphQLError)


@pytest.mark.parametrize("value", [0, 1, -1, 2**31, MAX, -MAX])
async def test_a_big_int_is_a_number_both_ways(schema: strawberry.Schema, value: int) -> None:
    assert await answer(schema, "big", "BigInt", value) == value
    assert await literal(schema, "big", str(value)) == value


@pytest.mark.parametrize("value", [MAX + 1, -MAX - 1, 10**400, 1.0, 1.5, 1e30, True, "1", "", [], {}])
async def test_a_big_int_is_nothing_but_an_integer_in_range(schema: strawberry.Schema, value: object) -> None:
    assert is_refused(await answer(schema, "big", "BigInt", value))


@pytest.mark.parametrize("text", [str(MAX + 1), "1" * 5000, "1.0", "1e3", "true", '"1"', "ONE", "[]", "{}"])
async def test_a_big_int_literal_is_nothing_but_an_integer_in_range(
    schema: strawberry.Schema, text: str
) -> None:
    assert is_refused(await literal(schema, "big", text))


async def test_null_is_no_big_int_but_an_absent_one(schema: strawberry.Schema) -> None:
    assert await answer(schema, "big", "BigInt", None) is None


async def test_a_big_int_out_of_range_is_never_answered(schema: strawberry.Schema) -> None:
    assert (await schema.execute("{ tooBig }")).errors


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        ("2026-01-31T08:30:00Z", "2026-01-31T08:30:00Z"),
        ("2026-01-31T08:30:00.25z", "2026-01-31T08:30:00.250000Z"),
        ("2026-01-31t08:30:00+00:00", "2026-01-31T08:30:00Z"),
        ("2026-01-31 08:30:00+01:30", "2026-01-31T07:00:00Z"),
    ],
)
async def test_a_moment_is_answered_in_utc(schema: strawberry.Schema, sent: str, answered: str) -> None:
    assert await answer(schema, "moment", "DateTime!", sent) == answered
    assert await literal(schema, "moment", f'"{sent}"') == answered


@pytest.mark.parametrize(
    "value",
    [
        "",
        "now",
        "2026-01-31",
        "2026-01-31T08:30:00",
        "2026-01-31T08:30Z",
        "20260131T083000Z",
        "2026-02-30T00:00:00Z",
        "2026-01-31T24:30:00Z",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00",
        "٢٠٢٦-01-31T08:30:00Z",
        "2026-01-31T08:30:00Z\n",
        0,
        True,
        [],
        {},
    ],
)
async def test_a_moment_without_a_zone_or_sense_is_refused(schema: strawberry.Schema, value: object) -> None:
    assert is_refused(await answer(schema, "moment", "DateTime!", value))


async def test_a_moment_of_another_zone_is_answered_in_utc(schema: strawberry.Schema) -> None:
    assert (await schema.execute("{ berlin }")).data == {"berlin": "2026-01-31T07:30:00.005000Z"}


async def test_a_moment_without_a_zone_is_never_answered(schema: strawberry.Schema) -> None:
    assert (await schema.execute("{ nowhere }")).errors


@pytest.mark.parametrize("value", [None, True, 1, 2.5, "é", [1, [2]], {"a": {"b": None}}])
async def test_json_takes_any_json(schema: strawberry.Schema, value: object) -> None:
    result = await schema.execute("query($v: [JSON]) { echo(value: $v) }", {"v": [value]})
    again = await answer(schema, "echo", "JSON!", [value])

    assert again == [value]
    assert result.errors


@pytest.mark.parametrize(
    "text", ["[" * 65 + "]" * 65, "1" * 30, "1" * 5000, "1e999", "{a: " * 70 + "1" + "}" * 70]
)
async def test_json_literals_are_bounded(schema: strawberry.Schema, text: str) -> None:
    assert is_refused(await literal(schema, "echo", text))


def test_json_nests_up_to_64_levels() -> None:
    def nested(depth: int) -> object:
        value: object = 1
        for _ in range(depth):
            value = [value]
        return value

    assert is_plain_json(nested(64))
    assert not is_plain_json(nested(65))
    assert not is_plain_json({"moment": object()})


async def test_an_upload_is_a_received_file(schema: strawberry.Schema) -> None:
    file = IncomingFile("x.csv", "files/1", 1, "", b"x")
    query = "query($f: Upload!) { name(file: $f) }"

    assert (await schema.execute(query, {"f": file})).data == {"name": "x.csv"}
    assert (await schema.execute(query, {"f": "x.csv"})).errors
    assert (await schema.execute('{ name(file: "x.csv") }')).errors


def test_every_scalar_is_described(schema: strawberry.Schema) -> None:
    text = schema.as_str()

    assert all(definition.description and definition.name in text for definition in SCALARS.values())
