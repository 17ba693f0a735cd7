"""Aggregates of datasets: sums, counts and the like of groups of rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headgate.domain import profiles
from headgate.domain.ports import TimedOut
from headgate.domain.services import Services
from headgate.errors import JobFault, UserFault
from headgate.storage.filters import RowFilter
from headgate.storage.rows import RowPageData
from headgate.storage.tables import Dataset

DEFAULT_GROUPS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class AggregateQuery:
    """What to make of which rows, and in which order to answer it.

    `metrics` are those of MetricSettings; `order_by` are columns and whether descending.
    """

    metrics: Sequence[Mapping[str, Any]]
    group_by: Sequence[str] | None = None
    filter: RowFilter | None = None
    order_by: Sequence[tuple[str, bool]] = ()
    first: int = DEFAULT_GROUPS

    def to_json(self) -> dict[str, Any]:
        """Say it as the engine's task has it."""
        return {
            "metrics": list(self.metrics),
            "groupBy": self.group_by,
            "filter": None if self.filter is None else self.filter.to_json(),
            "orderBy": list(self.order_by),
            "first": self.first,
        }


async def of_dataset(services: Services, dataset: Dataset, query: AggregateQuery) -> RowPageData:
    """Aggregate the version that a dataset is at; one without any version has no groups.

    Raises UserFault, with the path of what is wrong: INVALID_ARGUMENT, UNKNOWN_COLUMN, NOT_NUMERIC, NESTED_COLUMN,
    INVALID_FILTER, NUMBER_TOO_LARGE, TIMED_OUT, or what befell the engine.
    """
    if dataset.version is None:
        return RowPageData([], [], has_next=False, end_cursor=None, total=0)
    table = {"folder": services.store.location(dataset.storage_key).to_json(), "version": dataset.version}
    task = {"task": "aggregate", "dataset": table, "query": query.to_json()}
    try:
        found = await profiles.answer(services, task)
    except TimedOut as fault:
        message = "This took too long and was ended. Filter the rows, or ask for fewer metrics at once."
        raise UserFault(fault.code, message, ("metrics",)) from fault
    except JobFault as fault:
        path = tuple((fault.details or {}).get("path", ()))
        raise UserFault(fault.code, fault.message, path, fault.retryable) from fault
    return RowPageData(
        columns=found["columns"],
        records=found["records"],
        has_next=found["count"] > len(found["records"]),
        end_cursor=None,
        total=found["count"],
    )
