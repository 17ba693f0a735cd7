"""Passwords: what may be one, and what is kept of it (Argon2id)."""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from headgate.domain.ids import is_storable
from headgate.errors import UserFault

MIN_CHARACTERS, MAX_CHARACTERS = 8, 1_024
MEMORY_KIB = 19 * 1024
PASSES, LANES = 2, 1
"""The least that OWASP recommends of Argon2id; more memory would be more for a flood of logins to take."""
OF_NOBODY = (
    "$argon2id$v=19$m=19456,t=2,p=1$bGxwA0S18KVhAvWD7tw3QQ$56nvWR5vLtKPfmhpYnmg8PZbxuYbNtTP0vcujf60a+I"
)
"""Of a password that nobody knows: what those are compared with who are not there, as it takes as long."""
WAITING_PER_HASHER = 50
"""So many wait for each that hashes, which is a second or two; more are refused."""

Answer = TypeVar("Answer")


class Passwords:
    """Hashes passwords in threads, `hashers` at once: each takes 19 MiB and a core for some 20 ms.

    A hash that nobody waits for any more keeps its place to its end, as it keeps its memory.
    """

    def __init__(self, hashers: int) -> None:
        self._argon2 = PasswordHasher(time_cost=PASSES, memory_cost=MEMORY_KIB, parallelism=LANES)
        self._threads = ThreadPoolExecutor(hashers, thread_name_prefix="passwords")
        self._places = BoundedSemaphore(hashers * (1 + WAITING_PER_HASHER))

    async def hash(self, password: str) -> str:
        """Make what is kept of a password. Raises UserFault (RATE_LIMITED)."""
        return await self._in_thread(lambda: self._argon2.hash(_normal(password)))

    async def matches(self, password: str, kept: str | None) -> bool:
        """Tell whether this is the password of what is kept, which takes as long where nothing is.

        Raises UserFault (RATE_LIMITED).
        """
        given = _normal(password) if _is_within_bounds(password) else ""
        return await self._in_thread(lambda: self._verify(kept or OF_NOBODY, given)) and bool(kept)

    def is_outdated(self, kept: str) -> bool:
        """Tell whether this was made with other parameters than those of today."""
        return self._argon2.check_needs_rehash(kept)

    def _verify(self, kept: str, given: str) -> bool:
        try:
            return self._argon2.verify(kept, given)
        except (VerificationError, InvalidHashError):
            return False

    async def _in_thread(self, work: Callable[[], Answer]) -> Answer:
        if not self._places.acquire(blocking=False):
            raise UserFault(
                "RATE_LIMITED",
                "Too many are signing in right now. Try again in a few seconds.",
                retryable=True,
            )
        running = self._threads.submit(work)
        running.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(running)


def check_password(password: str, email: str, path: tuple[str, ...]) -> None:
    """Raise UserFault (INVALID_PASSWORD) unless somebody with this address may have this password."""
    if (reason := _fault_of(password, email)) is not None:
        raise UserFault("INVALID_PASSWORD", reason, path)


def _fault_of(password: str, email: str) -> str | None:
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        return f"A password has from {MIN_CHARACTERS} to {MAX_CHARACTERS:,} characters; this one has {len(password):,}."
    if not _is_within_bounds(password):
        return "A password is text without NUL and without halves of surrogate pairs."
    if _normal(password).casefold().strip() == email.casefold():
        return "A password is not the address that it belongs to; take another one."
    return None


def _is_within_bounds(password: str) -> bool:
    return len(password) <= MAX_CHARACTERS and is_storable(password)


def _normal(password: str) -> str:
    """One text for what keyboards of different systems send for the same password."""
    return unicodedata.normalize("NFC", password)
