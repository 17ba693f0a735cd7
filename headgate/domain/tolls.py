"""What operations cost their callers: points, of which each caller has so many a minute."""

from collections.abc import Sequence
from math import ceil

from headgate.domain.addresses import site_of
from headgate.domain.permissions import Principal
from headgate.domain.ports import Allowance, Rate, Rates
from headgate.errors import HeadgateError

VALUES_A_POINT = 100


def points_for(values: int) -> int:
    """Tell the price of an operation that may ask for so many values: a point for each hundred, at least one."""
    return max(1, ceil(values / VALUES_A_POINT))


class RateLimited(HeadgateError):
    """A caller has used up their points; what they asked for was not begun."""

    retryable = True

    def __init__(self, allowance: Allowance) -> None:
        self.allowance = allowance
        super().__init__(
            "RATE_LIMITED",
            f"You have used up your {allowance.limit:,} points a minute. Try again in {self.retry_after_s} seconds.",
        )

    @property
    def retry_after_s(self) -> int:
        """In how many whole seconds there are points enough."""
        return ceil(self.allowance.retry_after_s)


class Bill:
    """What one operation pays, from all `accounts` alike; `allowance` is what is left of the one that has least."""

    def __init__(self, rates: Rates, accounts: Sequence[tuple[str, Rate]]) -> None:
        self._rates = rates
        self._accounts = accounts
        self.points = 0
        self.allowance: Allowance | None = None

    async def pay(self, points: int) -> None:
        """Pay until it is so many points in all; raises RateLimited where an account has not enough left."""
        if points <= self.points:
            return
        paid, self.points, self.allowance = self.points, points, None
        for number, (account, rate) in enumerate(self._accounts):
            # What costs more than there ever is, costs all there is.
            due = min(points, rate.limit) - min(paid, rate.limit)
            left = await self._rates.take(account, rate, due)
            if self.allowance is None or left.remaining < self.allowance.remaining or not left.is_granted:
                self.allowance = left
            if not left.is_granted:
                await self._give_back(paid, number)
                raise RateLimited(left)

    async def _give_back(self, paid: int, count: int) -> None:
        """Undo what the first accounts have paid beyond what was paid before."""
        for account, rate in self._accounts[:count]:
            due = min(self.points, rate.limit) - min(paid, rate.limit)
            await self._rates.give_back(account, rate, due)


class Tolls:
    """Knows who pays: a user, and their API key too; for requests of nobody known the address that they came from.

    Limits are points a minute; 0 is none.
    """

    def __init__(self, rates: Rates, *, known_limit: int, anonymous_limit: int) -> None:
        self._rates = rates
        self._known = Rate(known_limit) if known_limit else None
        self._anonymous = Rate(anonymous_limit) if anonymous_limit else None

    def bill(self, caller: Principal | None, address: str | None) -> Bill:
        """Begin the bill of one operation; nothing is paid yet."""
        if caller is None:
            return Bill(
                self._rates, [(f"address:{site_of(address)}", self._anonymous)] if self._anonymous else []
            )
        if self._known is None:
            return Bill(self._rates, [])
        accounts = [(f"user:{caller.user_id}", self._known)]
        if caller.key_id is not None:
            accounts.append((f"key:{caller.key_id}", self._known))
        return Bill(self._rates, accounts)
