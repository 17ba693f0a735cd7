"""A child of the engine's kind that does no work: what a job costs beyond its work is measured with it.

`python -m benchmarks.child EVENTS SECONDS` tells so many times, that many seconds apart, how far it is, asks for
its commit and answers.
"""

import sys
import time
from typing import Any

import orjson

COUNTS = {"read": 0, "accepted": 0, "rejected": 0, "filtered": 0, "merged": 0, "warnings": 0}
RESULT = {"counts": COUNTS, "dataset": {"version": 0, "row_count": 0, "byte_size": 0, "columns": []}}
FIGURES = {"stage": "reading", "rows_read": 0, "rows_written": 0, "bytes_read": 0, "bytes_total": None}


def main() -> None:
    """Serve until the input closes."""
    events, interval_s = int(sys.argv[1]), float(sys.argv[2])
    for _ in sys.stdin.buffer:
        for number in range(events):
            time.sleep(interval_s)
            _send({"progress": {**FIGURES, "fraction": number / events}})
        _send({"asks": "commit"})
        permit = orjson.loads(sys.stdin.buffer.readline())
        _send({"result": RESULT} if permit.get("commit") else {"stopped": True})


def _send(message: dict[str, Any]) -> None:
    sys.stdout.buffer.write(orjson.dumps(message) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
