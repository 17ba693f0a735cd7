"""Puts the sample data into a running server, as any client would.

Everything is sent under keys of its own: to load it again changes nothing.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from headgate.client import Headgate, Job

FOLDER = Path(__file__).parent
PIPELINE = FOLDER / "revenue.yaml"
KEY = "headgate-sample-1"
"""Begins each idempotency key; another number for other sample data."""
MEANWHILE_S = 30.0
"""How long a job's end is waited for by one request."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A file of the package, and the arguments with which it is ingested."""

    file: str
    given: Mapping[str, Any]


SAMPLES = (
    Sample("loans.csv", {"dataset": "loans"}),
    Sample(
        "sales.csv",
        {
            "dataset": "sales",
            "spec": {
                "contract": {
                    "columns": [
                        {"name": "order_id", "type": "STRING", "nullable": False},
                        {"name": "ordered_at", "type": "DATETIME"},
                        {"name": "quantity", "type": "INTEGER"},
                        {"name": "unit_price", "type": "FLOAT"},
                    ],
                },
                "checks": [
                    {"required": {"columns": ["country"], "severity": "WARNING"}},
                    {"range": {"columns": ["quantity"], "min": 1}},
                ],
            },
        },
    ),
    Sample("campaigns.csv", {"dataset": "campaigns", "template": "meta_ads.campaign_performance"}),
)


def load(url: str, token: str, *, timeout_s: float) -> list[Job]:
    """Load all of it and wait for the jobs' ends; answers the jobs as they are then.

    Raises HeadgateError of the client: TimedOut where nobody has run them within `timeout_s`.
    """
    until = monotonic() + timeout_s
    with Headgate(url, token, retry_for_s=timeout_s) as headgate, ThreadPoolExecutor(len(SAMPLES)) as threads:
        headgate.apply_pipeline(PIPELINE.read_text())
        jobs = list(threads.map(lambda sample: _ingest(headgate, sample, until), SAMPLES))
        run = headgate.run_pipeline("revenue-by-product", **_options("revenue", until))
        return [*jobs, headgate.wait(run, _left_s(until))]


def _ingest(headgate: Headgate, sample: Sample, until: float) -> Job:
    job = headgate.ingest(FOLDER / sample.file, **sample.given, **_options(sample.file, until))
    return headgate.wait(job, _left_s(until))


def _options(name: str, until: float) -> dict[str, Any]:
    return {"idempotency_key": f"{KEY}-{name}", "wait_seconds": min(MEANWHILE_S, _left_s(until))}


def _left_s(until: float) -> float:
    return max(0.0, until - monotonic())
