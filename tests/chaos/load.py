"""What is sent to Headgate during the trouble, and a client that insists until it is accepted."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.fleet import LOOK_S, Fleet

DATASETS = ("clicks", "orders", "visits")
MERGED = "customers"
BATCH_SIZE = 3
PATIENCE_S = 15.0
AGAIN = 0.2
"""How many requests are sent once more after their answer, as by a client that lost it."""
INSISTENT = {"maxAttempts": 10, "initialDelaySeconds": 0.5, "factor": 1}
INGEST = """
mutation ($input: IngestInput!) {
  ingest(input: $input) { replayed job { id } errors { code message path } }
}
"""
INGEST_BATCH = """
mutation ($input: IngestBatchInput!) {
  ingestBatch(input: $input) { replayed job { id } results { job { id } } errors { code message path } }
}
"""


@dataclass(frozen=True)
class Load:
    """The data of one job: rows that carry its name; one of them may be such that it is rejected.

    Poison is for a job that is to fail, for its process is killed whenever it runs.
    """

    name: str
    dataset: str
    rows: int
    rejected: int | None = None
    mode: str = "APPEND"
    is_poison: bool = False

    @property
    def input(self) -> dict[str, Any]:
        keys = {"keys": ["job", "row"]} if self.mode == "UPSERT" else {}
        text = {"format": "CSV", "content": "".join(self._lines())}
        spec = {"spec": {"retry": INSISTENT}} if self.is_poison else {}
        return {"data": {"text": text}, "dataset": self.dataset, "mode": self.mode, **keys, **spec}

    @property
    def good_rows(self) -> list[int]:
        """The rows that are to be in the dataset."""
        if self.is_poison:
            return []
        return [row for row in range(self.rows) if row != self.rejected]

    def _lines(self) -> Iterator[str]:
        yield "job,row,amount\n"
        for row in range(self.rows):
            yield f"{self.name},{row},{'much' if row == self.rejected else row * 7}\n"


@dataclass(frozen=True)
class Order:
    """One request under a key of its own: an ingest, or a batch of several."""

    key: str
    loads: tuple[Load, ...]
    priority: str = "MEDIUM"
    is_batch: bool = False

    @property
    def operation(self) -> str:
        return "ingestBatch" if self.is_batch else "ingest"

    @property
    def body(self) -> dict[str, Any]:
        named = {"idempotencyKey": self.key, "priority": self.priority}
        if self.is_batch:
            query, given = INGEST_BATCH, {"items": [load.input for load in self.loads], **named}
        else:
            query, given = INGEST, {**self.loads[0].input, **named}
        return {"query": query, "variables": {"input": given}}


def openings() -> list[Order]:
    """What makes the datasets: amounts are numbers from then on."""
    return [
        Order(f"first-{name}", (Load(f"first-{name}", name, rows=10, mode=mode),))
        for name, mode in [*((name, "APPEND") for name in DATASETS), (MERGED, "UPSERT")]
    ]


def orders(seed: int, count: int) -> list[Order]:
    """So many orders, mostly small ones; the same for the same seed."""
    chance = random.Random(f"load {seed}")
    return [_order(chance, f"job-{number}") for number in range(count)]


def _order(chance: random.Random, key: str) -> Order:
    priority = chance.choices(["HIGH", "MEDIUM", "LOW"], [1, 8, 1])[0]
    if chance.random() < 0.05:
        loads = tuple(_load(chance, f"{key}-{item}") for item in range(BATCH_SIZE))
        return Order(key, loads, priority, is_batch=True)
    return Order(key, (_load(chance, key),), priority)


def _load(chance: random.Random, name: str) -> Load:
    rows = chance.choice([5, 50, 500, 5_000, 50_000])
    rejected = chance.randrange(rows) if chance.random() < 0.15 else None
    if chance.random() < 0.1:
        return Load(name, MERGED, min(rows, 500), rejected if rows <= 500 else None, mode="UPSERT")
    return Load(name, chance.choice(DATASETS), rows, rejected)


@dataclass
class Accepted:
    """What was accepted: by the name of each load the ids of the jobs that were answered for it."""

    jobs: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    loads: dict[str, Load] = field(default_factory=dict)
    batches: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def note(self, order: Order, payload: Mapping[str, Any]) -> None:
        if order.is_batch:
            self.batches[order.key].add(payload["job"]["id"])
            answered = [result["job"]["id"] for result in payload["results"]]
        else:
            answered = [payload["job"]["id"]]
        for load, job_id in zip(order.loads, answered, strict=True):
            self.loads[load.name] = load
            self.jobs[load.name].add(job_id)


class Client:
    """Sends each order to one server after the other until one has answered; some answers it takes for lost."""

    def __init__(self, fleet: Fleet, http: httpx.AsyncClient, seed: int) -> None:
        self._fleet = fleet
        self._http = http
        self._chance = random.Random(f"client {seed}")
        self.failed_requests = 0
        self.accepted = Accepted()

    async def place(self, order: Order) -> None:
        """Have an order accepted."""
        self.accepted.note(order, await self._insist(order))
        if self._chance.random() < AGAIN:
            payload = await self._insist(order)
            assert payload["replayed"], order.key
            self.accepted.note(order, payload)

    async def _insist(self, order: Order) -> Mapping[str, Any]:
        while True:
            up = [server for server in self._fleet.servers if server.is_up]
            if up and (answer := await self._send(self._chance.choice(up).url, order)):
                return answer
            await asyncio.sleep(LOOK_S)

    async def _send(self, url: str, order: Order) -> Mapping[str, Any] | None:
        try:
            response = await self._http.post(f"{url}/graphql", json=order.body, timeout=PATIENCE_S)
        except httpx.TransportError:
            self.failed_requests += 1
            return None
        answer = response.json()
        assert "errors" not in answer, (order.key, answer["errors"])
        payload: Mapping[str, Any] = answer["data"][order.operation]
        assert payload["errors"] == [], (order.key, payload["errors"])
        return payload
