"""Whether an endpoint answers."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from headgate.domain import endpoints
from headgate.domain.audit import record
from headgate.domain.permissions import Principal, require
from headgate.domain.ports import Engine, TimedOut
from headgate.domain.services import Services
from headgate.errors import JobFault, UserFault
from headgate.storage.tables import Role

ANSWER_S = 8.0
"""An endpoint that hasn't answered by then does not."""
TASK_S = 10.0
"""The process that asks is ended by then, whatever it waits for."""
TURN_S = 10.0
"""So long a test waits for others: whoever sends a file waits behind one at most."""


@dataclass(frozen=True, slots=True)
class Probed:
    """Whether an endpoint answers, after how many milliseconds, and what there is to say."""

    ok: bool
    latency_ms: float | None
    message: str


async def probe(services: Services, principal: Principal, name: str) -> Probed:
    """Ask an endpoint for something harmless, within ten seconds.

    Raises UserFault: FORBIDDEN, NOT_FOUND, BUSY, and what befell the engine.
    """
    require(principal, Role.OPERATOR)
    if await endpoints.find(services, name) is None:
        raise UserFault("NOT_FOUND", f"There is no endpoint {name}.", ("name",))
    async with services.database.transaction() as session:
        record(session, principal, "testEndpoint", name)
    try:
        outside = await endpoints.outside_of(services, [name], timeout_s=ANSWER_S)
        answer = await _asked(services, {"task": "probe", "endpoint": name, "outside": outside})
    except TimedOut:
        return Probed(False, None, "It took too long to answer.")
    except JobFault as fault:
        raise UserFault(fault.code, fault.message, (), fault.retryable) from None
    return Probed(answer["ok"], answer["latency_ms"], answer["message"])


async def _asked(services: Services, task: Mapping[str, Any]) -> dict[str, Any]:
    turn = _turns.setdefault(services.inspector, asyncio.Lock())
    try:
        await asyncio.wait_for(turn.acquire(), TURN_S)
    except TimeoutError:
        message = "Other endpoints are being tested; try again."
        raise UserFault("BUSY", message, retryable=True) from None
    try:
        return await services.inspector.run(task, timeout_s=TASK_S)
    finally:
        turn.release()


_turns: WeakKeyDictionary[Engine, asyncio.Lock] = WeakKeyDictionary()
