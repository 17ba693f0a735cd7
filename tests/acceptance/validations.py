"""Validations, as clients ask for them."""

from typing import Any

from tests.acceptance.processes import Client

VALIDATE = """
mutation ($input: ValidateInput!) {
  validate(input: $input) {
    job {
      id kind status dataset { id } counts { read accepted rejected } failure { code category }
      result { kind name data job { id } }
      errors { edges { node { row line column value code check severity record } } }
    }
    replayed
    errors { code path message }
  }
}
"""
RETRY = """
mutation ($input: RetryInput!) {
  retry(input: $input) {
    job { id kind status retryOf { id } result { data } } errors { code path message }
  }
}
"""
WATCH = """
subscription ($job: ID!) {
  jobProgress(jobId: $job, minIntervalMs: 0) { type status errors { id row column value code } }
}
"""
AGES = [
    {"range": {"columns": ["age"], "max": 100}},
    {"required": {"columns": ["name"], "severity": "WARNING"}},
]
CSV = "name,age\nAda,36\n,40\nEve,400\nBob,old\n"


async def validated(client: Client, data: Any, **options: Any) -> Any:
    """Validate, and wait for the end in the same call; answers the payload."""
    wanted = {"data": data, "checks": AGES, "waitSeconds": 30, **options}
    return (await client.data(VALIDATE, input=wanted))["validate"]
