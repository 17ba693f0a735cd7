"""How soon a single job starts on an idle system: from its acceptance by a server to its claim by a worker."""

import time
from datetime import datetime
from pathlib import Path
from random import Random

from benchmarks.accepting import Place
from benchmarks.client import Client, Refused
from benchmarks.figures import Figure, Sizes, in_ms
from benchmarks.redis_server import redis_running
from demo.server import serving, working

WORKERS = 2
PAUSE_S = 0.1
INGEST = """
mutation ($input: IngestInput!) {
  ingest(input: $input) { job { status createdAt attempts { startedAt } } errors { message } }
}
"""
INPUT = {
    "data": {"text": {"format": "CSV", "content": "a,b\n1,2\n"}},
    "dataset": "started",
    "mode": "REPLACE",
    "waitSeconds": 30,
}


def measure_starts(folder: Path, sizes: Sizes) -> list[Figure]:
    """Send jobs one at a time, each at a moment that the last one's end does not decide."""
    with redis_running(folder) as redis_url:
        place = Place(folder / "starts", redis_url)
        settings = place.variables(workers=WORKERS)
        with (
            serving(place.home, settings) as server,
            working(place.home, settings),
            Client(server.url, server.token) as client,
        ):
            pauses = Random(0)
            delays = [_delay_s(client, pauses) for _ in range(sizes.warm_ups + sizes.single_jobs)]
    return [Figure("Single jobs, from acceptance to start", in_ms(delays[sizes.warm_ups :]))]


def _delay_s(client: Client, pauses: Random) -> float:
    time.sleep(pauses.uniform(0, PAUSE_S))
    payload = client.ask(INGEST, input=INPUT)["ingest"]
    if payload["errors"] or payload["job"]["status"] != "SUCCEEDED":
        raise Refused(f"The job did not succeed: {payload}")
    job = payload["job"]
    started_at = datetime.fromisoformat(job["attempts"][0]["startedAt"])
    return (started_at - datetime.fromisoformat(job["createdAt"])).total_seconds()
