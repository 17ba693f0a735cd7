"""Specs for Apache Druid, of what datasets hold."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from pydantic import ValidationError

from headgate.domain.datasets import folder_of
from headgate.domain.services import Services
from headgate.domain.tablereads import read_table
from headgate.errors import JobFault, UserFault
from headgate.pipelines.druid.native import native_spec
from headgate.pipelines.druid.sql import sql_statement
from headgate.pipelines.druid.table import DruidTable
from headgate.pipelines.druid.task import DruidDialect, DruidMode, Reading, TimestampFormat, Writing
from headgate.pipelines.mistakes import mistakes_in, told
from headgate.storage.columns import ColumnType
from headgate.storage.datasets import snapshot
from headgate.storage.tables import Dataset

FOLDER = "DATASET_FOLDER"
"""Stands for the place of a dataset's files: where that is on this machine is nobody's business."""


async def druid_spec(
    services: Services, dataset: Dataset, settings: Mapping[str, Any], dialect: DruidDialect
) -> dict[str, Any]:
    """What Druid has to be told so that one of its tables, named like the dataset, holds what this version does.

    `settings` are those of a DruidTable. Raises UserFault: INVALID_ARGUMENT, UNKNOWN_COLUMN, WRONG_TYPE, NOT_NUMERIC,
    WRONG_COLUMN, STORE_UNAVAILABLE, TIMED_OUT.
    """
    table = _table(settings)
    if dataset.version is None:
        message = f"The dataset {dataset.name} has no columns: nothing was ingested yet."
        raise UserFault("UNKNOWN_COLUMN", message, ("input", "timestampColumn"))
    version = await read_table(partial(snapshot, folder_of(services, dataset), dataset.version))
    try:
        layout = table.laid_out(version.columns)
    except JobFault as fault:
        raise UserFault(fault.code, fault.message, ("input",)) from fault
    is_text = layout.timestamp.type is ColumnType.STRING
    files = [f"{FOLDER}/{part.name}" for part in version.parts]
    reading = Reading(
        {"type": "local", "files": files},
        {"type": "parquet"},
        TimestampFormat.AUTO if is_text else TimestampFormat.MILLIS,
    )
    write = sql_statement if dialect is DruidDialect.SQL else native_spec
    return write(layout, reading, Writing(dataset.name, DruidMode.REPLACE))


def _table(settings: Mapping[str, Any]) -> DruidTable:
    try:
        return DruidTable.model_validate(settings)
    except ValidationError as error:
        faults = mistakes_in(error)
        path = ("input", *map(str, faults[0]["loc"]))
        raise UserFault("INVALID_ARGUMENT", f"There can be no such table: {told(faults)}.", path) from None
