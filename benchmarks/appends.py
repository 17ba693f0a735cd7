"""How fast records are appended by POST /streams, against bare Delta appends of the same bodies."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import count
from pathlib import Path
from statistics import median, quantiles

import httpx
import orjson
import polars as pl

from benchmarks.client import Client
from benchmarks.figures import Figure, Sizes, alternate
from benchmarks.guards import UNREACHED
from demo.server import Server, serving

CONNECTIONS = 4
MIN_MB_PER_S, MIN_RATIO = 50.0, 0.5
RECORDS_A_BODY = 20_000
SMALL_RECORDS = 100
HEADERS = {"content-type": "application/x-ndjson"}
MB = 1_000_000

rounds = count(1)


def measure_appends(folder: Path, sizes: Sizes) -> list[Figure]:
    """Append bodies over several connections until all is committed, and bare in one process, in turn."""
    bodies = [_body(RECORDS_A_BODY, number) for number in range(sizes.append_bodies)]
    megabytes = sum(map(len, bodies)) / MB
    answers: list[float] = []
    with serving(folder / "appends", UNREACHED) as server:
        _append(server, _body(1, 0), "warm")
        accepted, committed, bare = alternate(
            sizes,
            (
                lambda: megabytes / _appended_s(server, bodies, answers),
                lambda: megabytes / _committed_s(server, bodies),
                lambda: megabytes / _bare_s(folder / f"bare_{next(rounds)}", bodies),
            ),
        )
        small = _small_answers_ms(server, sizes.append_calls)
    return [
        _rate(f"Appended by {CONNECTIONS} connections: answered", accepted, bare),
        _rate(f"Appended by {CONNECTIONS} connections: committed", committed, bare),
        _answers(f"Answers to bodies of {megabytes / len(bodies):.1f} MB", answers),
        _answers(f"Answers to {SMALL_RECORDS} records", small),
    ]


def _rate(name: str, ours: float, bare: float) -> Figure:
    measured = f"{ours:.0f} MB/s / {bare:.0f} MB/s = {ours / bare:.2f}"
    asked = f"at least {MIN_MB_PER_S:.0f} MB/s, or {MIN_RATIO:.1f}"
    return Figure(
        f"{name}, against bare Delta", measured, asked, ours >= MIN_MB_PER_S or ours / bare >= MIN_RATIO
    )


def _answers(name: str, times_ms: Sequence[float]) -> Figure:
    return Figure(name, f"p50 {median(times_ms):.0f} ms, p99 {quantiles(times_ms, n=100)[98]:.0f} ms")


def _body(records: int, number: int) -> bytes:
    first = number * records
    return b"".join(map(_record, range(first, first + records)))


def _record(number: int) -> bytes:
    record = {
        "id": number,
        "email": f"user{number}@example.com",
        "amount": number * 1.25 + 0.5,
        "country": ("DE", "FR", "US")[number % 3],
        "at": f"2026-01-01T10:{number % 60:02}:00Z",
        "note": "what somebody wrote about this one, which takes some room",
        "active": number % 2 == 0,
    }
    return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


def _append(server: Server, body: bytes, dataset: str, http: httpx.Client | None = None) -> str:
    """Append a body, again where the server asks for it, and answer the job of its batch."""
    headers = {**HEADERS, "authorization": f"Bearer {server.token}"}
    send = http.post if http is not None else httpx.post
    while True:
        answer = send(f"{server.url}/streams/{dataset}", content=body, headers=headers, timeout=120.0)
        if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
            job_id: str = answer.raise_for_status().json()["jobId"]
            return job_id
        time.sleep(float(answer.headers["retry-after"]))


def _send(server: Server, bodies: Sequence[bytes], dataset: str) -> tuple[set[str], list[float]]:
    """Send bodies over one connection; answers the jobs of their batches, and how many ms each answer took."""
    jobs, times_ms = set(), []
    with httpx.Client(trust_env=False) as http:
        for body in bodies:
            began = time.perf_counter()
            jobs.add(_append(server, body, dataset, http))
            times_ms.append((time.perf_counter() - began) * 1000)
    return jobs, times_ms


def _send_all(server: Server, bodies: Sequence[bytes]) -> tuple[set[str], list[float]]:
    dataset = f"appended_{next(rounds)}"
    with ThreadPoolExecutor(CONNECTIONS) as threads:
        shares = [bodies[number::CONNECTIONS] for number in range(CONNECTIONS)]
        sent = list(threads.map(lambda share: _send(server, share, dataset), shares))
    return set().union(*(jobs for jobs, _ in sent)), [each for _, times_ms in sent for each in times_ms]


def _appended_s(server: Server, bodies: Sequence[bytes], answers: list[float]) -> float:
    """How long it takes until all answers are there; what is still to be committed then is waited for behind it."""
    began = time.perf_counter()
    jobs, times_ms = _send_all(server, bodies)
    elapsed_s = time.perf_counter() - began
    answers += times_ms
    _finish(server, jobs)
    return elapsed_s


def _committed_s(server: Server, bodies: Sequence[bytes]) -> float:
    began = time.perf_counter()
    _finish(server, _send_all(server, bodies)[0])
    return time.perf_counter() - began


def _finish(server: Server, jobs: set[str]) -> None:
    with Client(server.url, server.token) as client:
        for job_id in sorted(jobs):
            client.finish(job_id)


def _bare_s(table: Path, bodies: Sequence[bytes]) -> float:
    """Parse and append each body, in one process."""
    began = time.perf_counter()
    for body in bodies:
        pl.read_ndjson(BytesIO(body)).write_delta(table, mode="append")
    return time.perf_counter() - began


def _small_answers_ms(server: Server, calls: int) -> list[float]:
    bodies = [_body(SMALL_RECORDS, number) for number in range(calls)]
    jobs, times_ms = _send(server, bodies, "appended_small")
    _finish(server, jobs)
    return times_ms
