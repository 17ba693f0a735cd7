"""Whether endpoints answer: a function for each kind, which does something harmless there."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from headgate.errors import JobFault
from headgate.pipelines.endpoints.bucket import open_bucket
from headgate.pipelines.endpoints.client import open_client
from headgate.pipelines.endpoints.outside import Endpoint, Outside
from headgate.pipelines.endpoints.sql_access import probe_sql
from headgate.pipelines.prepared import Watch

Probe = Callable[[Endpoint, Outside, Watch], str]
"""Answers what the endpoint said, for people. Raises JobFault where it can't be used."""

REFUSALS = (401, 403)


def probe_http(endpoint: Endpoint, outside: Outside, watch: Watch) -> str:
    """Ask a web service for its URL: that it has nothing there is an answer too."""
    with open_client(_impatient(endpoint), outside, watch) as client:
        try:
            status = client.call("GET").status
        except JobFault as fault:
            status = (fault.details or {}).get("status", 500)
            if fault.code != "HTTP_STATUS" or status >= 500 or status in REFUSALS:
                raise
    return f"It answers with status {status}."


def probe_druid(endpoint: Endpoint, outside: Outside, watch: Watch) -> str:
    """Ask a cluster for its version."""
    with open_client(_impatient(endpoint), outside, watch) as client:
        said = client.call("GET", "/status").json()
    version = said.get("version") if isinstance(said, dict) else None
    if version is None:
        raise JobFault("INVALID_ANSWER", "The server does not answer as Druid does.", "DEPENDENCY")
    return f"It is Druid {version}."


def probe_s3(endpoint: Endpoint, outside: Outside, watch: Watch) -> str:
    """List a bucket, as far as its first object."""
    with open_bucket(endpoint, outside) as bucket:
        is_empty = next(bucket.objects(), None) is None
    return "The bucket can be listed, and is empty." if is_empty else "The bucket can be listed."


def probe_simulated(endpoint: Endpoint, outside: Outside, watch: Watch) -> str:
    """Call it as a pipeline does."""
    with open_client(_impatient(endpoint), outside, watch) as client:
        client.call("GET")
    return "It answers, as nothing but a simulation does."


PROBES: Mapping[str, Probe] = {
    "HTTP": probe_http,
    "DRUID": probe_druid,
    "S3": probe_s3,
    "SIMULATED": probe_simulated,
    "SQL": probe_sql,
}
"""The kind of an endpoint -> what tells whether it answers."""


def run_probe(task: Mapping[str, Any], watch: Watch) -> dict[str, Any]:
    """Run the task "probe" of the endpoint that it names: whether it answers, after how long, and what."""
    outside = Outside.from_json(task["outside"])
    endpoint = outside.endpoint(task["endpoint"])
    began = time.monotonic()
    try:
        message, is_fine = PROBES[endpoint.kind](endpoint, outside, watch), True
    except JobFault as fault:
        message, is_fine = fault.message, False
    return {"ok": is_fine, "latency_ms": (time.monotonic() - began) * 1000, "message": message}


def _impatient(endpoint: Endpoint) -> Endpoint:
    """The endpoint, to be tried once."""
    return replace(endpoint, settings={**endpoint.settings, "maxAttempts": 1})
