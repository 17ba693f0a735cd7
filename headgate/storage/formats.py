"""The formats of the files that come in."""

from enum import StrEnum


class FileFormat(StrEnum):
    """What a file holds, sniffed from its first bytes or given by the sender."""

    CSV = "CSV"
    TSV = "TSV"
    JSON = "JSON"
    NDJSON = "NDJSON"
    PARQUET = "PARQUET"
    EXCEL = "EXCEL"
    ARROW = "ARROW"


DELIMITED = frozenset({FileFormat.CSV, FileFormat.TSV})
TEXT_FORMATS = DELIMITED | {FileFormat.JSON, FileFormat.NDJSON}
