"""Enums of the schema: those of the lower layers, described for clients.

Types of the schema import them from here, and from nowhere else: what is not described yet when
Strawberry meets it gets no descriptions.
"""

from enum import StrEnum

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from headgate.domain.health import HealthStatus
from headgate.domain.ingest import WriteMode
from headgate.domain.jobs import JobOrder
from headgate.domain.pipelines import PipelineOrder
from headgate.domain.results import ResultOrder
from headgate.domain.retries import JobAction as JobActionName
from headgate.domain.retries import RetryStrategy
from headgate.domain.statistics import JobGroup
from headgate.pipelines.acceptance import InvalidPolicy
from headgate.pipelines.contract import SchemaPolicy
from headgate.pipelines.druid.table import SegmentGranularity
from headgate.pipelines.druid.task import DruidDialect, DruidMode
from headgate.pipelines.rules import Severity
from headgate.pipelines.sinks.http import HttpBody, HttpMethod
from headgate.pipelines.sinks.object import ObjectFormat
from headgate.pipelines.sources.http import FetchMethod
from headgate.storage.columns import ColumnType
from headgate.storage.formats import FileFormat
from headgate.storage.tables import (
    CancelMode,
    EndpointKind,
    ErrorPolicy,
    FileStatus,
    ItemStatus,
    JobEventType,
    JobKind,
    JobStatus,
    OverlapPolicy,
    Priority,
    ResultKind,
    Role,
)

__all__ = [
    "CancelMode",
    "ColumnType",
    "DruidDialect",
    "DruidMode",
    "EndpointKind",
    "ErrorPolicy",
    "FetchMethod",
    "FileFormat",
    "FileStatus",
    "HealthStatus",
    "HttpBody",
    "HttpMethod",
    "InvalidPolicy",
    "ItemStatus",
    "JobActionName",
    "JobEventType",
    "JobGroup",
    "JobKind",
    "JobOrder",
    "JobStatus",
    "ObjectFormat",
    "OverlapPolicy",
    "PipelineOrder",
    "Priority",
    "ResultKind",
    "ResultOrder",
    "RetryStrategy",
    "Role",
    "SchemaPolicy",
    "SegmentGranularity",
    "Severity",
    "WriteMode",
    "publish",
]


def publish(kind: type[StrEnum], description: str, /, *, called: str | None = None, **values: str) -> None:
    """Let the schema use an enum: it has the values named here, each with its description, and no others.

    `called` names it there where its own name is taken.
    """
    strawberry.enum(kind, name=called, description=description)
    definition: StrawberryEnumDefinition = kind.__strawberry_definition__  # type: ignore[attr-defined]
    definition.values = [value for value in definition.values if value.name in values]
    for value in definition.values:
        value.description = values[value.name]


