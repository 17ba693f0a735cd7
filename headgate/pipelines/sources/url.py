"""The source `url`."""

from typing import Any, ClassVar

from pydantic import Field

from headgate.pipelines.sources.source import SourceKind


class UrlSource(SourceKind):
    """What a URL answers, as a file; fetched once for each job."""

    kind: ClassVar[str] = "url"
    example: ClassVar[dict[str, Any]] = {"url": "https://example.org/orders.csv"}
    needs: ClassVar[tuple[str, ...]] = ("a file to fetch at its URL",)

    url: str = Field(
        description="The URL, http or https. Its host must be public, unless the operator allows its network."
    )
