"""The check `url`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field, field_validator

from headgate.pipelines.checks.check import ColumnCheck, Table
from headgate.pipelines.checks.operands import text_of
from headgate.pipelines.checks.pattern import matches
from headgate.pipelines.rules import Rule
from headgate.pipelines.suggestions import suggesting

SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
CHARACTER = r"(?:%[0-9a-fA-F]{2}|[^\s%\x00-\x1f\x7f<>\"{}|\\^`])"
LABEL = r"[\p{L}\p{N}_](?:[\p{L}\p{M}\p{N}_-]*[\p{L}\p{M}\p{N}_])?"
HOST = rf"(?:{LABEL}(?:\.{LABEL})*\.?|\[[0-9a-fA-F:.]{{2,45}}\])"
USER = r"(?:[^\s@/?#<>\"{}|\\^`]*@)?"
PORT = r"(?::(?:6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[0-5]?[0-9]{1,4}))?"


class Url(ColumnCheck):
    """Each value is an absolute URL with a host, such as https://example.org/path?q=1#part.

    That is the subset of RFC 3986 which has `//` after its scheme, with letters of every script besides, as the WHATWG
    URL standard has them. What counts is how it is spelled, not whether anything is there.
    """

    kind: ClassVar[str] = "url"
    example: ClassVar[dict[str, Any]] = {"columns": ["landing_page"], "schemes": ["https"]}
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"landing_page": "https://example.org/sale"},
        {"landing_page": "example.org/sale"},
    ]

    schemes: list[str] = Field(
        default=["http", "https"],
        min_length=1,
        max_length=20,
        description="What a URL may begin with, in lower case.",
    )

    @field_validator("schemes")
    @classmethod
    def _check_schemes(cls, schemes: list[str]) -> list[str]:
        for scheme in schemes:
            if not SCHEME.fullmatch(scheme):
                raise ValueError(f"{scheme!r} is no scheme; one is a lower-case word such as https")
        return schemes

    def column_rules(self, table: Table, column: str) -> Iterable[Rule]:
        """A value is spelled like a URL."""
        regex = self._regex()
        fails = ~text_of(column, table.schema[column]).str.contains(regex)
        message = f"The value is not a URL with {' or '.join(self.schemes)}."
        yield self.rule("URL", column, fails, message, suggest=suggesting(self._meant))

    def _regex(self) -> str:
        schemes = "|".join(map(re.escape, self.schemes))
        return rf"^(?i:{schemes})://{USER}{HOST}{PORT}(?:[/?#]{CHARACTER}*)?$"

    def _meant(self, text: str) -> str | None:
        """The URL without blanks around it, with whole slashes, or with the scheme that a host lacks."""
        bare = re.sub(r"^([A-Za-z]+)(?::/{0,3}|:?//)(?=[^/])", r"\1://", text.strip().replace("\\", "/"))
        if bare.lower().startswith("www."):
            bare = f"{'https' if 'https' in self.schemes else self.schemes[0]}://{bare}"
        return bare if bare != text and matches(self._regex(), bare) else None
