"""How often signing in may fail: counted by account and by address, before a password is hashed."""

from collections.abc import Awaitable
from dataclasses import dataclass
from hashlib import sha256
from math import ceil
from typing import TypeVar

from headgate.domain.addresses import site_of
from headgate.domain.ports import Allowance, Rate
from headgate.domain.services import Services
from headgate.errors import UserFault

Verdict = TypeVar("Verdict")

PERIOD_S = 15 * 60.0
ADDRESS_FACTOR = 10
"""From one address may come so many times as often: many people may share it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was let through, which counts as failed until it is taken back."""

    services: Services
    taken: tuple[tuple[str, Rate], ...]

    async def judged(self, judging: Awaitable[Verdict]) -> Verdict:
        """Wait for what says whether it is right; where that raises UserFault, nobody does, and it does not count."""
        try:
            return await judging
        except UserFault:
            await self.take_back()
            raise

    async def take_back(self) -> None:
        """Let it not count: it succeeded, or was not judged."""
        for key, rate in self.taken:
            await self.services.rates.give_back(key, rate)


async def begin_attempt(services: Services, account: str, address: str | None) -> Attempt:
    """Let one attempt through to sign in to an account; raises UserFault (RATE_LIMITED), which says when to try again.

    It is counted before its outcome is known, so that many at once are no way around. What is refused by the address
    does not count against the account. Whoever goes on failing keeps an account from being signed in to, for as long as
    they do and no longer; who is signed in stays so, and refreshes as ever.
    """
    by_account = (f"login:account:{_digest(account)}", Rate(services.login_attempts, PERIOD_S))
    by_address = (
        f"login:address:{site_of(address)}",
        Rate(services.login_attempts * ADDRESS_FACTOR, PERIOD_S),
    )
    attempt = Attempt(services, (by_account, by_address))
    _require(await services.rates.take(*by_account))
    allowance = await services.rates.take(*by_address)
    if not allowance.is_granted:
        await services.rates.give_back(*by_account)
    _require(allowance)
    return attempt


def _require(allowance: Allowance) -> None:
    if not allowance.is_granted:
        seconds = ceil(allowance.retry_after_s)
        message = f"There were too many attempts to sign in. Try again in {seconds} seconds."
        raise UserFault("RATE_LIMITED", message, retryable=True)


def _digest(account: str) -> str:
    """A short name for whatever somebody takes for an account."""
    return sha256(account.encode(errors="surrogatepass")).hexdigest()
