"""Who is here with a socket or an event stream: how many there are, and whether they may still stay."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime

import structlog

from headgate.domain.addresses import site_of
from headgate.domain.aside import aside
from headgate.domain.doorkeeper import ACCESS_TOPIC, Doorkeeper
from headgate.domain.permissions import Principal
from headgate.domain.ports import Signals
from headgate.errors import Unauthenticated
from headgate.jobs.waiting import is_set_within
from headgate.server.auth import Authenticate

CHECK_EVERY_S = 5.0
"""So long somebody may stay where the signal that their access changed is lost."""
CHECKED_AT_ONCE = 50

logger = structlog.get_logger(__name__)


class TooMany(Exception):
    """Why somebody may open no further socket or stream now, in words that they may read."""


class Visit:
    """A socket or stream of somebody known; `principal` is who they are by now."""

    def __init__(self, token: str, principal: Principal) -> None:
        self.token = token
        self.principal = principal
        self._revoked = asyncio.Event()

    def revoke(self) -> None:
        """End it: whoever this is may not stay."""
        self._revoked.set()

    async def over(self) -> None:
        """Wait until the token has expired, or they may not stay any more."""
        rest_s = (self.principal.expires_at - datetime.now(UTC)).total_seconds()
        await is_set_within(self._revoked, max(rest_s, 0))


class Presence:
    """Counts the sockets and streams of this process by user and address, and checks again who may stay.

    It checks all of them every few seconds, and at once when access changes, while it is `watching`.
    """

    def __init__(
        self,
        authenticate: Authenticate,
        *,
        max_per_user: int,
        max_per_address: int,
        check_every_s: float = CHECK_EVERY_S,
    ) -> None:
        self._authenticate = authenticate
        self._max_per_user = max_per_user
        self._max_per_address = max_per_address
        self._check_every_s = check_every_s
        self._visits: set[Visit] = set()
        self._by_user: Counter[str] = Counter()
        self._by_address: Counter[str] = Counter()

    def begin(
        self, address: str | None, token: str | None, principal: Principal | None
    ) -> tuple[ExitStack, Visit | None]:
        """Count a stream for as long as the stack is open; a stranger's is over in a moment. Raises TooMany."""
        with ExitStack() as stay:
            stay.enter_context(self.at(address))
            if token is None or principal is None:
                return stay.pop_all(), None
            visit = stay.enter_context(self.of(token, principal))
            return stay.pop_all(), visit

    @contextmanager
    def at(self, address: str | None) -> Iterator[None]:
        """Count one more from an address for as long as the block lasts; raises TooMany."""
        message = f"At most {self._max_per_address} sockets and streams at once from one address."
        with _counted(self._by_address, site_of(address), self._max_per_address, message):
            yield

    @contextmanager
    def of(self, token: str, principal: Principal) -> Iterator[Visit]:
        """Count one more of a user, who is checked again for as long as the block lasts; raises TooMany."""
        message = f"At most {self._max_per_user} sockets and streams of a user at once."
        with _counted(self._by_user, principal.user_id, self._max_per_user, message):
            visit = Visit(token, principal)
            self._visits.add(visit)
            try:
                yield visit
            finally:
                self._visits.discard(visit)

    @asynccontextmanager
    async def watching(self, signals: Signals, doorkeeper: Doorkeeper) -> AsyncIterator[None]:
        """Check again and again for as long as the block lasts."""
        async with signals.listen(ACCESS_TOPIC) as listener:

            async def watch() -> None:
                while True:
                    if await listener.wait(self._check_every_s):
                        # Whether the doorkeeper has heard the signal before us is not known.
                        doorkeeper.forget()
                    await self.check()

            async with aside(watch()):
                yield

    async def check(self) -> None:
        """Ask again who everybody is, and end the visits of those who may not stay."""
        by_token: dict[str, list[Visit]] = {}
        for visit in self._visits:
            by_token.setdefault(visit.token, []).append(visit)
        waiting = list(by_token.items())
        for start in range(0, len(waiting), CHECKED_AT_ONCE):
            some = waiting[start : start + CHECKED_AT_ONCE]
            await asyncio.gather(*(self._check(token, visits) for token, visits in some))
            # What is remembered of users is answered without waiting: let others have their turn.
            await asyncio.sleep(0)

    async def _check(self, token: str, visits: Sequence[Visit]) -> None:
        try:
            principal = await self._authenticate(token)
        except Unauthenticated:
            principal = None
        except Exception:
            # A database that is away for a moment is no reason to send everybody away.
            logger.warning("presence.not_checked", exc_info=True)
            return
        for visit in visits:
            if principal is None:
                visit.revoke()
            else:
                visit.principal = principal


@contextmanager
def _counted(counter: Counter[str], name: str, most: int, message: str) -> Iterator[None]:
    if counter[name] >= most:
        raise TooMany(message)
    counter[name] += 1
    try:
        yield
    finally:
        counter[name] -= 1
        if counter[name] <= 0:
            del counter[name]
