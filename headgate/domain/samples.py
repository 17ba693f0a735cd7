"""Samples of errors: what a job tells of its bad rows while it runs, before its ledger can be read."""

from collections.abc import Sequence
from typing import Any

from headgate.domain.happenings import happened
from headgate.storage.columns import json_text
from headgate.storage.events import NewEvent
from headgate.storage.ledger import SCHEMA
from headgate.storage.tables import Job, JobEventType

MAX_SAMPLES = 200
"""So many samples of one attempt are kept; its ledger has all errors."""
MAX_RECORD_CHARACTERS = 10_000
"""A longer record is left out of a sample."""
NAMED_KINDS = 3

Sample = dict[str, Any]
"""One error with all fields of a line of the ledger."""


def samples_of(errors: Sequence[dict[str, Any]]) -> list[Sample]:
    """Make samples of errors as the engine sends them."""
    return [
        {**{name: error.get(name) for name in SCHEMA}, "record": _record(error.get("record"))}
        for error in errors
    ]


def sampled(job: Job, samples: Sequence[Sample]) -> NewEvent:
    """Make the event that tells these samples."""
    return happened(job, JobEventType.ERRORS, message=_message(samples), errors=samples)


def _message(samples: Sequence[Sample]) -> str:
    """Name the kinds of errors, as in `REQUIRED in email, TYPE in age`."""
    kinds = list(dict.fromkeys(map(_kind, samples)))
    more = len(kinds) - NAMED_KINDS
    return ", ".join(kinds[:NAMED_KINDS]) + (f" and {more} more" if more > 0 else "")


def _kind(sample: Sample) -> str:
    # PostgreSQL keeps no text with a NUL.
    column = (sample["column"] or "").replace("\0", "")
    return f"{sample['code']} in {column}" if column else str(sample["code"])


def _record(record: Any) -> str | None:
    text = record if record is None or isinstance(record, str) else json_text(record)
    return None if text is None or len(text) > MAX_RECORD_CHARACTERS else text
