"""Values with names, such as headers and parameters: a list of objects, or one object with all of them."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from headgate.pipelines.kinds import Settings

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
SET_BY_HTTP = ("host", "content-length", "transfer-encoding", "connection", "accept-encoding", "upgrade")
SECRET_HEADERS = (
    "authorization",
    "proxy-authorization",
    "cookie",
    "x-api-key",
    "api-key",
    "apikey",
    "x-auth-token",
)
"""What stands in these is secret."""


def _as_text(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


class NamedValue(Settings):
    """A value with its name."""

    name: str = Field(min_length=1, max_length=200, description="The name.")
    value: Annotated[str, BeforeValidator(_as_text)] = Field(
        max_length=10_000, description="The value; numbers and booleans are sent as text."
    )


def _listed(given: object) -> object:
    if isinstance(given, Mapping):
        return [{"name": name, "value": value} for name, value in given.items()]
    return given


NamedValues = Annotated[list[NamedValue], BeforeValidator(_listed)]


def _checked(headers: list[NamedValue]) -> list[NamedValue]:
    for header in headers:
        name = header.name.lower()
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(header.value):
            raise ValueError("a header has a name of letters, digits and dashes, and a value in one line")
        if name in SET_BY_HTTP:
            raise ValueError(f"the header {header.name} is set by HTTP itself")
        if name in SECRET_HEADERS:
            raise ValueError(
                f"the header {header.name} is a secret: give it among the secrets of an endpoint, as token, apiKey, "
                "or username and password"
            )
    return headers


Headers = Annotated[NamedValues, AfterValidator(_checked)]
"""Headers to send, none of which holds a secret."""


def pairs(given: Sequence[NamedValue]) -> list[tuple[str, str]]:
    """Names and values."""
    return [(each.name, each.value) for each in given]
