"""Aggregates of a dataset: one row for each group of its rows, ordered, and as many of them as are wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from pydantic import ValidationError

from headgate.errors import JobFault, UserFault
from headgate.pipelines.mistakes import mistakes_in, told
from headgate.pipelines.steps.aggregate import Aggregate, AggregateFunction, MetricSettings, value_of
from headgate.storage import datasets
from headgate.storage.columns import Column, json_records
from headgate.storage.filters import Conditions, RowFilter
from headgate.storage.locations import location_from_json
from headgate.storage.tablefolders import TableFolder, table_folder

MAX_METRICS = 100
MAX_GROUPED = 20
MAX_GROUPS = 10_000
KEEPS_VALUES = frozenset({AggregateFunction.MIN, AggregateFunction.MAX})
"""What these make is one of the column's values, and is spelled like it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to make of the rows: metrics of groups, the first of them in an order of columns and whether descending."""

    aggregate: Aggregate
    filter: RowFilter | None
    order_by: Sequence[tuple[str, bool]]
    first: int

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Wanted":
        """Read it. Raises UserFault (INVALID_ARGUMENT) with the path of what can't be."""
        _check_sizes(given)
        try:
            aggregate = Aggregate.model_validate(
                {"metrics": given["metrics"], "groupBy": given["groupBy"] or []}
            )
        except ValidationError as error:
            faults = mistakes_in(error)
            path = tuple(map(str, faults[0]["loc"])) or ("metrics",)
            raise UserFault("INVALID_ARGUMENT", f"{told(faults)}."[:500], path) from None
        wanted = None if given["filter"] is None else RowFilter.from_json(given["filter"])
        order_by = [(name, is_descending) for name, is_descending in given["orderBy"]]
        return cls(aggregate, wanted, order_by, given["first"])


def _check_sizes(given: Mapping[str, Any]) -> None:
    limits = {"metrics": MAX_METRICS, "groupBy": MAX_GROUPED, "orderBy": MAX_METRICS + MAX_GROUPED}
    for name, most in limits.items():
        if len(given[name] or ()) > most:
            raise UserFault("INVALID_ARGUMENT", f"{name} takes up to {most}.", (name,))
    if not 1 <= given["first"] <= MAX_GROUPS:
        raise UserFault("INVALID_ARGUMENT", f"first must be from 1 to {MAX_GROUPS}.", ("first",))


@dataclass(frozen=True, slots=True)
class Groups:
    """The first groups, and how many there are in all."""

    columns: Sequence[Column]
    frame: pl.DataFrame
    count: int

    def to_json(self) -> dict[str, Any]:
        """Say it as JSON: columns, records and count."""
        return {
            "columns": [column.to_json() for column in self.columns],
            "records": json_records(self.frame, {column.name: column.form for column in self.columns}),
            "count": self.count,
        }


def aggregate(folder: TableFolder, version: int, wanted: Wanted) -> Groups:
    """Make groups of a version's rows; without columns to group by all of them are one group, be there any or none.

    Where the order leaves it open, groups stand in that of their own columns. Raises UserFault: UNKNOWN_COLUMN,
    NOT_NUMERIC, NESTED_COLUMN, INVALID_FILTER, NUMBER_TOO_LARGE.
    """
    snapshot = datasets.snapshot(folder, version)
    known = {column.name: column for column in snapshot.columns}
    metrics = _metrics(wanted.aggregate.metrics, known)
    by = wanted.aggregate.group_by
    _check_groups(by, known)
    order = _order(wanted, metrics)
    rows = datasets.scan(folder, snapshot)
    if wanted.filter is not None:
        rows = rows.filter(_condition(wanted.filter, known))
    values = [value.alias(name) for name, value in metrics.items()]
    found = _collected(rows.group_by(by).agg(values) if by else rows.select(values))
    ordered = found.sort([name for name, _ in order], descending=[last for _, last in order], nulls_last=True)
    frame = ordered.head(wanted.first).select(*by, *metrics)
    return Groups(_columns(frame.schema, wanted.aggregate, known), frame, found.height)


