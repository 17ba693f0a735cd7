"""Where an object, or a folder of them, lies: in a folder of this machine, or in Headgate's own bucket.

A location goes to the engine's process as JSON, and holds no secret: each process finds the keys of a bucket itself.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class LocalLocation:
    """A file or a folder of this machine."""

    path: Path

    def to_json(self) -> dict[str, Any]:
        """Say it so that `location_from_json` reads it."""
        return {"path": str(self.path)}


@dataclass(frozen=True, slots=True)
class BucketLocation:
    """An object of a bucket, or all whose keys begin with this one and a slash; without a URL it is Amazon's."""

    bucket: str
    key: str
    region: str
    endpoint_url: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Say it so that `location_from_json` reads it."""
        return asdict(self)


Location = LocalLocation | BucketLocation


def location_from_json(said: Mapping[str, Any]) -> Location:
    """Read what `to_json` wrote."""
    return LocalLocation(Path(said["path"])) if "path" in said else BucketLocation(**said)
