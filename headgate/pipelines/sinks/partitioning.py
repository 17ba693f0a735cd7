"""Partitioned datasets: each file holds the rows of one combination of values, which the log tells to readers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from headgate.errors import JobFault
from headgate.pipelines.sinks.writing import COMPRESSION, FILE_BYTES, Target, part_of, write_rows
from headgate.storage.columns import Column, column_type
from headgate.storage.datasets import Part, Snapshot, WriteMode
from headgate.storage.partitions import partition_text, tells_partitions

MAX_PARTITIONS = 1_000
"""So many partitions may the rows of one job be spread over."""
AT_ONCE = 64
"""So many partitions are written by one scan of the rows: each holds the rows of a row group in memory."""
ROWS_AT_ONCE = 16_384
"""How many rows of a partition are held in memory, and are a row group of its file."""


def partitioned(target: Target, names: Sequence[str], before: Snapshot | None) -> Target:
    """The target with the columns that partition it: as the dataset spells them or, where it has none yet, the rows do.

    Raises JobFault: UNKNOWN_COLUMN, PARTITIONS_DIFFER, ALL_COLUMNS_PARTITIONED.
    """
    standing = before.partition_by if before is not None else ()
    stays = before is not None and target.mode is not WriteMode.REPLACE
    if target.partition_by is None and stays:
        return replace(target, partition_by=standing)
    asked = standing if target.partition_by is None else target.partition_by
    found = tuple(_spelled(name, names, target.step) for name in asked)
    if stays:
        if {name.lower() for name in found} != {name.lower() for name in standing}:
            raise _differ(standing, target.step)
        return replace(target, partition_by=standing)
    if found and len(found) == len(names):
        message = "A dataset can't be partitioned by all of its columns; name fewer in partitionBy."
        raise JobFault("ALL_COLUMNS_PARTITIONED", message, "CONFIG", step=target.step)
    return replace(target, partition_by=found)


def _spelled(wanted: str, names: Sequence[str], step: str | None) -> str:
    found = {name.lower(): name for name in names}.get(wanted.lower())
    if found is None:
        message = f"The data has no column {wanted}, by which the dataset is to be partitioned."
        raise JobFault("UNKNOWN_COLUMN", message, "CONFIG", details={"columns": list(names)}, step=step)
    return found


def _differ(standing: Sequence[str], step: str | None) -> JobFault:
    how = f"partitioned by {', '.join(standing)}" if standing else "not partitioned"
    message = f"The dataset is {how}, which REPLACE alone can change. Leave partitionBy out to keep it so."
    return JobFault(
        "PARTITIONS_DIFFER", message, "CONFIG", details={"partitionBy": list(standing)}, step=step
    )


def write_partitions(rows: pl.LazyFrame, target: Target, order: int, columns: Sequence[Column]) -> list[Part]:
    """Write rows at the target's desk, the partitions in the order of their values; `rows` are scanned repeatedly.

    Rows that lack a column which partitions the dataset have null there. Raises JobFault: WRONG_TYPE,
    TOO_MANY_PARTITIONS.
    """
    partition_by = target.partition_by or ()
    known = [column for column in columns if column.name in partition_by]
    if not known:
        nothing = (None,) * len(partition_by)
        written = write_rows(rows, target.desk, target.stem, order)
        return [replace(part, partition=nothing) for part in written if part.rows]
    _check_types(known, target.step)
    names = [column.name for column in known]
    values = _values_of(rows.select(names), target.step)
    writing = _Writing(rows, target, order, names)
    return [
        part
        for first in range(0, values.height, AT_ONCE)
        for part in writing.write(values[first : first + AT_ONCE], first, values.height)
    ]


def _check_types(columns: Sequence[Column], step: str | None) -> None:
    for column in columns:
        if not tells_partitions(column.dtype):
            values = f"values of type {column_type(column.dtype)}"
            message = f"The column {column.name} has {values}, which can't tell partitions."
            raise JobFault("WRONG_TYPE", message, "CONFIG", details={"column": column.name}, step=step)


def _values_of(rows: pl.LazyFrame, step: str | None) -> pl.DataFrame:
    """The combinations of values that the rows have, in their order, nulls last."""
    found = pl.DataFrame(schema=rows.collect_schema())
    for batch in rows.collect_batches(maintain_order=False, lazy=True, engine="streaming"):
        found = pl.concat([found, batch.unique()]).unique()
        if found.height > MAX_PARTITIONS:
            names = ", ".join(found.columns)
            message = f"{names} have more than {MAX_PARTITIONS:,} combinations of values. Partition by other columns."
            raise JobFault("TOO_MANY_PARTITIONS", message, "CONFIG", step=step)
    return found.sort(found.columns, nulls_last=True)


@dataclass(frozen=True, slots=True)
class _Writing:
    """Writes the rows of some partitions at a time; `names` are those columns that partition them."""

    rows: pl.LazyFrame
    target: Target
    order: int
    names: Sequence[str]

    def write(self, values: pl.DataFrame, first: int, count: int) -> Iterator[Part]:
        """Write the rows with these values, which come as number `first` among `count` combinations."""
        numbers = {row: first + number for number, row in enumerate(values.iter_rows())}
        rows = self.rows
        if values.height < count:
            rows = rows.join(
                values.lazy(), on=self.names, how="semi", nulls_equal=True, maintain_order="left"
            )

        def file_name(file: Any) -> str:
            number = numbers[file.partition_keys.row(0)]
            return f"{self.target.stem}-{number:04}{file.index_in_partition:06}.parquet"

        folder = self.target.desk
        folder.mkdir(parents=True, exist_ok=True)
        layout = pl.PartitionBy(
            folder,
            key=list(self.names),
            include_key=True,
            approximate_bytes_per_file=FILE_BYTES,
            file_path_provider=file_name,
        )
        rows.sink_parquet(layout, compression=COMPRESSION, maintain_order=True, row_group_size=ROWS_AT_ONCE)
        for row, number in numbers.items():
            partition = self._partition(row)
            for path in sorted(folder.glob(f"{self.target.stem}-{number:04}??????.parquet")):
                yield replace(part_of(path, self.order), partition=partition)

    def _partition(self, row: Sequence[Any]) -> tuple[str | None, ...]:
        given = dict(zip(self.names, map(partition_text, row), strict=True))
        return tuple(given.get(name) for name in self.target.partition_by or ())
