"""Append records that never end, such as lines of a log: each batch once, however often the connection breaks.

some-program | python examples/python/stream_records.py RUN DATASET

Each line is a JSON object. RUN names this stream of lines: to send it again after a crash adds nothing twice.
"""

import json
import sys
from collections.abc import Iterator
from itertools import islice

from headgate.client import Headgate

BATCH = 1000


def batches(lines: Iterator[str]) -> Iterator[list[object]]:
    """Read lines until there are none."""
    while batch := [json.loads(line) for line in islice(lines, BATCH)]:
        yield batch


def main(run: str, dataset: str) -> None:
    """Append what comes in; what this prints is durable."""
    job = None
    with Headgate() as headgate:
        for number, batch in enumerate(batches(iter(sys.stdin))):
            appended = headgate.append(dataset, batch, idempotency_key=f"{run}-{number}")
            print(f"Batch {number}: {appended.accepted} accepted, {appended.rejected} rejected.")
            for error in appended.row_errors:
                print(f"  record {error.row}: {error.message}")
            job = appended.job or job
        if job is not None:
            headgate.wait(job).raise_for_failure()
            print(f"{dataset} has {headgate.dataset(dataset).row_count} rows.")


if __name__ == "__main__":
    main(*sys.argv[1:])
