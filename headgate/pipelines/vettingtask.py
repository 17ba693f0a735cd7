"""The task "vet": records of several calls, each held against its own rules, from JSON to JSON."""

import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from headgate.errors import JobFault
from headgate.pipelines.jobtasks import target_of
from headgate.pipelines.scratch import scratch_made
from headgate.pipelines.sinks.writing import Target
from headgate.pipelines.vetting import Rules, Vet, vet
from headgate.storage import datasets
from headgate.storage.datasets import Snapshot

if sys.version_info >= (3, 14):
    from compression.zstd import compress
else:
    from backports.zstd import compress

LEVEL = 1
"""Records wait compressed for seconds: it is the time that counts."""
MAX_REMEMBERED = 64


def run_vet(task: Mapping[str, Any]) -> dict[str, Any]:
    """Answer for each call how many records were "accepted" and "rejected", the "errors", and the "bytes" accepted.

    These are compressed in the file that the call names as "kept". Of one whose records the rules can't be held
    against, only the "refusal" is told.
    """
    with scratch_made(Path(task["scratch"])) as scratch:
        return {"calls": [_vetted(call, scratch, number) for number, call in enumerate(task["calls"])]}


def _vetted(call: Mapping[str, Any], scratch: Path, number: int) -> dict[str, Any]:
    rules = _rules(orjson.dumps(call["rules"]))
    try:
        target, before = _dataset(call, scratch) if rules.is_whole else (None, None)
        vetted = vet(Vet(Path(call["path"]).read_bytes(), scratch, rules, target, before, str(number)))
    except JobFault as fault:
        return {"refusal": {"code": fault.code, "message": fault.message}}
    if vetted.accepted:
        Path(call["kept"]).write_bytes(compress(vetted.kept, LEVEL))
    return {
        "accepted": vetted.accepted,
        "rejected": vetted.rejected,
        "bytes": len(vetted.kept),
        "errors": vetted.errors,
    }


@lru_cache(maxsize=MAX_REMEMBERED)
def _rules(spec: bytes) -> Rules:
    return Rules.from_json(orjson.loads(spec))


def _dataset(call: Mapping[str, Any], scratch: Path) -> tuple[Target | None, Snapshot | None]:
    """The dataset that records go to, and its version of which the columns are known."""
    if (target := target_of({**call, "job": "", "attempt": 0}, scratch)) is None:
        return None, None
    version = call["dataset"]["version"]
    return target, None if version is None else datasets.snapshot(target.folder, version)
