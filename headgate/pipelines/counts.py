"""What became of the rows of a job."""

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """read = accepted + rejected + filtered + merged, or the job fails."""

    read: int
    accepted: int
    rejected: int
    filtered: int = 0
    merged: int = 0
    warnings: int = 0

    def to_json(self) -> dict[str, int]:
        return asdict(self)
