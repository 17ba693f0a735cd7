"""Endpoints, made over the API."""

from collections.abc import Mapping
from typing import Any

from tests.acceptance.processes import Client

CREATE = """
mutation ($input: EndpointInput!) {
  createEndpoint(input: $input) {
    endpoint { name kind settings secretKeys }
    errors { code path message }
  }
}
"""


async def make_endpoint(
    client: Client,
    name: str,
    kind: str,
    settings: Mapping[str, Any],
    secrets: Mapping[str, str] | None = None,
) -> Any:
    """Make an endpoint; answers what the API says of it."""
    given = {"name": name, "kind": kind, "settings": settings, "secrets": secrets}
    made = (await client.data(CREATE, input=given))["createEndpoint"]
    assert made["errors"] == []
    return made["endpoint"]
