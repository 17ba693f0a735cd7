"""Correct some rejected rows, and hold the others against a rule that asks for less.

python examples/python/correct_and_retry.py
"""

from headgate.client import Headgate

ORDERS = [
    {"order": 1, "country": "NO", "amount": "120.50"},
    {"order": 2, "country": "Norway", "amount": "80"},
    {"order": 3, "country": "SE", "amount": "99,90"},
    {"order": 4, "country": "DK", "amount": "2500"},
]
COUNTRIES = {"Norway": "NO", "Sweden": "SE"}


def rules(most: int) -> dict[str, object]:
    """Say what an order must be like."""
    return {
        "checks": [
            {"oneOf": {"columns": ["country"], "values": ["NO", "SE", "DK"]}},
            {"range": {"columns": ["amount"], "min": 0, "max": most}},
        ]
    }


def main() -> None:
    """Ingest orders, three of which break a rule, until all are in."""
    with Headgate() as headgate:
        started = headgate.ingest(records=ORDERS, dataset="orders", mode="REPLACE", spec=rules(most=1000))
        job = headgate.wait(started).raise_for_failure()
        print(f"{job.counts.rejected} of {job.counts.read} rows were rejected.")

        corrections: dict[int, dict[str, object]] = {}
        for error in headgate.errors(job):
            print(f"Row {error.row}, {error.column}: {error.message}")
            if error.row is None or error.value is None:
                continue
            if error.column == "country":
                corrections[error.row] = {"country": COUNTRIES[error.value]}
            elif "," in error.value:
                corrections[error.row] = {"amount": error.value.replace(",", ".")}
        headgate.wait(headgate.correct(job, corrections)).raise_for_failure()

        again = headgate.retry(job, strategy="FAILED_ROWS", spec=rules(most=5000))
        headgate.wait(again).raise_for_failure()
        print(f"The job is {headgate.job(job).status}, and the orders are:")
        for row in headgate.rows("orders", order_by=[{"column": "order"}]):
            print(row)


if __name__ == "__main__":
    main()
