"""The kinds of endpoints."""

from collections.abc import Mapping
from typing import Any

from headgate.pipelines.endpoints.druid import DruidEndpoint
from headgate.pipelines.endpoints.http import HttpEndpoint
from headgate.pipelines.endpoints.model import EndpointModel
from headgate.pipelines.endpoints.s3 import S3Endpoint
from headgate.pipelines.endpoints.simulated import SimulatedEndpoint
from headgate.pipelines.endpoints.sql import SqlEndpoint

MODELS: Mapping[str, type[EndpointModel]] = {
    model.kind: model for model in (HttpEndpoint, SqlEndpoint, S3Endpoint, DruidEndpoint, SimulatedEndpoint)
}


def endpoint_models() -> Mapping[str, type[EndpointModel]]:
    """What each kind of endpoint takes, by the name of its EndpointKind."""
    return MODELS


def check_endpoint(kind: str, settings: Mapping[str, Any], secrets: Mapping[str, Any]) -> EndpointModel:
    """Read the settings and secrets of an endpoint, under their names or synonyms.

    Raises UserFault (INVALID_ENDPOINT) whose path begins with "settings" or "secrets"; it shows no secret.
    """
    model = endpoint_models()[kind]
    return model.check(model.named(settings, "settings"), model.named(secrets, "secrets"))
