"""From input objects to the domain's own."""

from typing import Any

IDEMPOTENCY_KEY = (
    "A text of 1 to 200 characters, of your own choice: the same request with the same key is carried out once, "
    "however often it is sent. Another request with a used key is refused as IDEMPOTENCY_MISMATCH."
)
"""What a field `idempotencyKey` means."""
WAIT_SECONDS = (
    "How long the answer may wait for the job to end, 0 to 30, so that a script needs no second call. "
    "No part of what an idempotencyKey stands for."
)
"""What a field `waitSeconds` means."""


def given(value: object) -> dict[str, Any]:
    """List the fields of an input object that are neither left out nor null; None has none."""
    return {} if value is None else {name: each for name, each in vars(value).items() if each is not None}
