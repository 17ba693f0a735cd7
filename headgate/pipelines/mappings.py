"""Mappings: what is read from one endpoint, changed, and written to another, each by calls of its own."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import quote

import orjson
import structlog

from headgate.errors import JobFault
from headgate.pipelines.endpoints.client import Answer, Client, open_client
from headgate.pipelines.endpoints.outside import Outside
from headgate.pipelines.prepared import Watch
from headgate.pipelines.transformation import Transformation

CALLABLE = ("HTTP", "SIMULATED")
"""The kinds of endpoints that mappings read from and write to."""
MAX_RESPONSE_BYTES = 10_000
"""A longer answer of a target is kept as a text that is cut."""
STAGE = "mapping"
LOOK_S = 0.1
CRASHED = JobFault(
    "INTERNAL", "Something went wrong on our side while this item was carried out.", "SYSTEM", retryable=True
)
KEPT_IN_KEYS = "!#$&'()*+,-./:;<=>?@[]^_`{|}~"
"""Characters of ids that stand in a header as they are."""
JSON_CONTENT = {"content-type": "application/json"}

log = structlog.get_logger()

Result = dict[str, Any]
"""What became of an item: position, status, attempts, response and failure."""
Done = Callable[[list[Result]], None]
"""Takes what became of items, as soon as it is known."""


@dataclass(frozen=True, slots=True)
class Item:
    """One mapping; `data`, a list with one value, stands in for what would be read from the source."""

    position: int
    id: str
    source: str
    target: str
    transformation: Transformation
    data: Sequence[Any] = ()

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> "Item":
        """Read what a task says."""
        mapping = said["mapping"]
        return cls(
            said["position"],
            said["id"],
            said["source"],
            said["target"],
            Transformation.model_validate(mapping.get("transformation") or {}),
            [mapping["data"]] if "data" in mapping else [],
        )


@dataclass(slots=True)
class Tries:
    """Counts how often a call was tried."""

    count: int = 0

    def __call__(self) -> None:
        self.count += 1


@dataclass(slots=True)
class Tally:
    """How many items there are, and how many of them have succeeded and failed by now."""

    items: int
    succeeded: int
    failed: int

    def add(self, result: Result) -> None:
        """Count an item."""
        if result["failure"] is None:
            self.succeeded += 1
        else:
            self.failed += 1

    def figures(self) -> dict[str, Any]:
        """Say it as the progress of a job."""
        done = self.succeeded + self.failed
        return {
            "fraction": done / self.items if self.items else 1.0,
            "rows_read": done,
            "rows_written": self.succeeded,
        }


def carry_out(
    job: str, items: Sequence[Item], tally: Tally, outside: Outside, *, at_once: int, watch: Watch, done: Done
) -> None:
    """Carry out items, so many of them at once; `done` hears of each as soon as it has ended.

    Where the job is to stop, what is under way ends first. Raises Stopped then, and JobFault where an endpoint can't
    be called at all.
    """
    waiting, under_way = iter(items), set[Future[Result]]()
    with ExitStack() as stack:
        clients = _open(items, outside, stack)
        pool = stack.enter_context(ThreadPoolExecutor(at_once, thread_name_prefix=STAGE))
        try:
            while True:
                watch(STAGE, **tally.figures())
                begun = islice(waiting, at_once - len(under_way))
                under_way |= {pool.submit(_carried_out, job, item, clients) for item in begun}
                if not under_way:
                    return
                under_way = _collect(under_way, tally, done, LOOK_S)
        finally:
            while under_way:
                under_way = _collect(under_way, tally, done, None)


def _collect(
    under_way: set[Future[Result]], tally: Tally, done: Done, timeout_s: float | None
) -> set[Future[Result]]:
    """Wait until an item has ended, for a while, and tell what became of those that have; answers the others."""
    ended, rest = wait(under_way, timeout_s, FIRST_COMPLETED)
    results = [each.result() for each in ended]
    for result in results:
        tally.add(result)
    if results:
        done(results)
    return rest


def _open(items: Iterable[Item], outside: Outside, stack: ExitStack) -> dict[str, Client]:
    """Open a client of each endpoint, which all items share."""
    names = {name for item in items for name in (item.target, *([] if item.data else [item.source]))}
    return {
        name: stack.enter_context(open_client(outside.endpoint(name, *CALLABLE), outside, _unheeded))
        for name in names
    }


def _unheeded(stage: str, **figures: Any) -> None:
    """A call that has begun goes on to its end: whoever is called could know of it already."""


def _carried_out(job: str, item: Item, clients: Mapping[str, Client]) -> Result:
    """Carry out one item, whatever comes of it."""
    tries = Tries()
    try:
        response = _bounded(_exchange(job, item, clients, tries))
    except JobFault as fault:
        return _result(item, "FAILED", tries, failure=fault)
    except Exception:
        log.exception("item failed", job=job, item=item.id)
        return _result(item, "FAILED", tries, failure=CRASHED)
    return _result(item, "SUCCEEDED", tries, response=response)


def _exchange(job: str, item: Item, clients: Mapping[str, Client], tries: Tries) -> Answer:
    change = item.transformation
    if item.data:
        (data,) = item.data
    else:
        path = change.source_url(item.id)
        data = clients[item.source].call("GET", path, on_try=tries).json()
    tries.count = 0
    return clients[item.target].call(
        change.method,
        change.target_url(item.id),
        headers=JSON_CONTENT,
        content=orjson.dumps(change.apply(data), default=str),
        idempotency_key=f"{job}:{quote(item.id, safe=KEPT_IN_KEYS)}",
        on_try=tries,
    )


def _result(
    item: Item, status: str, tries: Tries, *, response: Any = None, failure: JobFault | None = None
) -> Result:
    return {
        "position": item.position,
        "status": status,
        "attempts": tries.count,
        "response": response,
        "failure": failure.to_json() if failure is not None else None,
    }


def _bounded(answer: Answer) -> Any:
    """What is kept of an answer: its JSON where it is short, else as much of its text; None where it is empty."""
    if not answer.content:
        return None
    if len(answer.content) <= MAX_RESPONSE_BYTES:
        try:
            return orjson.loads(answer.content)
        except ValueError:
            pass
    return answer.text[:MAX_RESPONSE_BYTES]
