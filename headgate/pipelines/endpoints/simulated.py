"""The endpoint SIMULATED."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from headgate.pipelines.endpoints.model import EndpointModel


class SimulatedEndpoint(EndpointModel):
    """A stand-in for a web service, which answers each call with what it was sent: nothing goes out."""

    kind: ClassVar[str] = "SIMULATED"
    example: ClassVar[Mapping[str, Any]] = {"successRate": 0.9, "latencyMs": 20, "seed": 7}

    success_rate: float = Field(default=1.0, ge=0, le=1, description="The share of calls that succeed.")
    latency_ms: float = Field(default=0.0, ge=0, le=600_000, description="How long each call takes.")
    seed: int | None = Field(
        default=None, description="With the same seed the same calls fail; by chance where it is left out."
    )
    max_attempts: int = Field(
        default=5, ge=1, le=20, description="So many times a call is tried; 1 is no retry."
    )
