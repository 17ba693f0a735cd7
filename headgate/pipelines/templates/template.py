"""What a template is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Template:
    """A whole spec under a name, with a sentence that says what it is for and records that it takes."""

    name: str
    summary: str
    spec: Mapping[str, Any]
    records: Sequence[Mapping[str, Any]]
