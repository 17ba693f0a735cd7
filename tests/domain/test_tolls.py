"""Who pays, and when there is nothing left."""

from datetime import timedelta

import pytest

from headgate.domain.permissions import Principal
from headgate.domain.tolls import Bill, RateLimited, Tolls, points_for
from headgate.jobs.memory_rates import InProcessRates
from headgate.storage.tables import Role, utc_now


def principal(user_id: str, key_id: str | None = None) -> Principal:
    return Principal(user_id, Role.VIEWER, utc_now() + timedelta(hours=1), key_id=key_id)


@pytest.fixture
def tolls() -> Tolls:
    """10 points for users and keys, 3 for addresses; nothing comes back."""
    return Tolls(InProcessRates(now=lambda: 0.0), known_limit=10, anonymous_limit=3)


def left(bill: Bill) -> int:
    assert bill.allowance is not None
    return bill.allowance.remaining


@pytest.mark.parametrize(("values", "points"), [(0, 1), (1, 1), (100, 1), (101, 2), (100_000, 1000)])
def test_a_hundred_values_are_a_point(values: int, points: int) -> None:
    assert points_for(values) == points


async def test_users_pay_for_themselves_and_strangers_by_address(tolls: Tolls) -> None:
    for caller, address, points, expected in [
        (principal("a"), "192.0.2.1", 4, 6),
        (principal("b"), "192.0.2.1", 4, 6),
        (principal("a"), "192.0.2.2", 4, 2),
        (None, "192.0.2.1", 2, 1),
        (None, "192.0.2.2", 1, 2),
        (None, "2001:db8::1", 2, 1),
        (None, "2001:db8::2", 1, 0),
        (None, None, 1, 2),
    ]:
        bill = tolls.bill(caller, address)
        await bill.pay(points)
        assert left(bill) == expected


async def test_a_key_pays_with_its_user_and_both_must_have_room(tolls: Tolls) -> None:
    await tolls.bill(principal("a", "key_1"), None).pay(4)
    await tolls.bill(principal("a", "key_2"), None).pay(4)
    bill = tolls.bill(principal("a", "key_1"), None)
    with pytest.raises(RateLimited):
        await bill.pay(3)
    await tolls.bill(principal("a"), None).pay(2)


async def test_what_one_account_refuses_the_other_gets_back(tolls: Tolls) -> None:
    await tolls.bill(principal("a", "key_1"), None).pay(8)
    # The key moves to another user only in this test: so the user has room, and the key has none.
    with pytest.raises(RateLimited):
        await tolls.bill(principal("b", "key_1"), None).pay(5)
    await tolls.bill(principal("b"), None).pay(10)


async def test_a_bill_is_paid_once(tolls: Tolls) -> None:
    bill = tolls.bill(principal("a"), None)
    for points in (1, 1, 4, 2):
        await bill.pay(points)

    assert (bill.points, left(bill)) == (4, 6)


async def test_what_costs_more_than_there_is_costs_all_there_is(tolls: Tolls) -> None:
    bill = tolls.bill(principal("a"), None)
    await bill.pay(1)
    await bill.pay(1000)

    assert left(bill) == 0
    with pytest.raises(RateLimited) as refused:
        await tolls.bill(principal("a"), None).pay(1)
    assert refused.value.retry_after_s == 6
    assert refused.value.message == "You have used up your 10 points a minute. Try again in 6 seconds."


async def test_a_limit_of_zero_is_none() -> None:
    tolls = Tolls(InProcessRates(), known_limit=0, anonymous_limit=0)
    for caller in (principal("a", "key_1"), None):
        bill = tolls.bill(caller, "192.0.2.1")
        await bill.pay(1_000_000)
        assert bill.allowance is None
