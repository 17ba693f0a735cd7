"""Profiles: what the values of datasets and files are like, and which checks a file suggests."""

import asyncio
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any
from weakref import WeakKeyDictionary

import orjson

from headgate.domain.files import require_ready
from headgate.domain.ports import Engine, TimedOut
from headgate.domain.remembering import Recent
from headgate.domain.scratch import scratch_folder
from headgate.domain.services import Services
from headgate.errors import JobFault, UserFault
from headgate.storage.ids import new_id
from headgate.storage.tables import Dataset, File

PROFILE_TIMEOUT_S = 60.0
"""A profile that takes longer is given up: whoever sends a file waits behind it."""
MAX_KEPT_PROFILES = 32

Found = list[dict[str, Any]]


class Profile(StrEnum):
    """What to find out; the name of the engine's task."""

    STATISTICS = "profile"
    CORRELATIONS = "correlate"
    SUGGESTIONS = "suggest"


async def of_dataset(
    services: Services, dataset: Dataset, wanted: Profile, columns: Sequence[str] | None = None
) -> Found:
    """Profile columns of the version that a dataset is at, or all of them; without a version it has none.

    Raises UserFault: UNKNOWN_COLUMN, TOO_MANY_COLUMNS, NOT_NUMERIC, TIMED_OUT, or what befell the engine.
    """
    if dataset.version is None:
        if columns:
            raise UserFault(
                "UNKNOWN_COLUMN", f"There is no column {columns[0]}: nothing was ingested yet.", _path(0)
            )
        return []
    table = {"folder": services.store.location(dataset.storage_key).to_json(), "version": dataset.version}
    return await _profile(services, wanted, {"dataset": table}, columns)


async def of_file(
    services: Services, file: File, wanted: Profile, columns: Sequence[str] | None = None
) -> Found:
    """Profile columns of a file's readable rows, or all of them; suggestions are always of all.

    Raises UserFault: FILE_NOT_READY, UNKNOWN_COLUMN, TOO_MANY_COLUMNS, NOT_NUMERIC, TIMED_OUT, or the engine's reason.
    """
    key = require_ready(file, ())
    source = {
        "object": services.store.location(key).to_json(),
        "format": file.format,
        "dialect": file.dialect,
    }
    return await _profile(services, wanted, {"file": source}, columns)


async def _profile(
    services: Services, wanted: Profile, table: Mapping[str, Any], columns: Sequence[str] | None
) -> Found:
    task = {"task": wanted.value, **table, "columns": columns}
    try:
        found: Found = await answer(services, task)
    except TimedOut as fault:
        message = "This took too long and was ended. Ask for fewer columns at once."
        raise UserFault(fault.code, message, ("columns",)) from fault
    except JobFault as fault:
        raise UserFault(fault.code, fault.message, _place(fault, columns), fault.retryable) from fault
    return found


async def answer(services: Services, task: Mapping[str, Any]) -> Any:
    """Have the engine find out what will stay as it is; what it found the last times is remembered.

    Raises JobFault, TimedOut among them.
    """
    return await _desk_of(services.inspector).answer(services, task)


def _place(fault: JobFault, columns: Sequence[str] | None) -> tuple[str, ...]:
    named = (fault.details or {}).get("column")
    return _path(columns.index(named)) if columns and named in columns else ()


def _path(index: int) -> tuple[str, ...]:
    return ("columns", str(index))


class _Desk:
    """Has one profile made at a time, so that whoever sends a file waits behind one at most, and keeps the latest.

    What is profiled never changes: files are not written again, nor are versions of datasets.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()
        self._kept: Recent[bytes, Any] = Recent(MAX_KEPT_PROFILES)

    async def answer(self, services: Services, task: Mapping[str, Any]) -> Any:
        """Answer a task; raises JobFault."""
        key = orjson.dumps(task)
        if key not in self._kept:
            async with self._turn:
                if key not in self._kept:
                    self._kept[key] = await self._make(services, task)
        self._kept.move_to_end(key)
        return self._kept[key]

    async def _make(self, services: Services, task: Mapping[str, Any]) -> Any:
        limit_s = min(PROFILE_TIMEOUT_S, services.job_timeout_s)
        async with scratch_folder(services.store, new_id("profile"), 1) as scratch:
            answer = await self._engine.run({**task, "scratch": str(scratch)}, timeout_s=limit_s)
        return answer["found"]


_desks: WeakKeyDictionary[Engine, _Desk] = WeakKeyDictionary()


def _desk_of(engine: Engine) -> _Desk:
    if engine not in _desks:
        _desks[engine] = _Desk(engine)
    return _desks[engine]
