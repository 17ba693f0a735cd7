"""Where a source outside is: an endpoint and a path below its URL, or a URL by itself."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

import httpx
from pydantic import AfterValidator, Field, model_validator

from headgate.pipelines.endpoints.called import without_user
from headgate.pipelines.endpoints.outside import Endpoint, Outside
from headgate.pipelines.sources.source import OutsideSource


def _below(path: str) -> str:
    if path.startswith(("http://", "https://")):
        raise ValueError("a path is below the URL of the endpoint, and no URL by itself")
    return path


class WebSource(OutsideSource):
    """A source that is asked over HTTP."""

    endpoints: ClassVar[Mapping[str, tuple[str, ...]]] = {"endpoint": ("HTTP", "SIMULATED")}

    endpoint: str | None = Field(
        default=None, description="The endpoint to ask; this or a url has to be given."
    )
    url: Annotated[str, AfterValidator(without_user)] | None = Field(
        default=None, description="The URL to ask, where that needs no secrets."
    )
    path: Annotated[str, AfterValidator(_below)] = Field(
        default="", max_length=2_000, description="What to ask for, below the URL of the endpoint or the url."
    )

    @model_validator(mode="after")
    def _check_origin(self) -> Self:
        if (self.endpoint is None) == (self.url is None):
            raise ValueError("give an endpoint or a url, and not both")
        if self.url is not None and self.path and httpx.URL(self.url).query:
            raise ValueError("a url with a query is whole: leave out the path")
        return self

    def server(self, outside: Outside) -> Endpoint:
        """The endpoint to ask; of a URL one of its own. Raises JobFault: UNKNOWN_ENDPOINT, WRONG_ENDPOINT."""
        if self.endpoint is not None:
            return outside.endpoint(self.endpoint, *type(self).endpoints["endpoint"])
        url = httpx.URL(self.url or "")
        return Endpoint(
            "", "HTTP", {"url": str(url if self.path else url.copy_with(raw_path=b"/", fragment=None))}
        )

    @property
    def place(self) -> str:
        """What to ask the server for."""
        return self.path or self.url or ""