def _condition(wanted: RowFilter, known: Mapping[str, Column]) -> pl.Expr:
    try:
        return Conditions(known).expression(wanted)
    except UserFault as fault:
        raise UserFault(fault.code, fault.message, ("filter",)) from fault


def _collected(groups: pl.LazyFrame) -> pl.DataFrame:
    try:
        return groups.collect(engine="streaming")
    except pl.exceptions.ComputeError as error:
        if "overflow" not in str(error):
            raise
        message = "A sum of decimals has more than 38 digits. Filter the rows, or group them."
        raise UserFault("NUMBER_TOO_LARGE", message, ("metrics",)) from error


def _metrics(wanted: Sequence[MetricSettings], known: Mapping[str, Column]) -> dict[str, pl.Expr]:
    schema = pl.Schema({name: column.dtype for name, column in known.items()})
    found = {}
    for number, metric in enumerate(wanted):
        path = ("metrics", str(number), "column")
        if metric.column is not None:
            _check_known(metric.column, known, path)
        try:
            found[metric.name] = _exact(metric, schema)
        except JobFault as fault:
            raise UserFault(fault.code, fault.message, path) from fault
    return found


def _exact(metric: MetricSettings, schema: pl.Schema) -> pl.Expr:
    """A metric's value; whole numbers are added up in 128 bits, which no number of rows fills."""
    value = value_of(metric, schema)
    if metric.function is AggregateFunction.SUM and schema[metric.column or ""].is_integer():
        cell = pl.col(metric.column or "")
        return pl.when(cell.count() > 0).then(cell.cast(pl.Int128).sum())
    return value


def _check_groups(by: Sequence[str], known: Mapping[str, Column]) -> None:
    for number, name in enumerate(by):
        path = ("groupBy", str(number))
        _check_known(name, known, path)
        if known[name].dtype.is_nested():
            message = f"Rows are grouped by single values, and {name} holds {known[name].type} values."
            raise UserFault("NESTED_COLUMN", message, path)


def _order(wanted: Wanted, metrics: Mapping[str, pl.Expr]) -> list[tuple[str, bool]]:
    """What groups are sorted by: what is wanted, then the columns that tell them apart."""
    by = wanted.aggregate.group_by
    there = dict.fromkeys((*by, *metrics))
    for number, (name, _) in enumerate(wanted.order_by):
        _check_known(name, there, ("orderBy", str(number), "column"))
    order = dict(wanted.order_by) | {name: False for name in by if name not in dict(wanted.order_by)}
    return list((order or {next(iter(metrics)): False}).items())


def _check_known(name: str, known: Mapping[str, Any], path: tuple[str, ...]) -> None:
    if name not in known:
        message = f"There is no column {name}. The columns are: {', '.join(list(known)[:20])}."
        raise UserFault("UNKNOWN_COLUMN", message, path)


def _columns(schema: pl.Schema, wanted: Aggregate, known: Mapping[str, Column]) -> list[Column]:
    """The columns of the groups; those whose values are the dataset's own are spelled as they are there."""
    kept = {name: name for name in wanted.group_by}
    kept |= {each.name: each.column or "" for each in wanted.metrics if each.function in KEEPS_VALUES}
    forms = {name: known[column].form for name, column in kept.items()}
    return [Column(name, dtype, forms.get(name)) for name, dtype in schema.items()]


def run_aggregate(task: Mapping[str, Any]) -> dict[str, Any]:
    """Run the task "aggregate": "dataset" (folder, version) and "query" as `Wanted` reads it; "found" are the groups.

    Raises JobFault with the "path" of what is wrong in the query.
    """
    dataset = task["dataset"]
    try:
        folder = table_folder(location_from_json(dataset["folder"]))
        groups = aggregate(folder, dataset["version"], Wanted.from_json(task["query"]))
    except UserFault as fault:
        raise JobFault(fault.code, fault.message, "CONFIG", details={"path": list(fault.path)}) from fault
    return {"found": groups.to_json()}
