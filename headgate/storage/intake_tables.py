"""The tables of what comes in over time: uploads in pieces, and records that are appended call after call."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Index, Integer, LargeBinary
from sqlmodel import Field

from headgate.storage.fields import Table, count, json_value, later, link, moment

# SQLite counts by itself in a column of this very type only.
COUNTING = BigInteger().with_variant(Integer, "sqlite")


class Upload(Table, table=True):
    """A file that comes in pieces; its row in `files` is RECEIVING meanwhile, and this one goes when it has come.

    The first `received` bytes of `byte_size` are durable. Whoever writes holds the lock of `lock_token` until
    `locked_until`. On S3 they go into the parts of the multipart upload `multipart_id`; those of a direct upload go
    there without passing this server. `sha256` (hexadecimal) is what the sender says that all of it has, `said` what a
    tus client has said of it (its Upload-Metadata). No `byte_size` is known as long as the sender knows none.
    """

    __tablename__ = "uploads"
    __table_args__ = (Index(None, "expires_at"),)

    file_id: str = link("files.id", primary_key=True)
    byte_size: int | None = count(default=None)
    received: int = count()
    sha256: str | None = None
    said: str | None = None
    is_direct: bool = False
    multipart_id: str | None = None
    part_bytes: int | None = count(default=None)
    lock_token: int = 0
    locked_until: datetime | None = later()
    expires_at: datetime = moment()
    created_at: datetime = moment()


class Stream(Table, table=True):
    """The records that are appended to a dataset, by way of a pipeline or none: one batch of them is open at a time.

    The open batch is that of `job_id`, since `opened_at`: so many rows and bytes of it were accepted. The one before it
    is that of `sealed_job_id`, which has to end before the next is sealed. The id is made of those of the dataset and
    the pipeline, so that there is one row for both.
    """

    __tablename__ = "streams"

    id: str = Field(primary_key=True)
    dataset_id: str = link("datasets.id", nullable=False, index=True)
    pipeline_id: str | None = link("pipelines.id")
    job_id: str | None = link("jobs.id")
    sealed_job_id: str | None = link("jobs.id")
    opened_at: datetime | None = later()
    row_count: int = count()
    byte_size: int = count()


class Append(Table, table=True):
    """What one call appended: `records` as compressed NDJSON until the batch's job has them, and what was rejected.

    `number` counts the calls of all streams in the order in which a batch has them, with gaps. One that `is_keyed` is
    answered again to who sends it again.
    """

    __tablename__ = "appends"
    __table_args__ = (
        Index(None, "job_id", "number"),
        Index(None, "created_at"),
        {"sqlite_autoincrement": True},
    )

    number: int | None = Field(default=None, primary_key=True, sa_type=COUNTING)
    id: str = Field(unique=True)
    job_id: str | None = link("jobs.id")
    records: bytes | None = Field(default=None, sa_type=LargeBinary)
    row_count: int = count()
    byte_size: int = count()
    rejected: int = count()
    errors: list[dict[str, Any]] = json_value(default_factory=list)
    is_keyed: bool = False
    created_at: datetime = moment()
    created_by_id: str | None = link("users.id")