publish(
    Role,
    "What a user may do; each role includes the ones before it.",
    VIEWER="Reads files, jobs, errors and datasets.",
    OPERATOR="Also uploads files and starts jobs.",
    ADMIN="Does everything.",
)
publish(
    FileFormat,
    "What a file holds.",
    CSV="Text with one record a line, its values set apart by commas or another delimiter.",
    TSV="Text with one record a line, its values set apart by tabs.",
    JSON="One JSON document: an array of objects, or an object that holds one such array.",
    NDJSON="Text with one JSON object a line.",
    PARQUET="Apache Parquet.",
    EXCEL="An Excel workbook; its first sheet is read.",
    ARROW="An Apache Arrow IPC file, also known as Feather.",
)
publish(
    FileStatus,
    "What became of a file that was sent.",
    RECEIVING="Begun by startUpload or by a client of tus: not all of it has arrived.",
    READY="Stored and recognised: it can be ingested.",
    FAILED="Refused: `failure` says why, and its content was not kept.",
    EXPIRED="Its content is gone: it was deleted, given up on the way, or didn't all arrive in time.",
)
publish(
    ColumnType,
    "The type of a column's values.",
    STRING="Text.",
    INTEGER="A whole number; in JSON a number up to 2^53-1, and text beyond.",
    FLOAT="A floating-point number; in JSON a number, or text for NaN and the infinities.",
    DECIMAL="A decimal number of fixed precision; text in JSON.",
    BOOLEAN="True or false.",
    DATE="A day, such as 2026-01-31.",
    TIME="A time of day, such as 08:30:00.",
    DATETIME="A moment, or a local date and time where it has no time zone.",
    DURATION="A length of time.",
    BINARY="Bytes; base64 in JSON.",
    LIST="A list of values.",
    STRUCT="An object with fields.",
    NULL="Nothing but nulls.",
)
publish(
    JobKind,
    "What a job does.",
    INGEST="Reads data and writes its good rows to a dataset.",
    VALIDATE="Holds data against rules, and keeps nothing of it but what is wrong.",
    MAPPING="Takes data from one outside system to another, item by item.",
    CORRECTION="Ingests rejected rows of another job with other values.",
    EXPORT="Writes rows of a dataset to a sink.",
    BATCH="Waits for its children, which do its work, and sums up their rows.",
)
publish(
    JobStatus,
    "Where a job is. SUCCEEDED, PARTIAL, FAILED and CANCELED are final.",
    QUEUED="Waits to be run.",
    RUNNING="Runs now.",
    RETRYING="Was interrupted or failed for a passing reason, and waits for its next attempt.",
    SUCCEEDED="Ended well; no row was rejected.",
    PARTIAL=(
        "Ended well, with some rows rejected: `errors` lists them. Of a batch: some items had an effect. Of mappings: "
        "some failed."
    ),
    FAILED="Ended without effect: `failure` says why. Of a batch: no item, or not all, as its policy has it.",
    CANCELED="Was stopped on request, without effect. Of mappings: those that had ended by then stay so.",
)
publish(
    ItemStatus,
    "How far an item of a job of mappings is.",
    PENDING="It is to be carried out, or was when the job was stopped.",
    SUCCEEDED="Its target has taken it.",
    FAILED="It could not be read, changed or written: `failure` says why.",
)
publish(
    Priority,
    "Which of the waiting jobs goes first.",
    HIGH="Before all others.",
    MEDIUM="The usual.",
    LOW="When nothing else waits.",
)
publish(
    ErrorPolicy,
    "What an item of a batch that is at fault or fails means for the others.",
    REJECT_ALL=(
        "Nothing is started where an item is at fault. Where one fails later the batch is FAILED, and items that have "
        "not ended are stopped; what others have committed by then stays."
    ),
    REJECT_FAILED="The others go on: the batch is PARTIAL where some of them end well.",
)
publish(
    CancelMode,
    "How a job is stopped. Neither leaves data half written.",
    SAFE="At its next safe point.",
    FORCE="At once: its process is ended.",
)
publish(
    RetryStrategy,
    "What of a job is tried again.",
    ALL="The whole of a job that had no effect; of a batch the items that had none.",
    FAILED_ROWS="Only the rows that were rejected; of a batch also the items that had no effect.",
)
publish(
    JobActionName,
    "What can be done with a job.",
    called="JobActionName",
    CANCEL="Stop it: `cancel`.",
    RETRY="Do it again: `retry`.",
    CORRECT="Correct rows that it rejected: `correctErrors`.",
)
publish(
    JobEventType,
    "What an event of a job tells.",
    STATUS="The job has a new status.",
    PROGRESS="The job has come further.",
    ERRORS="Rows were rejected.",
    LOG="The job says something.",
    LAGGED="The reader was too slow and events were dropped: read again from the cursor.",
)
publish(
    WriteMode,
    "How rows go into a dataset that already has some.",
    APPEND="Behind the rows that are there.",
    REPLACE="In place of all rows that are there.",
    UPSERT="In place of the rows with the same keys, and behind the others.",
)
publish(
    SchemaPolicy,
    "What happens where the input is not what a contract says.",
    EVOLVE="The difference is accepted.",
    FREEZE="The job fails, and nothing is ingested.",
    DISCARD_ROW="Each row that it concerns is rejected.",
    DISCARD_VALUE="The values that it concerns are left out, and their rows accepted.",
)
publish(
    InvalidPolicy,
    "What bad rows mean for their job.",
    REJECT_ROWS="They are rejected one by one, and the others ingested.",
    REJECT_ALL="One is enough to fail the job, and nothing is ingested.",
    WARN="Rows that break a check are ingested, with a warning; what can't be read or stored is rejected.",
)
publish(
    ResultKind,
    "What a result holds.",
    VALIDATION="What was found in data that was checked.",
    DATASET="What an ingest made of a dataset.",
    MAPPING="How many items of a job of mappings succeeded and failed.",
    EXPORT="What a sink outside has done with rows.",
    SUMMARY="How a job ended that has made nothing else: one that failed, or a batch.",
    CUSTOM="What a client stored.",
)
publish(
    Severity,
    "How bad a fault is.",
    ERROR="Its row was rejected.",
    WARNING="Its row was accepted all the same.",
)
publish(
    JobOrder,
    "The order of a list of jobs.",
    CREATED_AT_DESC="The newest first.",
    CREATED_AT_ASC="The oldest first.",
    PRIORITY="In the order in which waiting jobs are run: the most urgent first.",
)
publish(
    ResultOrder,
    "The order of a list of results.",
    CREATED_AT_DESC="The newest first.",
    CREATED_AT_ASC="The oldest first.",
    NAME_ASC="By name.",
)
publish(
    PipelineOrder,
    "The order of a list of pipelines.",
    NAME_ASC="By name.",
    NAME_DESC="By name, backwards.",
    UPDATED_AT_DESC="The one that was changed last first.",
)
publish(
    OverlapPolicy,
    "What a schedule does at a tick while a job of its pipeline has not ended.",
    SKIP="The tick is left out.",
    QUEUE="Its job waits for that one.",
    CANCEL_RUNNING="That one is stopped.",
)
publish(
    JobGroup,
    "What jobs are grouped by.",
    STATUS="Where they are.",
    KIND="What they do.",
    PRIORITY="Which of them go first.",
    PIPELINE="Whose they are; those of no pipeline are left out.",
    DAY="The day on which they were accepted, in UTC.",
)
publish(
    HealthStatus,
    "How well a part is.",
    HEALTHY="Works.",
    DEGRADED="Works, but not as it should.",
    UNHEALTHY="Does not work.",
)
publish(
    EndpointKind,
    "What kind of system an endpoint is.",
    HTTP="A web service, called over HTTP.",
    SQL="A database: PostgreSQL, or a file of SQLite.",
    S3="A bucket of Amazon S3, or of a store that speaks its language.",
    DRUID="A cluster of Apache Druid.",
    SIMULATED="A stand-in that answers with what it is sent, as slowly and as seldom as it is set: nothing goes out.",
)
publish(
    FetchMethod,
    "How to ask a web service.",
    GET="For what a URL names.",
    POST="By sending what to look for.",
)
publish(
    ObjectFormat,
    "What objects are written as.",
    PARQUET="Parquet, which keeps every type.",
    CSV="CSV with a header, in UTF-8.",
    NDJSON="A JSON object on each line.",
    ARROW="An Arrow IPC file, which is Feather version 2.",
)
publish(
    HttpMethod,
    "How rows are sent to a web service.",
    POST="To be added there.",
    PUT="To be put in the place of what is there.",
)
publish(
    HttpBody,
    "What the body of a request is.",
    LIST="The rows of a batch, as a list.",
    OBJECT="One row, as an object.",
)
publish(
    DruidDialect,
    "The language in which Apache Druid is told what to load.",
    NATIVE="A spec of native batch ingestion, of the type index_parallel.",
    SQL="A statement for the multi-stage query engine.",
)
publish(
    DruidMode,
    "How rows go into a table of Apache Druid that already has some.",
    APPEND="Beside the rows that are there.",
    REPLACE="In the place of all rows in the stretches of time that the new ones span.",
)
publish(
    SegmentGranularity,
    "How long the stretches of time are that Apache Druid keeps together.",
    HOUR="An hour.",
    DAY="A day, in UTC.",
    WEEK="A week that begins on Monday.",
    MONTH="A month of the calendar.",
    QUARTER="A quarter of a year.",
    YEAR="A year.",
    ALL="All of time.",
)
