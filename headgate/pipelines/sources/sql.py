"""The source `sql`."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, StrictFloat, StrictInt, StrictStr, field_validator

from headgate.pipelines.endpoints.sql_access import KIND, database_of, patience_of
from headgate.pipelines.kinds import Settings
from headgate.pipelines.sources.answers import AnswerFiles
from headgate.pipelines.sources.select_only import read_select
from headgate.pipelines.sources.source import Fetched, Fetching, OutsideSource
from headgate.storage.outside_sql.queries import Cursor, Query

MAX_CHARACTERS = 100_000
COLUMN, VALUE = "column", "value"


class Incremental(Settings):
    """Read only what is new: rows whose column is greater than in any row that was read before."""

    column: str = Field(
        min_length=1,
        description=(
            "A column of the answer that only grows, such as a number or the time of the last change; rows that have "
            "none come only the first time."
        ),
    )
    start: StrictStr | StrictInt | StrictFloat | None = Field(
        default=None, description="Read rows above this value the first time; all by default."
    )


class SqlSource(OutsideSource):
    """Reads what a query answers, from PostgreSQL or SQLite.

    The query can't write. Each column has the type that it has in the database where that keeps every value exactly,
    and is text otherwise.
    """

    kind: ClassVar[str] = "sql"
    example: ClassVar[dict[str, Any]] = {
        "endpoint": "warehouse",
        "query": "SELECT id, customer, amount, updated_at FROM orders",
        "incremental": {"column": "updated_at", "start": "2026-01-01"},
    }
    endpoints: ClassVar[Mapping[str, tuple[str, ...]]] = {"endpoint": (KIND,)}

    endpoint: str = Field(min_length=1, description="The name of an endpoint of kind SQL.")
    query: str = Field(
        min_length=1,
        max_length=MAX_CHARACTERS,
        description="One SELECT, in the SQL of the database; each column of its answer has a name of its own.",
    )
    incremental: Incremental | None = Field(
        default=None,
        description="How to read only what is new since the pipeline's last job; all by default.",
    )

    @field_validator("query")
    @classmethod
    def _check_query(cls, query: str) -> str:
        read_select(query)
        return query

    def fetch(self, to: Fetching) -> Fetched:
        """Fetch all that the query answers.

        Raises JobFault: QUERY_FAILED, QUERY_TOO_LARGE, UNKNOWN_COLUMN, and what tells of a missing database.
        """
        database = database_of(to.outside, self.endpoint)
        files = AnswerFiles(to.folder, to.max_bytes, to.watch)
        query = Query(read_select(self.query), self._cursor(to.state))
        answer = database.read(query, files.take, patience_of(to.outside, to.watch, "fetching"))
        return Fetched(files.finish(answer.columns), self._state(answer.last, to.state))

    def _cursor(self, state: Mapping[str, Any] | None) -> Cursor | None:
        if self.incremental is None:
            return None
        if state is not None and state.get(COLUMN) == self.incremental.column:
            return Cursor(self.incremental.column, state[VALUE])
        return Cursor(self.incremental.column, self.incremental.start)

    def _state(self, last: Any, before: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """Where the next job goes on; where it did before if there was nothing new."""
        if self.incremental is None or last is None:
            return before
        return {COLUMN: self.incremental.column, VALUE: last}
