"""The sink `table`."""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import polars as pl
from pydantic import Field, field_validator, model_validator

from headgate.pipelines.endpoints.sql_access import KIND, database_of, patience_of
from headgate.pipelines.prepared import Watch
from headgate.pipelines.rowmap import ROW_INDEX
from headgate.pipelines.sinks.sink import Delivered, Delivery, OutsideSink, Refused, SinkRows
from headgate.storage.datasets import WriteMode
from headgate.storage.outside_sql.tables import TableName, Writing, Written, check_name

BATCH_ROWS = 50_000
MAX_KEYS = 32
"""So many columns an index of PostgreSQL has at most."""


class TableSink(OutsideSink):
    """Writes rows into a table of PostgreSQL or SQLite.

    All rows of a job are written in one transaction, once, however often it is tried. With UPSERT a row replaces
    the one with the same keys; of several such rows in one job the last one counts.
    """

    kind: ClassVar[str] = "table"
    example: ClassVar[dict[str, Any]] = {
        "endpoint": "warehouse",
        "table": "campaigns",
        "mode": "UPSERT",
        "keys": ["campaign_id", "date"],
    }
    records: ClassVar[tuple[Mapping[str, Any], ...]] = (
        {"campaign_id": "c1", "date": "2026-01-01", "spend": 12.5},
        {"campaign_id": "c2", "date": "2026-01-01", "spend": 3.0},
    )
    endpoints: ClassVar[Mapping[str, tuple[str, ...]]] = {"endpoint": (KIND,)}

    endpoint: str = Field(min_length=1, description="The name of an endpoint of kind SQL.")
    table: str = Field(
        min_length=1,
        max_length=300,
        description="The table, or schema.table; a name that holds a dot is in double quotes. Capitals matter.",
    )
    mode: WriteMode = Field(
        default=WriteMode.APPEND,
        description="Whether rows are added, replace all others, or those with the same keys.",
    )
    keys: list[str] = Field(
        default_factory=list, max_length=MAX_KEYS, description="The columns that tell rows apart, for UPSERT."
    )
    create_table: bool = Field(
        default=True,
        description="Whether to make the table, and the unique index that UPSERT needs, where they are missing.",
    )

    @field_validator("table")
    @classmethod
    def _check_table(cls, table: str) -> str:
        TableName.parse(table)
        return table

    @field_validator("keys")
    @classmethod
    def _check_keys(cls, keys: list[str]) -> list[str]:
        for key in keys:
            check_name(key)
        if len(set(keys)) < len(keys):
            raise ValueError("a column is named twice")
        return keys

    @model_validator(mode="after")
    def _check_mode(self) -> Self:
        if self.mode is WriteMode.UPSERT and not self.keys:
            raise ValueError("UPSERT needs keys")
        if self.mode is not WriteMode.UPSERT and self.keys:
            raise ValueError(f"keys are for UPSERT, and not for {self.mode}")
        return self

    def write(self, rows: SinkRows, delivery: Delivery) -> Delivered:
        """Write all rows into the table, or none."""
        writing = Writing(
            TableName.parse(self.table),
            self.mode,
            self.keys,
            rows.columns,
            index=ROW_INDEX,
            key=delivery.key,
            create=self.create_table,
        )
        database = database_of(delivery.outside, self.endpoint)
        patience = patience_of(delivery.outside, delivery.watch, "writing")
        written = database.write(writing, _batches(rows, delivery.watch), patience)
        return Delivered(written.merged, _refused(written), self._said(written))

    def _said(self, written: Written) -> dict[str, Any]:
        return {"table": self.table, "rows": written.rows - written.merged, "created": written.created}


def _batches(rows: SinkRows, watch: Watch) -> Iterator[pl.DataFrame]:
    for batch in rows.numbered().collect_batches(
        chunk_size=BATCH_ROWS, maintain_order=True, engine="streaming"
    ):
        watch("writing")
        yield batch


def _refused(written: Written) -> Refused:
    told = [(index, message) for message, indexes in written.refused.items() for index in indexes]
    told.sort()
    return Refused([index for index, _ in told], [message for _, message in told])
