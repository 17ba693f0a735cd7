"""The reference of a request: a bare Strawberry application that answers 50 constant objects of ten fields.

`python -m benchmarks.bare PORT` serves it on 127.0.0.1.
"""

import sys
from datetime import UTC, datetime

import strawberry
import uvicorn
from strawberry.asgi import GraphQL

OBJECTS = 50
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@strawberry.type
class Counts:
    """An object within each object."""

    read: int = 1


COUNTS = Counts()


@strawberry.type
class Thing:
    """Has fields of the same types as those that are asked of a job."""

    id: strawberry.ID
    kind: str = "INGEST"
    status: str = "SUCCEEDED"
    priority: str = "MEDIUM"
    dataset_version: int = 1
    created_at: datetime = MOMENT
    started_at: datetime = MOMENT
    finished_at: datetime = MOMENT
    duration_ms: float = 12.5
    counts: Counts = strawberry.field(default_factory=lambda: COUNTS)


THINGS = [Thing(id=strawberry.ID(f"job_{number:026}")) for number in range(OBJECTS)]


@strawberry.type
class Query:
    """Answers constants."""

    @strawberry.field
    def things(self) -> list[Thing]:
        """List all of them."""
        return THINGS


app: GraphQL[None, None] = GraphQL(strawberry.Schema(Query), graphql_ide=None)


def main() -> None:
    """Serve with the settings that Headgate gives uvicorn."""
    uvicorn.run(
        app,
        port=int(sys.argv[1]),
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
