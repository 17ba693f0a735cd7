"""What lies outside, as far as one job may reach it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Self

from headgate.errors import JobFault
from headgate.pipelines.outgoing import Network


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An outside system under its name; `secrets` are never shown, logged or kept."""

    name: str
    kind: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Outside:
    """The endpoints that a job names, and the networks beside public ones that may be reached.

    `timeout_s` is for how long an attempt at the job may take. Of this machine's own files, those below `folders` may
    be read and written. Its `own_files` are those of Headgate itself, which no endpoint leads to.
    """

    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    networks: Sequence[Network] = ()
    timeout_s: float = 3600.0
    folders: Sequence[Path] = ()
    own_files: Sequence[Path] = ()

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        """Read what a task says."""
        endpoints = {name: Endpoint(name=name, **each) for name, each in said["endpoints"].items()}
        networks = [ip_network(each) for each in said["networks"]]
        folders, own_files = (
            [Path(each) for each in said.get(name, ())] for name in ("folders", "own_files")
        )
        return cls(endpoints, networks, said["timeout_s"], folders, own_files)

    def endpoint(self, name: str, *kinds: str) -> Endpoint:
        """The endpoint of this name. Raises JobFault: UNKNOWN_ENDPOINT, WRONG_ENDPOINT where it is of no such kind."""
        if name not in self.endpoints:
            raise JobFault("UNKNOWN_ENDPOINT", f"There is no endpoint {name}.", "CONFIG")
        found = self.endpoints[name]
        if kinds and found.kind not in kinds:
            message = f"The endpoint {name} is of kind {found.kind}; this takes {' or '.join(kinds)}."
            raise JobFault("WRONG_ENDPOINT", message, "CONFIG")
        return found
