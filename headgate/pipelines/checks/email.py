"""The check `email`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from headgate.pipelines.checks.check import ColumnCheck, Table
from headgate.pipelines.checks.operands import text_of
from headgate.pipelines.checks.pattern import matches
from headgate.pipelines.rules import Rule
from headgate.pipelines.suggestions import suggesting

ATOM = r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+"
LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
EMAIL = rf"^{ATOM}(?:\.{ATOM})*@{LABEL}(?:\.{LABEL})+$"
"""A valid e-mail address of the HTML standard (section 4.10.5.1.5), with the dots that RFC 5321 allows: none at an end
of the local part, none beside another, and one in the domain, since mail goes to no top-level domain."""
MAX_CHARACTERS = 254
"""RFC 5321, section 4.5.3.1.3, less the angle brackets."""


class Email(ColumnCheck):
    """Each value is an e-mail address, such as ann.lee+news@example.org, without a name or comments beside it.

    What counts is how it is spelled, not whether mail arrives; international domains are in their ASCII form (xn--…).
    """

    kind: ClassVar[str] = "email"
    example: ClassVar[dict[str, Any]] = {"columns": ["email"]}
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"email": "ann.lee@example.org"},
        {"email": "ann.lee@example"},
    ]

    def column_rules(self, table: Table, column: str) -> Iterable[Rule]:
        """A value is spelled like an address."""
        text = text_of(column, table.schema[column])
        fails = ~text.str.contains(EMAIL) | (text.str.len_bytes() > MAX_CHARACTERS)
        suggest = suggesting(_meant)
        yield self.rule("EMAIL", column, fails, "The value is not an e-mail address.", suggest=suggest)


def _meant(text: str) -> str | None:
    """The address without blanks and slips of the keyboard, where that makes it one."""
    bare = re.sub(r"\s*@+\s*", "@", text.strip().strip("<>").removeprefix("mailto:"))
    local, _, domain = bare.partition("@")
    meant = f"{local}@{re.sub(r'[.,]+', '.', domain).rstrip('.')}"
    return meant if meant != text and matches(EMAIL, meant) else None
