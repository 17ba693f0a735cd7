"""From input objects to the domain's own."""

from typing import Any


def given(value: object) -> dict[str, Any]:
    """List the fields of an input object that are neither left out nor null; None has none."""
    return {} if value is None else {name: each for name, each in vars(value).items() if each is not None}
