"""The appender of a process: takes calls that append records, several at once where that is faster."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

from sqlmodel import select

from headgate.domain import streams
from headgate.domain.acceptance import NewJob, ensure_dataset
from headgate.domain.appends import (
    OPERATION,
    Appended,
    AppendRequest,
    batch_of,
    check_records,
    token_for,
)
from headgate.domain.audit import Deed
from headgate.domain.bindings import Named
from headgate.domain.grouping import Grouped
from headgate.domain.idempotency import earlier
from headgate.domain.permissions import Principal, require
from headgate.domain.plans import Plan, pipelines_named, plan_of
from headgate.domain.ports import Engine
from headgate.domain.remembering import Recent
from headgate.domain.requests import DataRequest
from headgate.domain.sealing import Sealer
from headgate.domain.services import Services
from headgate.domain.specs import ROWS, chosen
from headgate.domain.streams import BatchLimits, Entry, Taken
from headgate.domain.tasks import dataset_of
from headgate.domain.vetting import Unvetted, Vetted, vet
from headgate.errors import UserFault
from headgate.storage.ids import new_id
from headgate.storage.tables import Append, Dataset, Role, utc_now

AT_ONCE = 32
"""So many calls are checked, or stored, together."""
MAX_BYTES_IN_FLIGHT = 128 * 1024**2
"""So many bytes of records may be on their way to be stored in a process."""
MAX_STREAMS = 10_000
MAX_PLANS = 1_000

Outcome = Taken | UserFault


class Appender:
    """Takes records, holds them against their rules in `engine`'s process, and stores them in the batches of streams.

    Calls that come at once are checked together, and those of one stream are stored by one transaction.
    """

    def __init__(self, services: Services, engine: Engine, limits: BatchLimits) -> None:
        self._services = services
        self._limits = limits
        self._sealer = Sealer(services, limits)
        self._vet = Grouped(partial(vet, services, engine), limit=AT_ONCE)
        self._stores: Recent[str, Grouped[Entry, Outcome]] = Recent(MAX_STREAMS)
        self._plans: Recent[tuple[str, int], Plan] = Recent(MAX_PLANS)
        self._bytes_in_flight = 0

    async def append(self, principal: Principal, request: AppendRequest, key: str | None = None) -> Appended:
        """Append records, once for each idempotency key: those that are accepted are durable when this answers.

        Creates the dataset where it is missing. Raises UserFault: FORBIDDEN, INVALID_ARGUMENT, EMPTY_DATA,
        TOO_MANY_RECORDS, NOT_FOUND, PIPELINE_DISABLED, INVALID_NAME, MODE_NOT_ALLOWED, IDEMPOTENCY_MISMATCH,
        NOT_CHECKED, BACKLOG_FULL, and the codes of rules that can't be held against the records as a whole.
        """
        require(principal, Role.OPERATOR)
        check_records(request)
        token = token_for(principal, key, request)
        if (known := await earlier(self._services, token)) is not None:
            return await self._earlier(known)
        batch, dataset = await self._batch(principal, request)
        vetted = await self._vetted(request, batch, dataset)
        entry = Entry(_row(vetted, principal), token, batch, _deed(principal, request, batch))
        taken = await self._store(entry)
        if taken.replayed_id is not None:
            return await self._earlier(taken.replayed_id)
        if taken.job_id is not None:
            self._sealer.look_after(entry.stream_id)
        return Appended.from_row(Append(**entry.row, job_id=taken.job_id), replayed=False)

    async def close(self) -> None:
        """Look after open batches no more: other processes do, or this one when it is back."""
        await self._sealer.close()

    @contextmanager
    def room(self) -> Iterator[Callable[[int], bool]]:
        """Make room for the records of a call: the block is told whether there is some for so many more bytes."""
        taken = 0

        def take(size: int) -> bool:
            nonlocal taken
            if self._bytes_in_flight and self._bytes_in_flight + size > MAX_BYTES_IN_FLIGHT:
                return False
            self._bytes_in_flight += size
            taken += size
            return True

        try:
            yield take
        finally:
            self._bytes_in_flight -= taken

    async def _batch(self, principal: Principal, request: AppendRequest) -> tuple[NewJob, Dataset]:
        """The batch that the records would open, and the dataset that they go to."""
        plan = await self._plan(request)
        batch = batch_of(request, plan, principal.user_id)
        (await Named.by(self._services, [batch])).bind(batch)
        dataset = await self._dataset(request.dataset)
        batch.job.dataset_id = dataset.id
        return batch, dataset

    async def _plan(self, request: AppendRequest) -> Plan:
        """What the pipeline does, which is checked once for each version of it."""
        wanted = DataRequest(pipeline=request.pipeline)
        pipelines = await pipelines_named(self._services, [wanted])
        pipeline = pipelines.get(request.pipeline or "")
        key = None if pipeline is None or not pipeline.enabled else (pipeline.id, pipeline.version)
        if key is None or (plan := self._plans.get(key)) is None:
            plan = plan_of(wanted, pipelines)
            if key is not None:
                self._plans[key] = plan
        return plan

    async def _dataset(self, name: str) -> Dataset:
        dataset_id = await ensure_dataset(self._services, name)
        async with self._services.database.read() as session:
            return await session.get_one(Dataset, dataset_id)

    async def _vetted(self, request: AppendRequest, batch: NewJob, dataset: Dataset) -> Vetted:
        spec = batch.job.spec
        into = dataset_of(self._services, dataset.storage_key, spec) | {"version": dataset.version}
        vetted = await self._vet(Unvetted(request.body, chosen(spec, ROWS), into))
        if isinstance(vetted, UserFault):
            raise vetted
        return vetted

    async def _store(self, entry: Entry) -> Taken:
        store = self._stores.get(entry.stream_id)
        if store is None:
            store = self._stores[entry.stream_id] = Grouped(self._store_all, limit=AT_ONCE)
        outcome = await store(entry)
        if isinstance(outcome, UserFault):
            raise outcome
        return outcome

    async def _store_all(self, entries: Sequence[Entry]) -> list[Outcome]:
        return await streams.take(self._services, entries, self._limits)

    async def _earlier(self, append_id: str) -> Appended:
        statement = select(Append).where(Append.id == append_id)
        async with self._services.database.read() as session:
            return Appended.from_row((await session.scalars(statement)).one())


def _row(vetted: Vetted, principal: Principal) -> dict[str, object]:
    return {
        "id": new_id("append"),
        "records": vetted.records,
        "row_count": vetted.accepted,
        "byte_size": vetted.byte_size,
        "rejected": vetted.rejected,
        "errors": vetted.errors,
        "created_at": utc_now(),
        "created_by_id": principal.user_id,
    }


def _deed(principal: Principal, request: AppendRequest, batch: NewJob) -> Deed:
    """One for each batch, by whoever opens it: there may be thousands of calls."""
    details = {"job": batch.job.id, "pipeline": request.pipeline}
    said = {name: value for name, value in details.items() if value is not None}
    return Deed(principal, OPERATION, request.dataset, said)
