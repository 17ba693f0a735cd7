"""Import a file, and print what was rejected and why.

python examples/python/first_import.py [FILE [DATASET]]
"""

import sys
from pathlib import Path

from headgate.client import Headgate

PEOPLE = Path(__file__).parents[1] / "people.csv"
CHECKS = [
    {"email": {"columns": ["email"]}},
    {"range": {"columns": ["age"], "min": 0, "max": 130}},
    {"date": {"columns": ["joined"]}},
]


def main(path: str = str(PEOPLE), dataset: str = "people") -> None:
    """Import a file into a dataset, in place of what is there. The checks are for the sample file alone."""
    checks = CHECKS if Path(path) == PEOPLE else []
    with Headgate() as headgate:
        started = headgate.ingest(path, dataset=dataset, mode="REPLACE", spec={"checks": checks})
        job = headgate.wait(started).raise_for_failure()
        print(f"{job.counts.accepted} of {job.counts.read} rows are in {dataset}.")
        for error in headgate.errors(job):
            where = f"row {error.row}" if error.column is None else f"row {error.row}, {error.column}"
            print(f"{where}: {error.message}")


if __name__ == "__main__":
    main(*sys.argv[1:])
