"""What operations cost, pay and may take, on the whole schema."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError
from strawberry.types import ExecutionContext

from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.domain.tolls import Bill, Tolls
from headgate.graphql.context import Context
from headgate.graphql.guarded import CACHED_CHARS, GuardedSchema
from headgate.graphql.limits import DEFAULT_LIMITS, LIMIT_CODE
from headgate.graphql.schema import HeadgateSchema, make_schema

JOBS = "query($n: Int) { jobs(first: $n) { edges { node { id } } } }"


def fault_of(result: Any) -> Any:
    (error,) = result.errors
    assert result.data is None
    return error.original_error


def refusal_of(result: Any) -> Any:
    assert result.data is None
    (error,) = result.errors
    return error.extensions


@pytest.fixture(scope="session")
def tight() -> HeadgateSchema:
    """The schema where lists and costs are small."""
    return make_schema(replace(DEFAULT_LIMITS, cost=30, page=12))


async def test_an_operation_says_what_it_costs(
    schema: HeadgateSchema, make_context: Callable[..., Context]
) -> None:
    result = await schema.execute(JOBS, {"n": 100}, context_value=make_context())

    assert result.extensions == {"cost": {"requested": 202, "maximum": 100_000, "points": 3}}


@pytest.mark.parametrize("padding", ["", "#" + "x" * 5000])
async def test_an_operation_that_may_cost_too_much_does_not_run(
    tight: HeadgateSchema, make_context: Callable[..., Context], padding: str
) -> None:
    asked = JOBS.replace("id }", "id status kind }") + padding
    result = await tight.execute(asked, {"n": 10}, context_value=make_context())

    assert refusal_of(result) == {"code": LIMIT_CODE, "limit": "cost", "maximum": 30, "requested": 42}
    assert (await tight.execute(asked, {"n": 7}, context_value=make_context())).errors is None


async def test_pages_may_be_limited_further(
    tight: HeadgateSchema, make_context: Callable[..., Context]
) -> None:
    result = await tight.execute(JOBS, {"n": 13}, context_value=make_context())

    assert refusal_of(result) == {"code": LIMIT_CODE, "limit": "first", "maximum": 12, "requested": 13}
    for asked in (JOBS, "{ jobs { edges { node { id } } } }"):
        result = await tight.execute(asked, context_value=make_context())
        assert result.errors is None
        assert (result.extensions or {})["cost"]["requested"] == 2 + 12 * 2


async def test_rows_are_no_page_of_a_list(
    tight: HeadgateSchema, make_context: Callable[..., Context]
) -> None:
    asked = '{ dataset(name: "none") { rows(first: 2000) { records } } }'

    assert (await tight.execute(asked, context_value=make_context())).errors is None


@pytest.fixture
def billed(services: Services, make_context: Callable[..., Context]) -> Callable[[int], Context]:
    """Make a context whose caller has so many points a minute."""

    def make(limit: int) -> Context:
        context = make_context()
        context.bill = Tolls(services.rates, known_limit=limit, anonymous_limit=1).bill(context.caller, None)
        return context

    return make


async def test_the_viewer_sees_what_is_left(schema: HeadgateSchema, billed: Callable[[int], Context]) -> None:
    query = "{ viewer { rateLimit { limit remaining resetAt cost } } }"
    seen = [await schema.execute(query, context_value=billed(5)) for _ in range(6)]

    shown = [each.data["viewer"]["rateLimit"] for each in seen[:5] if each.data]
    assert [(each["limit"], each["remaining"], each["cost"]) for each in shown] == [
        (5, left, 1) for left in (4, 3, 2, 1, 0)
    ]
    assert sorted(each["resetAt"] for each in shown) == [each["resetAt"] for each in shown]
    assert [(each.extensions or {})["cost"]["remaining"] for each in seen[:5]] == [4, 3, 2, 1, 0]
    assert "RATE_LIMITED" in str(fault_of(seen[5]))


async def test_the_viewer_sees_no_limit_where_there_is_none(
    schema: HeadgateSchema, billed: Callable[[int], Context], make_context: Callable[..., Context]
) -> None:
    for context in (billed(0), make_context()):
        result = await schema.execute("{ viewer { rateLimit { limit remaining } } }", context_value=context)
        assert result.data == {"viewer": {"rateLimit": {"limit": 0, "remaining": 0}}}
        assert "remaining" not in (result.extensions or {})["cost"]


async def test_what_costs_more_pays_more(schema: HeadgateSchema, billed: Callable[[int], Context]) -> None:
    context = billed(10)
    await schema.execute(JOBS, {"n": 200}, context_value=context)

    assert context.bill is not None
    assert context.bill.points == 5
    assert context.bill.allowance is not None
    assert context.bill.allowance.remaining == 5


@dataclass
class Toy:
    """What an operation of the toy schema works with."""

    caller: Principal | None = None
    bill: Bill | None = None
    began: int = 0
    undone: int = 0
    done: int = 0
    began_slowly: asyncio.Event = field(default_factory=asyncio.Event)


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "hello"

    @strawberry.field
    def me(self) -> "Query":
        return self

    @strawberry.field
    async def slow(self, info: strawberry.Info[Toy]) -> int:
        info.context.began += 1
        info.context.began_slowly.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            info.context.undone += 1
            raise
        return 1

    @strawberry.field
    async def impatient(self) -> int:
        raise TimeoutError("something inside took long")


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def change(self, info: strawberry.Info[Toy]) -> Query:
        info.context.done += 1
        return Query()


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def late(self) -> AsyncGenerator[int, None]:
        for number in range(3):
            await asyncio.sleep(0.05)
            yield number


class QuietSchema(GuardedSchema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        pass


@pytest.fixture
def hasty() -> strawberry.Schema:
    limits = replace(DEFAULT_LIMITS, execution_s=0.1)
    return QuietSchema(Query, Mutation, Subscription, limits=limits)


async def test_an_operation_that_takes_too_long_is_stopped_cleanly(hasty: strawberry.Schema) -> None:
    context = Toy()
    fault = fault_of(await hasty.execute("{ a: slow b: slow }", context_value=context))

    assert (fault.code, fault.retryable) == ("EXECUTION_TIMEOUT", True)
    assert (context.began, context.undone) == (2, 2)


async def test_what_a_mutation_has_done_by_then_stays(hasty: strawberry.Schema) -> None:
    context = Toy()
    fault = fault_of(await hasty.execute("mutation { change { slow } }", context_value=context))

    assert fault.code == "EXECUTION_TIMEOUT"
    assert (context.done, context.undone) == (1, 1)


async def test_streamed_operations_have_the_same_limit(hasty: strawberry.Schema) -> None:
    (result,) = [each async for each in await hasty.stream("{ slow }", context_value=Toy())]

    assert fault_of(result).code == "EXECUTION_TIMEOUT"


async def test_a_subscription_may_last_and_its_results_say_nothing_of_cost(hasty: strawberry.Schema) -> None:
    results = [each async for each in await hasty.subscribe("subscription { late }", context_value=Toy())]

    assert [(each.data, each.extensions) for each in results] == [({"late": n}, {}) for n in range(3)]


async def test_another_timeout_is_not_taken_for_this_one(hasty: strawberry.Schema) -> None:
    result = await hasty.execute("{ impatient }", context_value=Toy())

    assert isinstance((result.errors or [])[0].original_error, TimeoutError)


async def test_an_operation_that_is_left_is_no_timeout(hasty: strawberry.Schema) -> None:
    context = Toy()
    running = asyncio.create_task(hasty.execute("{ slow }", context_value=context))
    await context.began_slowly.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert context.undone == 1


async def test_a_list_that_is_too_long_is_refused_before_it_is_read(
    schema: HeadgateSchema, make_context: Callable[..., Context]
) -> None:
    query = "query($filter: JobFilter) { jobs(filter: $filter) { totalCount } }"
    variables = {"filter": {"status": ["QUEUED"] * 10_001}}
    result = await schema.execute(query, variables, context_value=make_context())

    limit = "items of $filter.status"
    assert refusal_of(result) == {"code": LIMIT_CODE, "limit": limit, "maximum": 10_000, "requested": 10_001}


@pytest.fixture
def quiet() -> strawberry.Schema:
    return QuietSchema(Query, Mutation, Subscription)


async def test_a_document_within_the_limits_runs_again_and_again(quiet: strawberry.Schema) -> None:
    for query in ("{ hello }", "{ hello } #" + "x" * CACHED_CHARS):
        for _ in range(3):
            assert (await quiet.execute(query, context_value=Toy())).data == {"hello": "hello"}


async def test_a_document_beyond_a_limit_does_not_run(quiet: strawberry.Schema) -> None:
    result = await quiet.execute("{me" * 20 + "{hello}" + "}" * 20, context_value=Toy())

    assert result.data is None
    assert result.errors is not None
    assert result.errors[0].extensions == {
        "code": LIMIT_CODE,
        "limit": "depth",
        "maximum": 20,
        "requested": 21,
    }


@pytest.mark.parametrize("query", ["{ nothing }", "{ nothing } #" + "x" * CACHED_CHARS])
async def test_an_invalid_document_is_refused_each_time(quiet: strawberry.Schema, query: str) -> None:
    for _ in range(2):
        result = await quiet.execute(query, context_value=Toy())
        assert result.errors is not None
        assert result.errors[0].message == "Cannot query field 'nothing' on type 'Query'."


async def test_an_empty_document_is_refused(quiet: strawberry.Schema) -> None:
    result = await quiet.execute("#", context_value=Toy())

    assert result.errors is not None
    assert "Syntax Error" in result.errors[0].message
